"""Edges that went by unheard, found again by level: deferred wakeups, wakes that met a paused agent, resolved and
cancelled blockers (K.10).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from agents.budgets.blocking import invocation_block
from agents.models import ActivityEvent
from agents.vocabulary import NOT_INVOKABLE
from heartbeats.vocabulary import WakeReason, WakeupRowReason, WakeupSource
from heartbeats.wakeups.deferred import promote_orphaned_deferred
from issues.models import Issue
from issues.readiness import HOLD_SQL
from issues.trail import issue_row, record
from recovery.issue_actions import RECOVERY, say
from recovery.stranded.missed_edges import Blocker, MissedEdge, WaitingFacts, find_missed_edge
from recovery.stranded.passed_over import PASSED_OVER, wake_again
from recovery.stranded.texts import cancelled_blocker_comment
from recovery.sweeps.rows import Done, Left, RowResult
from recovery.waking import wake

SURFACED = "issue.cancelled_blocker_surfaced"
LOST_RACE = "lost_race"
# The announcement of the edge itself is on its way for this long.
SETTLING = timedelta(seconds=10)

# A wake that the agent was not told of is none.
COUNTS = f"not (w.status = 'skipped' and w.reason = '{WakeupRowReason.AGENT_NOT_INVOKABLE}')"

_EDGES = f"""
select w.issue_id from heartbeats_wakeuprequest w
where w.status = 'deferred_issue_execution' and w.issue_id is not null and w.requested_at < %(settled)s
  and not exists (select 1 from heartbeats_heartbeatrun r
                  where r.issue_id = w.issue_id and r.status in ('queued', 'running', 'scheduled_retry'))
union
select i.id
from (select e.blocked_id, bool_and(b.status = 'done') as all_done, bool_or(b.status = 'cancelled') as some_cancelled,
             max(coalesce(b.completed_at, b.cancelled_at)) as ended_at
      from issues_issuerelation e join issues_issue b on b.id = e.blocker_id group by e.blocked_id) x
join issues_issue i on i.id = x.blocked_id
join agents_agent a on a.id = i.assignee_agent_id and a.status <> all(%(closed)s) and a.wake_on_demand
where i.status in ('todo', 'blocked') and i.assignee_agent_id is not null and i.hidden_at is null
  and (x.all_done or x.some_cancelled) and x.ended_at < %(settled)s
  and not exists (select 1 from heartbeats_heartbeatrun r
                  where r.issue_id = i.id and r.status in ('queued', 'running', 'scheduled_retry'))
  and case when x.all_done
      then not exists (select 1 from heartbeats_wakeuprequest w
                       where w.issue_id = i.id and w.requested_at >= x.ended_at and {COUNTS})
      else not exists (select 1 from agents_activityevent v
                       where v.issue_id = i.id and v.action = %(surfaced)s and v.created_at >= x.ended_at) end
union
select i.id
from heartbeats_wakeuprequest w
join agents_agent a on a.id = w.agent_id and a.status <> all(%(closed)s) and a.wake_on_demand
join issues_issue i on {PASSED_OVER}
where i.status not in ('backlog', 'done', 'cancelled') and i.hidden_at is null and w.requested_at < %(settled)s
  and not exists (select 1 from heartbeats_heartbeatrun r
                  where r.issue_id = i.id and r.status in ('queued', 'running', 'scheduled_retry'))
order by 1 limit %(limit)s
"""  # noqa: S608 - constants

_FACTS = f"""
select i.company_id, i.assignee_agent_id, i.project_id, i.status,
       a.status <> all(%(closed)s) and a.wake_on_demand, {HOLD_SQL} is not null,
       exists (select 1 from heartbeats_heartbeatrun r
               where r.issue_id = i.id and r.status in ('queued', 'running', 'scheduled_retry')),
       exists (select 1 from heartbeats_wakeuprequest w
               where w.issue_id = i.id and w.status = 'deferred_issue_execution'),
       (select max(w.requested_at) from heartbeats_wakeuprequest w where w.issue_id = i.id and {COUNTS}),
       exists (select 1 from heartbeats_wakeuprequest w where {PASSED_OVER}),
       (select max(v.created_at) from agents_activityevent v where v.issue_id = i.id and v.action = %(surfaced)s),
       coalesce((select json_agg(json_build_object('id', b.id, 'identifier', b.identifier, 'status', b.status,
                                          'endedAt', coalesce(b.completed_at, b.cancelled_at)) order by b.number)
                 from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
                 where e.blocked_id = i.id), '[]')
from issues_issue i left join agents_agent a on a.id = i.assignee_agent_id where i.id = %(issue)s
"""  # noqa: S608 - constants of this module and of issues.readiness


@dataclass(frozen=True)
class Edge:
    """An issue that may have missed an edge."""

    issue_id: UUID


@dataclass(frozen=True)
class Waiting:
    """The facts of one waiting issue, for the decision and for carrying it out."""

    company_id: UUID
    agent_id: UUID | None
    project_id: UUID | None
    blockers: tuple[dict[str, Any], ...]
    facts: WaitingFacts


def find_edges(*, now: datetime, limit: int) -> list[Edge]:
    """Issues that may have missed an edge, in id order. One statement; issues without blockers cost nothing."""
    values: dict[str, Any] = {
        "settled": now - SETTLING,
        "closed": sorted(NOT_INVOKABLE),
        "surfaced": SURFACED,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_EDGES, values)
        return [Edge(issue_id) for (issue_id,) in cursor.fetchall()]


def load_waiting(issue_id: UUID) -> Waiting | None:
    """What `find_missed_edge` looks at, in one statement; None for an issue that is gone."""
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, {"issue": issue_id, "closed": sorted(NOT_INVOKABLE), "surfaced": SURFACED})
        row = cursor.fetchone()
    if row is None:
        return None
    company, agent, project, status, invokable, held, live, deferred, woken, passed_over, surfaced, blockers = row
    ends = [datetime.fromisoformat(blocker["endedAt"]) for blocker in blockers if blocker["endedAt"]]
    ended = max(ends, default=None)
    facts = WaitingFacts(
        status=status,
        blockers=tuple(Blocker(one["id"], one["status"], _moment(one["endedAt"])) for one in blockers),
        live_run=live,
        pause_held=held,
        agent_invokable=bool(invokable),
        deferred_wakeup=deferred,
        last_wake_at=woken,
        passed_over=passed_over,
        cancelled_blocker_surfaced=surfaced is not None and (ended is None or surfaced >= ended),
    )
    return Waiting(company, agent, project, tuple(blockers), facts)


def follow_edge(edge: Edge, *, now: datetime, dry_run: bool) -> RowResult:
    """Do what the missed edge asks for, decided again under the issue's lock."""
    with transaction.atomic():
        issue = Issue.objects.filter(pk=edge.issue_id)
        row = (issue if dry_run else issue.select_for_update(no_key=True, skip_locked=True)).first()
        waiting = load_waiting(edge.issue_id) if row is not None else None
        if row is None or waiting is None:
            return Left(LOST_RACE)
        missed = find_missed_edge(waiting.facts)
        if missed is None:
            return Left("no_edge")
        if missed is not MissedEdge.PROMOTE_DEFERRED and _over_budget(waiting, now):
            return Left("budget_blocked")
        if not dry_run:
            _follow(row, waiting, missed, now)
        return Done(missed.value, waiting.company_id)


def _over_budget(waiting: Waiting, now: datetime) -> bool:
    if waiting.agent_id is None:
        return True
    return invocation_block(waiting.company_id, waiting.agent_id, waiting.project_id, now=now) is not None


def _follow(issue: Issue, waiting: Waiting, missed: MissedEdge, now: datetime) -> None:
    if missed is MissedEdge.PROMOTE_DEFERRED:
        promote_orphaned_deferred(issue.pk, now=now)
    elif missed is MissedEdge.WAKE_PASSED_OVER:
        wake_again(issue, now=now)
    elif missed is MissedEdge.WAKE_BLOCKERS_RESOLVED:
        _wake_resolved(issue, waiting, now)
    else:
        _surface_cancelled(issue, waiting, now)


def _wake_resolved(issue: Issue, waiting: Waiting, now: datetime) -> None:
    assert waiting.agent_id is not None
    ids = [blocker["id"] for blocker in waiting.blockers]
    last = max(waiting.blockers, key=lambda blocker: blocker["endedAt"] or "")
    wake(
        waiting.agent_id,
        issue.pk,
        company_id=waiting.company_id,
        reason=WakeReason.ISSUE_BLOCKERS_RESOLVED,
        source="issue.blockers_resolved",
        facts={"resolvedBlockerIssueId": last["id"], "blockerIssueIds": ids},
        now=now,
        wakeup_source=WakeupSource.AUTOMATION,
    )


def _surface_cancelled(issue: Issue, waiting: Waiting, now: datetime) -> None:
    """One comment to the owner, who is woken by it and may remove the relation although it is blocked."""
    assert waiting.agent_id is not None
    cancelled = [blocker for blocker in waiting.blockers if blocker["status"] == "cancelled"]
    comment = say(issue, cancelled_blocker_comment([blocker["identifier"] for blocker in cancelled]))
    row: ActivityEvent = issue_row(RECOVERY, issue, SURFACED, {"blockerIssueIds": [one["id"] for one in cancelled]})
    record(issue, row)
    wake(
        waiting.agent_id,
        issue.pk,
        company_id=waiting.company_id,
        reason=WakeReason.ISSUE_COMMENTED,
        source="issue.comment",
        facts={"commentId": str(comment.pk)},
        now=now,
        wakeup_source=WakeupSource.AUTOMATION,
    )


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
