"""One look at every agent-owned active issue: how many need nothing and why, and which ones need something (spec/3 E).

Set-based: the cost of an issue that needs nothing is its share of one statement. The same table as
`recovery.stranded.decision`, whose verdict under the lock is the one that counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from agents.vocabulary import NOT_INVOKABLE
from heartbeats.runs.ledger import NO_ACTION
from heartbeats.vocabulary import LivenessState
from issues.readiness import HOLD_SQL
from recovery.retries.ledger import DEFAULT_LEDGER_CAP, Ledger
from recovery.retries.permanent import permanent_family
from recovery.stranded.decision import LatestRun, StrandedFacts

ACTION = "action"
DEPENDENCIES = "dependencies_blocked"
NOT_ON_DEMAND = "wake_on_demand_disabled"

_SURVEY = """
with idle as not materialized (
    select i.id, i.status, i.company_id, i.assignee_agent_id, i.checkout_run_id, i.execution_run_id
    from issues_issue i
    where i.status in ('todo', 'in_progress') and i.assignee_agent_id is not null and i.assignee_user_id is null
      and i.hidden_at is null
      and not exists (select 1 from heartbeats_heartbeatrun r
                      where r.issue_id = i.id and r.status in ('queued', 'running', 'scheduled_retry'))
), judged as materialized (
    select i.id, case
        when a.company_id <> i.company_id then 'agent_missing'
        when a.status = any(%(closed)s) then 'agent_not_invokable'
        when exists (select 1 from heartbeats_wakeuprequest w
                     where w.issue_id = i.id and w.status = 'deferred_issue_execution') then 'deferred_wakeup'
        when last.status = 'succeeded' and i.status = 'todo' then 'resting'
        when last.status = 'succeeded' and last.liveness_state = any(%(productive)s) then 'productive_continuation'
        when last.status = 'succeeded' then 'successful_continuation'
        when last.status is null and i.status = 'in_progress' and i.checkout_run_id is null
             and i.execution_run_id is null then 'seeded_by_hand'
        when last.status is null and i.status = 'todo' and exists (
             select 1 from heartbeats_wakeuprequest w where w.issue_id = i.id and w.status = 'queued')
             then 'wakeup_queued'
        when exists (select 1 from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
                     where e.blocked_id = i.id and b.status <> 'done') then 'dependencies_blocked'
        when last.status is null and i.status = 'todo' and not a.wake_on_demand then 'wake_on_demand_disabled'
        else 'action' end as place
    from idle i join agents_agent a on a.id = i.assignee_agent_id
    left join lateral (select r.status, r.liveness_state from heartbeats_heartbeatrun r where r.issue_id = i.id
                       order by r.created_at desc limit 1) last on true
)
select place, count(*), case when place = 'action' then (
    select array_agg(first.id) from (
        select j.id from judged j where j.place = 'action' order by j.id limit %(most)s) first) end
from judged group by place
"""

_LIVE = """
select count(*) from heartbeats_heartbeatrun r join issues_issue i on i.id = r.issue_id
where r.status in ('queued', 'running', 'scheduled_retry') and i.status in ('todo', 'in_progress')
  and i.assignee_agent_id is not null and i.assignee_user_id is null and i.hidden_at is null
"""

_FACTS = f"""
select i.id, i.company_id, i.status, i.origin_kind, i.assignee_agent_id, i.project_id, i.hidden_at is not null,
       i.assignee_agent_id is not null and i.assignee_user_id is null,
       a.company_id = i.company_id, a.status <> all(%(closed)s), a.wake_on_demand,
       exists (select 1 from heartbeats_heartbeatrun r
               where r.issue_id = i.id and r.status in ('queued', 'running', 'scheduled_retry')),
       exists (select 1 from heartbeats_wakeuprequest w
               where w.issue_id = i.id and w.status = 'deferred_issue_execution'),
       exists (select 1 from heartbeats_wakeuprequest w where w.issue_id = i.id and w.status = 'queued'),
       i.checkout_run_id is not null or i.execution_run_id is not null,
       {HOLD_SQL} is not null,
       exists (select 1 from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
               where e.blocked_id = i.id and b.status <> 'done'),
       last.id, last.status, last.retry_reason, last.liveness_state, last.error_code, last.family,
       (select count(*) from heartbeats_heartbeatrun r
         where r.issue_id = i.id and (r.retry_reason is not null or r.wake_reason = 'run_liveness_continuation')
           and r.created_at > coalesce(greatest(i.last_human_action_at, (
               select max(e.created_at) from agents_activityevent e
               where e.issue_id = i.id and e.actor_type = 'agent' and e.agent_id = i.assignee_agent_id
                 and e.action not in {NO_ACTION})),
               '-infinity'))
from issues_issue i
left join agents_agent a on a.id = i.assignee_agent_id
left join lateral (
    select r.id, r.status, r.retry_reason, r.liveness_state, r.error_code, r.result ->> 'errorFamily' as family
    from heartbeats_heartbeatrun r where r.issue_id = i.id order by r.created_at desc, r.id desc limit 1) last on true
where i.id = any(%(ids)s)
"""  # noqa: S608 - constants of this module and of issues.readiness


@dataclass(frozen=True)
class Survey:
    """How many issues are in each place, and the first of those that need something, in id order."""

    places: dict[str, int]
    acting: tuple[UUID, ...]


@dataclass(frozen=True)
class Stranded:
    """One issue with what the decision needs and what carrying it out needs."""

    issue_id: UUID
    company_id: UUID
    project_id: UUID | None
    agent_id: UUID | None
    run_id: UUID | None
    blocked: bool
    wake_on_demand: bool
    facts: StrandedFacts


def survey(most: int) -> Survey:
    """Look at all of them, in two statements. At most `most` issues are named."""
    parameters: dict[str, Any] = {
        "closed": sorted(NOT_INVOKABLE),
        "productive": list(LivenessState.PRODUCTIVE),
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SURVEY, parameters)
        rows = cursor.fetchall()
        cursor.execute(_LIVE)
        live = cursor.fetchone()[0]
    places = {place: count for place, count, _ in rows if place != ACTION}
    acting: list[UUID] = next((ids for place, _, ids in rows if place == ACTION), [])
    return Survey({**places, "live_run": live} if live else places, tuple(acting))


def load_stranded(issue_ids: Sequence[UUID], *, cap: int = DEFAULT_LEDGER_CAP) -> dict[UUID, Stranded]:
    """The facts of these issues, in one statement. Whoever acts holds the issue's lock while it reads."""
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, {"ids": list(issue_ids), "closed": sorted(NOT_INVOKABLE)})
        return {row[0]: _stranded(row, cap) for row in cursor.fetchall()}


def _stranded(row: Sequence[Any], cap: int) -> Stranded:
    issue_id, company_id, status, origin, agent_id, project_id, hidden, owned = row[:8]
    found, invokable, on_demand, live, deferred, queued, linked, held, blocked = row[8:17]
    run_id, run_status, retry_reason, liveness, error_code, family, spent = row[17:]
    latest = None
    if run_id is not None:
        failure = permanent_family(error_code, {"errorFamily": family})
        latest = LatestRun(run_id, run_status, retry_reason, liveness, failure)
    facts = StrandedFacts(
        issue_id=issue_id,
        status=status,
        agent_owned=owned,
        hidden=hidden,
        origin_kind=origin,
        agent_found=bool(found),
        agent_invokable=bool(invokable),
        live_run=live,
        deferred_wakeup=deferred,
        pause_held=held,
        queued_wakeup=queued,
        run_linked=linked,
        latest_run=latest,
        ledger=Ledger(spent, cap),
    )
    return Stranded(issue_id, company_id, project_id, agent_id, run_id, blocked, bool(on_demand), facts)
