"""What only a person can move, of one company. One statement, whatever is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from config.board.queries.rows import ALL, read
from config.board.words.needs import need_row
from heartbeats.board.view_models import NeedsRow, NeedsSection
from recovery.silence.level import CRITICAL_AFTER

SHOWN = 15
ALARMING_FAILURES = 3
_ORDER = (
    "incident", "escalated", "recovery_without_owner", "stranded", "critical_silence", "budget_stop", "approval",
    "question", "parked_poison", "error_group",
)  # fmt: skip

# Every branch gives: kind, id, since, agent_id, issue_id, run_id, and `facts` for the sentence.
_NEEDS = """
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
    select 'critical_silence', r.id, coalesce(r.last_output_at, r.process_started_at, r.started_at, r.created_at),
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
    select 'parked_poison', p.id, p.created_at, r.agent_id, coalesce(r.issue_id, i.id), r.id,
           json_build_object('sweep', p.sweep, 'failures', p.failures, 'error', left(p.error, 300), 'retry', p.retry_at)
    from recovery_poisonrow p
    left join heartbeats_heartbeatrun r on r.id = p.row_id and r.company_id = %(company)s
    left join issues_issue i on i.id = p.row_id and i.company_id = %(company)s
    where p.failures >= %(failures)s and (r.id is not null or i.id is not null)
  union all
    select 'incident', m.id, m.opened_at, null, null, null,
           json_build_object('due', m.due_leases, 'live', m.live_leases, 'released', m.released)
    from recovery_masslossincident m where m.status = 'open'
)
select needs.*, a.name as agent_name, i.identifier, i.title, i.status as issue_status
from needs left join agents_agent a on a.id = needs.agent_id left join issues_issue i on i.id = needs.issue_id
where %(kinds)s::text[] is null or needs.kind = any(%(kinds)s)
order by needs.since desc limit 500
"""


def needs_section(company_id: UUID, *, now: datetime, may_act: bool, limit: int = SHOWN) -> NeedsSection:
    """Worst first, oldest first within. One statement."""
    rows = needs_rows(company_id, now=now, may_act=may_act)
    more = f"{reverse('board')}?all=needs" if len(rows) > limit and limit < ALL else ""
    return NeedsSection(tuple(rows[:limit]), len(rows), more)


def needs_rows(company_id: UUID, *, now: datetime, may_act: bool, kinds: list[str] | None = None) -> list[NeedsRow]:
    """Everything of these kinds (None: of all). One statement."""
    found = read(_NEEDS, _parameters(company_id, now, kinds))
    rows = [need_row(row, now=now, may_act=may_act) for row in found]
    return sorted(rows, key=lambda row: (_ORDER.index(row.kind), row.since))


def _parameters(company_id: UUID, now: datetime, kinds: list[str] | None) -> Mapping[str, Any]:
    return {
        "company": company_id,
        "now": now,
        "kinds": kinds,
        "critical": now - CRITICAL_AFTER,
        "settled": now - timedelta(seconds=2 * settings.TIMINGS.reconcile_every),
        "failures": ALARMING_FAILURES,
    }
