"""All that the gates of a wakeup look at, read in one statement (spec/2 B)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from agents.budgets.blocking import USED_UP
from agents.budgets.observed import month_start
from heartbeats.wakeups.context import TIMER_TASK_KEY
from heartbeats.wakeups.gates import BudgetBlock
from heartbeats.wakeups.interactions import SpokenComment
from heartbeats.wakeups.live_run import LiveRun
from issues.readiness import BLOCKERS_SQL, HOLD_SQL

Row = Mapping[str, Any]

_RUN = """json_build_object('id', r.id, 'agentId', r.agent_id, 'status', r.status, 'createdAt', r.created_at,
                            'taskKey', r.task_key, 'context', r.context)"""

_USED_UP = USED_UP.format(company="a.company_id", scopes="array[a.company_id, a.id, p.id]")

# With an issue: its live run. Without: the agent's live runs for the same task, newest first.
_FACTS = f"""
select a.company_id, a.status as agent_status, a.pause_reason as agent_pause, a.adapter_type, a.host_label,
       a.heartbeat_enabled, a.wake_on_demand, c.status as company_status, c.pause_reason as company_pause,
       i.id as issue_id, i.status as issue_status, i.assignee_agent_id, i.execution_run_id,
       p.id as project_id, p.paused_at as project_paused_at, p.pause_reason as project_pause,
       coalesce((select json_build_object('type', s.scope_type, 'id', s.scope_id) from agents_budgetincident s
                  where s.company_id = a.company_id and s.status = 'open' and s.threshold_type = 'hard'
                    and s.scope_id in (a.company_id, a.id, p.id) limit 1),
                (select json_build_object('type', s.scope_type, 'id', s.scope_id) from ({_USED_UP}) s
                  order by array_position(array['company', 'agent', 'project'], s.scope_type::text) limit 1)
       ) as hard_stop,
       case when i.id is not null then {HOLD_SQL} end as hold,
       case when i.id is not null then {BLOCKERS_SQL} end as blockers,
       case when %(issue)s::uuid is not null then
         (select json_agg({_RUN}) from heartbeats_heartbeatrun r
           where r.issue_id = i.id and r.status in ('queued', 'running', 'scheduled_retry'))
       else
         (select json_agg({_RUN} order by r.created_at desc) from heartbeats_heartbeatrun r
           where r.agent_id = a.id and r.status in ('queued', 'running', 'scheduled_retry')
             and nullif(r.task_key, '{TIMER_TASK_KEY}') is not distinct from nullif(%(task)s, '{TIMER_TASK_KEY}'))
       end as runs,
       (select json_build_object('id', w.id, 'context', w.context, 'payload', w.payload)
          from heartbeats_wakeuprequest w
         where w.agent_id = a.id and w.issue_id = i.id and w.status = 'deferred_issue_execution') as deferred,
       (select json_build_object('id', w.id, 'agentId', w.agent_id, 'status', w.status, 'reason', w.reason,
                                 'runId', w.run_id)
          from heartbeats_wakeuprequest w
         where w.company_id = a.company_id and w.idempotency_key = %(key)s) as repeated,
       (select json_agg(json_build_object('id', m.id, 'companyId', m.company_id, 'issueId', m.issue_id,
                                          'agentId', m.author_agent_id, 'userId', m.author_user_id))
          from issues_issuecomment m
         where m.id = any(%(comments)s::uuid[]) and m.company_id = a.company_id) as comments,
       case when %(session)s::text is not null then
         (select coalesce(t.session_display_id, t.session_params ->> 'sessionId') from heartbeats_tasksession t
           where t.agent_id = a.id and t.adapter_type = a.adapter_type and t.task_key = %(session)s)
       else
         (select s.session_id from heartbeats_runtimestate s where s.agent_id = a.id)
       end as session_id
from agents_agent a
join agents_company c on c.id = a.company_id
left join issues_issue i on i.id = %(issue)s::uuid and i.company_id = a.company_id
left join issues_project p on p.id = coalesce(i.project_id, %(project)s::uuid) and p.company_id = a.company_id
where a.id = %(agent)s
"""  # noqa: S608 - constants of this module, of issues.readiness and of agents.budgets only


@dataclass(frozen=True, kw_only=True)
class FactsQuery:
    """What to read about. `session_key` is the task key under which the session is kept."""

    agent_id: UUID
    issue_id: UUID | None
    project_id: UUID | None
    task_key: str | None
    session_key: str | None
    idempotency_key: str | None
    comment_ids: Sequence[UUID]
    now: datetime


def load_facts(query: FactsQuery) -> Row | None:
    """One row of facts by column name, None for an unknown agent. JSON columns come as objects, absent ones as None."""
    with connection.cursor() as cursor:
        cursor.execute(
            _FACTS,
            {
                "agent": query.agent_id,
                "issue": query.issue_id,
                "project": query.project_id,
                "task": query.task_key,
                "session": query.session_key,
                "key": query.idempotency_key,
                "comments": list(query.comment_ids),
                "month": month_start(query.now),
            },
        )
        row = cursor.fetchone()
        return None if row is None else dict(zip([column[0] for column in cursor.description], row, strict=True))


def live_runs(row: Row) -> list[LiveRun]:
    """The live runs among the facts."""
    return [
        LiveRun(
            run["id"], run["agentId"], run["status"], datetime.fromisoformat(run["createdAt"]), task_key=run["taskKey"]
        )
        for run in row["runs"] or []
    ]


def context_of_run(row: Row, run_id: str) -> dict[str, Any]:
    """The context of one of the live runs among the facts."""
    found: dict[str, Any] = next(run["context"] for run in row["runs"] if run["id"] == run_id)
    return found


def spoken_comments(row: Row) -> list[SpokenComment]:
    """The comments that the wake names and that exist in the company."""
    return [_spoken(comment) for comment in row["comments"] or []]


def budget_block(row: Row, agent_id: UUID) -> BudgetBlock | None:
    """The stop that covers this wake, in the order company, agent, project (spec/4 section 9).

    A pause, an open incident and the cost events themselves are each enough: spending stops its scope from the event
    that reached the limit on, also before anybody has acted on it (spec/2 K).
    """
    stop = row["hard_stop"] or {}
    company, project = str(row["company_id"]), str(row["project_id"])
    if row["company_status"] != "active":
        return BudgetBlock(_company_text(row), "company", company)
    if stop.get("type") == "company":
        return BudgetBlock("Company is paused because its budget hard-stop was reached.", "company", company)
    if row["agent_pause"] == "budget" or stop.get("type") == "agent":
        return BudgetBlock("Agent is paused because its budget hard-stop was reached.", "agent", str(agent_id))
    if row["project_pause"] == "budget" or stop.get("type") == "project":
        return BudgetBlock("Project is paused because its budget hard-stop was reached.", "project", project)
    if row["project_paused_at"] is not None:
        return BudgetBlock("Project is paused and cannot start new work.", "project", project)
    return None


def _company_text(row: Row) -> str:
    if row["company_pause"] == "budget":
        return "Company is paused because its budget hard-stop was reached."
    return f"Company is {row['company_status']} and cannot start new work."


def _spoken(comment: Mapping[str, Any]) -> SpokenComment:
    author = "agent" if comment["agentId"] else "user" if comment["userId"] else None
    return SpokenComment(
        comment["id"], comment["companyId"], comment["issueId"], author, comment["agentId"] or comment["userId"]
    )
