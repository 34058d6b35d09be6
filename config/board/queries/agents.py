"""The agents of a company with their load and their last 24 hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from agents.vocabulary import AdapterType, AgentStatus, Presence
from config.board.queries.rows import ALL, read, total_of
from config.board.words.reasons import plain
from heartbeats.board.view_models import AgentRef, AgentRow, AgentsSection, HourCount

SHOWN = 60
HOURS = 24

# Runs are found by creation (an index); one that took longer than a day is not missed by looking back two.
_AGENTS = """
with hours as (
    select agent_id, json_agg(json_build_array(back, runs, errors)) as hours
    from (
        select agent_id, floor(extract(epoch from %(now)s - finished_at) / 3600)::int as back, count(*) as runs,
               count(*) filter (where status in ('failed', 'timed_out')) as errors
        from heartbeats_heartbeatrun
        where company_id = %(company)s and created_at > %(now)s - interval '48 hours'
          and finished_at > %(now)s - interval '24 hours' and finished_at <= %(now)s
        group by 1, 2
    ) grouped group by agent_id
), load as (
    select r.agent_id, count(*) filter (where r.status = 'running') as running,
           count(*) filter (where r.status = 'queued') as queued,
           string_agg(i.identifier, ', ' order by r.started_at) filter (where r.status = 'running') as issues
    from heartbeats_heartbeatrun r left join issues_issue i on i.id = r.issue_id
    where r.company_id = %(company)s and r.status in ('queued', 'running', 'scheduled_retry')
    group by r.agent_id
)
select a.id, a.name, a.status, a.presence, a.adapter_type, a.pause_reason, a.max_concurrent_runs, a.last_seen_at,
       coalesce(load.running, 0) as running, coalesce(load.queued, 0) as queued, load.issues, hours.hours,
       count(*) over () as total, sum((coalesce(load.running, 0) > 0)::int) over () as working
from agents_agent a left join load on load.agent_id = a.id left join hours on hours.agent_id = a.id
where a.company_id = %(company)s and a.status <> 'terminated' and (%(agent)s::uuid is null or a.id = %(agent)s)
order by case when a.status = 'error' or (a.adapter_type = 'remote' and a.presence = 'error') then 0
              when a.status in ('paused', 'pending_approval') then 1
              when load.running > 0 then 2 when load.queued > 0 then 3 else 4 end, lower(a.name)
limit %(limit)s
"""


def agents_section(company_id: UUID, *, now: datetime, limit: int = SHOWN) -> AgentsSection:
    """Every agent that is not terminated: in trouble first, then at work, then idle. One statement."""
    rows = _read(company_id, None, now, limit)
    total = total_of(rows)
    more = f"{reverse('board')}?all=agents" if total > limit and limit < ALL else ""
    working = int(rows[0]["working"]) if rows else 0
    return AgentsSection(tuple(map(_row, rows)), total, working, more)


def agent_load(company_id: UUID, agent_id: UUID, *, now: datetime) -> AgentRow | None:
    """One agent as the board shows it; None when terminated. One statement."""
    return next(map(_row, _read(company_id, agent_id, now, 1)), None)


def _read(company_id: UUID, agent_id: UUID | None, now: datetime, limit: int) -> list[dict[str, Any]]:
    return read(_AGENTS, {"company": company_id, "agent": agent_id, "now": now, "limit": limit})


def _row(row: Mapping[str, Any]) -> AgentRow:
    return AgentRow(
        agent=AgentRef(row["id"], row["name"]),
        status=shown_status(row["status"], row["adapter_type"], row["presence"]),
        running=row["running"],
        slots=row["max_concurrent_runs"],
        queued=row["queued"],
        hours=hours_of(row["hours"] or ()),
        note=_note(row),
        last_seen=row["last_seen_at"],
    )


def shown_status(status: str, adapter_type: str, presence: str) -> str:
    """What an agent is said to be: a remote one that is well is what its heartbeats say."""
    resting = status in {AgentStatus.IDLE, AgentStatus.ACTIVE}
    if adapter_type == AdapterType.REMOTE and (resting or presence == Presence.ERROR):
        return presence
    return status


def hours_of(counted: Sequence[Sequence[int]]) -> tuple[HourCount, ...]:
    """24 hours, oldest first, from `[hours back, runs, errors]` of those that had any."""
    by_hour = {back: HourCount(runs, errors) for back, runs, errors in counted}
    return tuple(by_hour.get(back, HourCount(0)) for back in reversed(range(HOURS)))


def _note(row: Mapping[str, Any]) -> str:
    if row["issues"]:
        return f"on {row['issues']}"
    if row["status"] == AgentStatus.PAUSED:
        return {"budget": "stopped by its budget", "system": "paused by the system"}.get(
            row["pause_reason"], "paused by hand"
        )
    if row["queued"]:
        return f"{row['queued']} queued"
    return "its last run failed" if row["status"] == AgentStatus.ERROR else _remote_note(row)


def _remote_note(row: Mapping[str, Any]) -> str:
    remote = row["adapter_type"] == AdapterType.REMOTE
    return "never reported" if remote and row["last_seen_at"] is None else plain("remote" if remote else "")
