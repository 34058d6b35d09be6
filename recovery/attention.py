"""What needs a person in one company: the one statement that the API and the board read (DESIGN, the promise)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from recovery.silence.level import CRITICAL_AFTER

MOST = 500
ALARMING_FAILURES = 3
"""A row on which a sweep raised is a person's business from the third time on."""


class AttentionKind(StrEnum):
    """Why somebody is needed, most urgent first: the order of the members is the order of the list."""

    MASS_LOSS = "mass_loss"
    ESCALATED = "escalated"
    RECOVERY_WITHOUT_OWNER = "recovery_without_owner"
    STRANDED = "stranded"
    SILENT = "silent"
    BUDGET_STOP = "budget_stop"
    APPROVAL = "approval"
    QUESTION = "question"
    POISON = "poison"
    ERROR_GROUP = "error_group"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One thing that waits for a person, with what a sentence about it needs; `entity_id` is the row that waits."""

    kind: AttentionKind
    entity_id: UUID
    since: datetime
    agent_id: UUID | None
    issue_id: UUID | None
    run_id: UUID | None
    facts: Mapping[str, Any]
    agent_name: str | None
    identifier: str | None
    title: str | None
    issue_status: str | None


# Every branch gives: kind, id, since, agent_id, issue_id, run_id, and `facts` for the sentence.
_WAITING = """
with company_runs as (
    select * from heartbeats_heartbeatrun
    where company_id = %(company)s and status in ('queued', 'running', 'scheduled_retry')
), needs as (
    select case when i.assignee_user_id is null and i.assignee_agent_id is null then 'recovery_without_owner'
                else 'escalated' end as kind,
           i.id, i.created_at as since, i.assignee_agent_id as agent_id, i.id as issue_id, null::uuid as run_id,
           json_build_object('origin', i.origin_kind, 'owner', u.username,
                             'description', left(i.description, 600)) as facts
    from issues_issue i left join agents_user u on u.id = i.assignee_user_id
    where i.company_id = %(company)s and i.status not in ('done', 'cancelled') and i.hidden_at is null
      and i.origin_kind in ('stranded_issue_recovery', 'stale_active_run_evaluation', 'harness_liveness_escalation')
  union all
    select 'stranded', i.id, i.updated_at, a.id, i.id, latest.id,
           json_build_object('status', i.status, 'agentStatus', a.status, 'runStatus', latest.status,
                             'errorCode', latest.error_code)
    from issues_issue i join agents_agent a on a.id = i.assignee_agent_id
    left join lateral (select r.id, r.status, r.error_code, r.finished_at from heartbeats_heartbeatrun r
                        where r.issue_id = i.id order by r.created_at desc limit 1) latest on true
    where i.company_id = %(company)s and i.hidden_at is null and i.assignee_user_id is null
      and i.status in ('todo', 'in_progress', 'blocked')
      and i.origin_kind not in ('stranded_issue_recovery', 'stale_active_run_evaluation', 'harness_liveness_escalation')
      and (i.updated_at < %(settled)s and coalesce(latest.finished_at, i.updated_at) < %(settled)s
           or i.status = 'blocked' and latest.status in ('failed', 'timed_out', 'cancelled'))
      and not exists (select 1 from company_runs r where r.issue_id = i.id)
      and not exists (select 1 from heartbeats_wakeuprequest w
                       where w.issue_id = i.id and w.status in ('queued', 'claimed', 'deferred_issue_execution'))
      and not exists (select 1 from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
                       where e.blocked_id = i.id and b.status not in ('done', 'cancelled'))
      and not exists (select 1 from issues_issue o where o.company_id = i.company_id and o.origin_id = i.id::text
                       and o.origin_kind in ('stranded_issue_recovery', 'harness_liveness_escalation')
                       and o.status not in ('done', 'cancelled'))
      and not exists (
        with recursive above as (
            select i.id as node, i.parent_id as parent, 0 as depth
          union all
            select p.id, p.parent_id, above.depth + 1
            from above join issues_issue p on p.id = above.parent where above.depth < 100
        ) select 1 from above join issues_treehold h on h.root_issue_id = above.node
           where h.status = 'active' and h.mode = 'pause')
  union all
    select 'silent', r.id, coalesce(r.last_output_at, r.process_started_at, r.started_at, r.created_at),
           r.agent_id, r.issue_id, r.id, json_build_object('host', r.executor_host, 'pid', r.process_pid)
    from company_runs r
    left join lateral (select d.decision, d.snoozed_until, d.created_at from recovery_watchdogdecision d
                        where d.run_id = r.id order by d.created_at desc limit 1) said on true
    where r.status = 'running'
      and coalesce(r.last_output_at, r.process_started_at, r.started_at, r.created_at) <= %(critical)s
      and not coalesce(
        case said.decision
          when 'dismissed_false_positive'
          then coalesce(r.last_output_at, r.process_started_at, r.started_at, r.created_at) <= said.created_at
          when 'continue' then coalesce(said.snoozed_until, said.created_at + interval '30 minutes') > %(now)s
          else said.snoozed_until > %(now)s end, false)
  union all
    select 'error_group', g.id, g.first_seen_at, g.agent_id, g.last_issue_id, g.last_run_id,
           json_build_object('message', left(g.message, 300), 'count', g.occurrences, 'severity', g.severity,
                             'last', g.last_seen_at)
    from agents_errorgroup g where g.company_id = %(company)s and g.state = 'open'
  union all
    select 'budget_stop', b.id, b.created_at, case b.scope_type when 'agent' then b.scope_id end, null, null,
           json_build_object('scope', b.scope_type, 'limit', b.amount_limit, 'observed', b.amount_observed,
                             'window', b.window_kind, 'project', p.name)
    from agents_budgetincident b left join issues_project p on p.id = b.scope_id
    where b.company_id = %(company)s and b.status = 'open' and b.threshold_type = 'hard'
  union all
    select 'approval', p.id, p.created_at, p.requested_by_agent_id,
           (select l.issue_id from issues_issueapproval l where l.approval_id = p.id limit 1), null,
           json_build_object('type', p.type, 'title', left(coalesce(p.payload ->> 'title', p.payload ->> 'name'), 200),
                             'summary', left(p.payload ->> 'summary', 300))
    from agents_approval p where p.company_id = %(company)s and p.status = 'pending'
  union all
    select 'question', q.id, q.created_at, q.author_agent_id, q.issue_id, q.created_by_run_id,
           json_build_object('kind', q.kind, 'title', q.title, 'summary', left(q.summary, 300))
    from issues_interaction q where q.company_id = %(company)s and q.status = 'pending'
  union all
    select 'poison', p.id, p.created_at, coalesce(r.agent_id, g.id), coalesce(r.issue_id, i.id), r.id,
           json_build_object('sweep', p.sweep, 'failures', p.failures, 'error', left(p.error, 300), 'retry', p.retry_at)
    from recovery_poisonrow p
    left join heartbeats_heartbeatrun r on r.id = p.row_id and r.company_id = %(company)s
    left join issues_issue i on i.id = p.row_id and i.company_id = %(company)s
    left join agents_agent g on g.id = p.row_id and g.company_id = %(company)s
    where p.failures >= %(failures)s
      and (r.id is not null or i.id is not null or g.id is not null or p.row_id = %(company)s)
  union all
    select 'mass_loss', m.id, m.opened_at, null, null, null,
           json_build_object('due', m.due_leases, 'live', m.live_leases, 'released', m.released)
    from recovery_masslossincident m where m.status = 'open'
)
select needs.*, a.name as agent_name, i.identifier, i.title, i.status as issue_status
from needs
left join agents_agent a on a.id = needs.agent_id and a.company_id = %(company)s
left join issues_issue i on i.id = needs.issue_id and i.company_id = %(company)s
order by array_position(%(order)s::text[], needs.kind), needs.since, needs.id limit %(limit)s
"""


def waiting_for_people(company_id: UUID, *, now: datetime, limit: int = MOST) -> list[Waiting]:
    """Everything in this company that waits for a person, most urgent kind first, then longest first. One statement.

    A mass loss is the instance's, and shown to every company.
    """
    values: dict[str, Any] = {
        "company": company_id,
        "now": now,
        "critical": now - CRITICAL_AFTER,
        "settled": now - timedelta(seconds=2 * settings.TIMINGS.reconcile_every),
        "failures": ALARMING_FAILURES,
        "order": [kind.value for kind in AttentionKind],
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, values)
        return [_waiting(row) for row in cursor.fetchall()]


def _waiting(row: tuple[Any, ...]) -> Waiting:
    kind, entity_id, since, agent_id, issue_id, run_id, facts, agent_name, identifier, title, status = row
    return Waiting(
        kind=AttentionKind(kind),
        entity_id=entity_id,
        since=since,
        agent_id=agent_id,
        issue_id=issue_id,
        run_id=run_id,
        facts=facts,
        agent_name=agent_name,
        identifier=identifier,
        title=title,
        issue_status=status,
    )
