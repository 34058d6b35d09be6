"""The sweep that says of a silent agent that it is offline, and gives its remote runs up (spec/1 G)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import connection

from agents.lifecycle import change_presence
from agents.models import Agent
from agents.vocabulary import Presence
from heartbeats.models import HeartbeatRun
from heartbeats.runs.losing import fail_agent_run
from heartbeats.vocabulary import ErrorCode, RunStatus
from recovery.issue_actions import RECOVERY
from recovery.sweeps.rows import Done, Left, RowResult, SweepPass

SILENT = "silent"
OFFLINE = "offline"
RUNS_LOST = "runs_lost"
LOST_RACE = "lost_race"

_AGENTS = """
select a.id from agents_agent a
where a.presence <> 'offline' and coalesce(a.last_seen_at, a.presence_changed_at, a.created_at) < %(since)s
  and (%(after)s::uuid is null or a.id > %(after)s)
order by a.id limit %(limit)s
"""
_RUNS = """
select r.id from heartbeats_heartbeatrun r join agents_agent a on a.id = r.agent_id
where r.status = 'running' and r.adapter_type = 'remote' and (%(after)s::uuid is null or r.id > %(after)s)
  and (a.presence = 'offline' and coalesce(a.last_seen_at, a.created_at) < %(since)s
       or a.presence = 'error' and a.presence_changed_at < %(since)s)
order by r.id limit %(limit)s
"""


def find_silent_agents(work: SweepPass) -> None:
    """Silent agents become offline; then the remote runs of agents offline or in error for as long end `agent_lost`.

    A heartbeat that arrives meanwhile wins: each row is judged again under its lock.
    """
    work.over(partial(_select, _AGENTS, work), partial(_go_offline, work))
    work.over(partial(_select, _RUNS, work), partial(_lose_run, work))


def silent_since(now: datetime) -> datetime:
    """Who was last heard of before this moment is silent."""
    return now - timedelta(seconds=settings.TIMINGS.silence_after)


def _select(statement: str, work: SweepPass, after: UUID | None, limit: int) -> Sequence[UUID]:
    with connection.cursor() as cursor:
        values = {"since": silent_since(work.now), "after": after, "limit": limit}
        cursor.execute(statement, values)
        return [row_id for (row_id,) in cursor.fetchall()]


def _go_offline(work: SweepPass, agent_id: UUID) -> RowResult:
    rows = Agent.objects.filter(pk=agent_id)
    agent = (rows if work.dry_run else rows.select_for_update(no_key=True, skip_locked=True)).first()
    if agent is None or not _is_silent(agent, work.now):
        return Left(LOST_RACE)
    if not work.dry_run:
        running = HeartbeatRun.objects.filter(agent=agent, status=RunStatus.RUNNING).exists()
        change_presence(agent, Presence.OFFLINE, reason=SILENT, still_running=running, actor=RECOVERY, now=work.now)
    return Done(OFFLINE, agent.company_id)


def _lose_run(work: SweepPass, run_id: UUID) -> RowResult:
    run = HeartbeatRun.objects.select_related("agent").get(pk=run_id)
    if work.dry_run:
        return Done(RUNS_LOST, run.company_id)
    agent = Agent.objects.select_for_update(no_key=True).get(pk=run.agent_id)
    if not (_is_silent(agent, work.now) or _is_broken(agent, work.now)):
        return Left(LOST_RACE)
    reason = f"Agent lost: it is {agent.presence} and has not been heard of"
    if agent.last_seen_at is not None:
        reason += f" since {agent.last_seen_at.isoformat(timespec='seconds')}"
    lost = fail_agent_run(run_id, agent_id=agent.pk, code=ErrorCode.AGENT_LOST, reason=reason, now=work.now)
    return Done(RUNS_LOST, run.company_id) if lost.won else Left(LOST_RACE)


def _is_silent(agent: Agent, now: datetime) -> bool:
    heard = agent.last_seen_at or agent.presence_changed_at or agent.created_at
    return heard < silent_since(now)


def _is_broken(agent: Agent, now: datetime) -> bool:
    since = agent.presence_changed_at
    return agent.presence == Presence.ERROR and since is not None and since < silent_since(now)
