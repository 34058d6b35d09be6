"""What needs a person in one company: one list, one statement, each row with where to act (DESIGN, the promise)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from recovery.silence.level import CRITICAL_AFTER


class AttentionKind(StrEnum):
    """Why somebody is needed, most urgent first: the order of the members is the order of the list."""

    MASS_LOSS = "mass_loss"
    ESCALATED = "escalated"
    RECOVERY_WITHOUT_OWNER = "recovery_without_owner"
    SILENT = "silent"
    BUDGET_STOP = "budget_stop"
    ERROR_GROUP = "error_group"
    APPROVAL = "approval"
    QUESTION = "question"
    POISON = "poison"


@dataclass(frozen=True)
class Attention:
    """One thing that waits for a person. `what` names it, `why` is a sentence, `url` where `action` is done."""

    kind: AttentionKind
    what: str
    why: str
    since: datetime
    action: str
    url: str
    entity_id: UUID


_ACTION = {
    AttentionKind.MASS_LOSS: "Confirm or wait",
    AttentionKind.ESCALATED: "Open recovery issue",
    AttentionKind.RECOVERY_WITHOUT_OWNER: "Assign somebody",
    AttentionKind.SILENT: "Look at the run",
    AttentionKind.BUDGET_STOP: "Raise or keep the budget",
    AttentionKind.ERROR_GROUP: "Triage",
    AttentionKind.APPROVAL: "Decide",
    AttentionKind.QUESTION: "Answer",
    AttentionKind.POISON: "Look at the row",
}

# Columns: kind, what, why, since, url, entity. A mass loss is of the instance and
# shown to every company; a poison row to the company whose row it is.
_WAITING = """
select 'mass_loss', 'Mass loss', m.due_leases || ' of ' || m.live_leases || ' runs stopped reporting at once',
       m.opened_at, '/recovery/', m.id
from recovery_masslossincident m where m.status = 'open'
union all
select case when i.assignee_agent_id is null and i.assignee_user_id is null then 'recovery_without_owner'
            else 'escalated' end,
       i.identifier, i.title, i.created_at, '/' || c.issue_prefix || '/issues/' || i.identifier, i.id
from issues_issue i join agents_company c on c.id = i.company_id
where i.company_id = %(company)s and i.status not in ('done', 'cancelled') and i.hidden_at is null
  and i.origin_kind in ('stranded_issue_recovery', 'stale_active_run_evaluation', 'harness_liveness_escalation')
union all
select 'escalated', i.identifier, 'Stopped, and no agent could own its recovery', i.updated_at,
       '/' || c.issue_prefix || '/issues/' || i.identifier, i.id
from issues_issue i join agents_company c on c.id = i.company_id
join lateral (select r.status from heartbeats_heartbeatrun r where r.issue_id = i.id
              order by r.created_at desc limit 1) last on last.status in ('failed', 'timed_out', 'cancelled')
where i.company_id = %(company)s and i.status = 'blocked' and i.hidden_at is null and i.assignee_agent_id is not null
  and i.origin_kind not in ('stranded_issue_recovery', 'stale_active_run_evaluation', 'harness_liveness_escalation')
  and not exists (select 1 from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
                  where e.blocked_id = i.id and b.status <> 'done')
  and not exists (select 1 from heartbeats_wakeuprequest w
                  where w.issue_id = i.id and w.status in ('queued', 'claimed', 'deferred_issue_execution'))
union all
select 'silent', a.name, 'No output for a long time',
       coalesce(r.last_output_at, r.process_started_at, r.started_at, r.created_at),
       '/' || c.issue_prefix || '/agents/' || a.id || '/runs/' || r.id, r.id
from heartbeats_heartbeatrun r join agents_agent a on a.id = r.agent_id join agents_company c on c.id = r.company_id
where r.company_id = %(company)s and r.status = 'running'
  and coalesce(r.last_output_at, r.process_started_at, r.started_at, r.created_at) <= %(critical)s
  and not exists (select 1 from recovery_watchdogdecision d where d.run_id = r.id
                  and (d.snoozed_until > %(now)s or (d.decision = 'dismissed_false_positive'
                       and d.created_at >= coalesce(r.last_output_at, r.started_at, r.created_at))))
union all
select 'budget_stop', b.scope_type, 'Its budget is used up: nothing new starts', b.created_at,
       '/admin/agents/budgetincident/' || b.id || '/change/', b.id
from agents_budgetincident b join agents_company c on c.id = b.company_id
where b.company_id = %(company)s and b.status = 'open' and b.threshold_type = 'hard'
union all
select 'error_group', a.name, g.message, g.first_seen_at, '/agents/' || a.id || '/', g.id
from agents_errorgroup g join agents_agent a on a.id = g.agent_id join agents_company c on c.id = g.company_id
where g.company_id = %(company)s and g.state = 'open' and g.severity in ('error', 'critical', 'fatal')
union all
select 'approval', p.type, 'An approval waits', p.created_at, '/admin/agents/approval/' || p.id || '/change/', p.id
from agents_approval p join agents_company c on c.id = p.company_id
where p.company_id = %(company)s and p.status = 'pending'
union all
select 'question', i.identifier, coalesce(q.title, 'A question in the thread'), q.created_at,
       '/' || c.issue_prefix || '/issues/' || i.identifier, q.id
from issues_interaction q join issues_issue i on i.id = q.issue_id join agents_company c on c.id = q.company_id
where q.company_id = %(company)s and q.status = 'pending'
union all
select 'poison', x.sweep, x.error, x.created_at, '/recovery/', x.row_id from recovery_poisonrow x
where exists (select 1 from heartbeats_heartbeatrun r where r.id = x.row_id and r.company_id = %(company)s)
   or exists (select 1 from issues_issue i where i.id = x.row_id and i.company_id = %(company)s)
   or exists (select 1 from agents_agent a where a.id = x.row_id and a.company_id = %(company)s)
   or x.row_id = %(company)s
"""


def attention_of(company_id: UUID, *, now: datetime, limit: int = 200) -> list[Attention]:
    """Everything in this company that waits for a person, most urgent kind first, then longest first. One statement."""
    values: dict[str, Any] = {
        "company": company_id,
        "now": now,
        "critical": now - CRITICAL_AFTER,
        "order": [kind.value for kind in AttentionKind],
        "limit": limit,
    }
    statement = (
        f"select * from ({_WAITING}) as waits (kind, what, why, since, url, entity) "  # noqa: S608
        "order by array_position(%(order)s::text[], kind), since, entity limit %(limit)s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        names = [column[0] for column in cursor.description]
        return [_item(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _item(row: Mapping[str, Any]) -> Attention:
    kind = AttentionKind(row["kind"])
    return Attention(kind, row["what"], row["why"], row["since"], _ACTION[kind], row["url"], row["entity"])
