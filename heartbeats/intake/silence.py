"""Agents that fell silent, and the remote runs that they leave behind: the verbs of the sweep (spec/1 G).

Each verb takes one row, under its lock, and looks again: a heartbeat that arrived meanwhile wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from agents.actors import system
from agents.heartbeat_decision import PresenceReason
from agents.lifecycle import change_presence
from agents.models import Agent
from agents.vocabulary import AdapterType, Presence
from config.common.clock import database_now
from heartbeats.models import HeartbeatRun
from heartbeats.runs.ending import lock_for_end
from heartbeats.runs.losing import Lost, fail_agent_run
from heartbeats.vocabulary import ErrorCode, RunStatus

SWEEP = "silence"


@dataclass(frozen=True, slots=True)
class RemoteHold:
    """What the loss of a remote run is judged by. Times are those of one clock."""

    lease_expires_at: datetime | None
    presence: Presence
    presence_changed_at: datetime | None


def is_silent(agent: Agent, *, silent_after: timedelta, now: datetime) -> bool:
    """Whether an agent that counts as present has not been heard of for `silent_after`."""
    heard = agent.last_seen_at or agent.presence_changed_at or agent.created_at
    return agent.presence != Presence.OFFLINE and now - heard > silent_after


def why_lost(hold: RemoteHold, *, silent_after: timedelta, now: datetime) -> str | None:
    """Why a running remote run is its agent's no more; None while it is."""
    if hold.lease_expires_at is None or hold.lease_expires_at < now:
        return "The remote agent did not renew the lease of this run"
    if hold.presence == Presence.OFFLINE:
        return "The remote agent is offline"
    errored_since = hold.presence_changed_at
    if hold.presence == Presence.ERROR and errored_since is not None and now - errored_since > silent_after:
        return "The remote agent stayed in error"
    return None


def silent_agents(*, silent_after: timedelta, now: datetime, limit: int, after: UUID | None = None) -> list[UUID]:
    """Agents to look at, in id order from behind `after`. By the partial index over agents that are not offline."""
    heard = Q(last_seen_at__lt=now - silent_after) | Q(last_seen_at__isnull=True)
    rows = Agent.objects.filter(heard).exclude(presence=Presence.OFFLINE)
    return list((rows.filter(id__gt=after) if after else rows).order_by("id").values_list("id", flat=True)[:limit])


def left_runs(*, silent_after: timedelta, now: datetime, limit: int, after: UUID | None = None) -> list[UUID]:
    """Running remote runs whose agent is offline or long in error, in id order from behind `after`.

    Those whose lease ran out are the reaper's, which asks first whether everybody's did.
    """
    errored = Q(agent__presence=Presence.ERROR, agent__presence_changed_at__lt=now - silent_after)
    rows = HeartbeatRun.objects.filter(
        errored | Q(agent__presence=Presence.OFFLINE), status=RunStatus.RUNNING, adapter_type=AdapterType.REMOTE
    )
    return list((rows.filter(id__gt=after) if after else rows).order_by("id").values_list("id", flat=True)[:limit])


def mark_silent(agent_id: UUID, *, silent_after: timedelta, now: datetime) -> bool:
    """Make a silent agent `offline`, audited and announced; False when it was heard of, or is gone. Locks the agent."""
    with transaction.atomic():
        agent = Agent.objects.select_for_update(no_key=True).filter(id=agent_id).first()
        if agent is None or not is_silent(agent, silent_after=silent_after, now=now):
            return False
        running = HeartbeatRun.objects.filter(agent_id=agent_id, status=RunStatus.RUNNING).exists()
        return change_presence(
            agent,
            Presence.OFFLINE,
            reason=PresenceReason.SILENT,
            still_running=running,
            actor=system(SWEEP),
            now=now,
        )


def lose_remote_run(run_id: UUID, *, silent_after: timedelta, now: datetime) -> Lost:
    """Put a remote run that its agent left through the failure policy as `agent_lost`; `won` False when it did not.

    The lease is judged by the database's clock. Locks agent → issue → run. Raises HeartbeatRun.DoesNotExist.
    """
    with transaction.atomic():
        ending = lock_for_end(run_id)
        run, agent = ending.run, ending.agent
        if run.adapter_type != AdapterType.REMOTE or run.status != RunStatus.RUNNING:
            return Lost(won=False)
        hold = RemoteHold(run.lease_expires_at, Presence(agent.presence), agent.presence_changed_at)
        reason = why_lost(hold, silent_after=silent_after, now=database_now())
        if reason is None:
            return Lost(won=False)
        return fail_agent_run(run_id, agent_id=agent.pk, code=ErrorCode.AGENT_LOST, reason=reason, now=now)
