"""What a run's end adds to the books: sessions, totals, cost, environment (spec/2 E 8 and 9)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from agents.budgets.spending import NewCost, book_cost_event
from agents.journal import ANNOUNCE_LOGGED
from agents.models import Agent
from config.common.models import uuid7
from heartbeats.models import HeartbeatRun, TaskSession
from heartbeats.models.environment import LeaseStatus
from heartbeats.runs.ending import Ending
from heartbeats.runs.sessions import SessionState
from heartbeats.runs.usage import Usage
from heartbeats.runs.whose_project import project_of
from heartbeats.vocabulary import RunStatus

_ADD_TOTALS = """
insert into heartbeats_runtimestate as s
  (id, created_at, updated_at, company_id, agent_id, adapter_type, session_id, state, last_run_id, last_run_status,
   total_input_tokens, total_output_tokens, total_cached_input_tokens, total_cost_cents, last_error)
values (%(id)s, %(now)s, %(now)s, %(company)s, %(agent)s, %(adapter)s, %(session)s, '{}', %(run)s, %(status)s,
        %(input)s, %(output)s, %(cached)s, %(cents)s, %(error)s)
on conflict (agent_id) do update set
  updated_at = excluded.updated_at, adapter_type = excluded.adapter_type,
  session_id = case when %(known)s then excluded.session_id else s.session_id end,
  last_run_id = excluded.last_run_id, last_run_status = excluded.last_run_status, last_error = excluded.last_error,
  total_input_tokens = s.total_input_tokens + excluded.total_input_tokens,
  total_output_tokens = s.total_output_tokens + excluded.total_output_tokens,
  total_cached_input_tokens = s.total_cached_input_tokens + excluded.total_cached_input_tokens,
  total_cost_cents = s.total_cost_cents + excluded.total_cost_cents
"""

_KEEP_SESSION = """
insert into heartbeats_tasksession
  (id, created_at, updated_at, company_id, agent_id, adapter_type, task_key, session_params, session_display_id,
   last_run_id, last_error)
values (%(id)s, %(now)s, %(now)s, %(company)s, %(agent)s, %(adapter)s, %(task)s, %(params)s, %(display)s,
        %(run)s, %(error)s)
on conflict (agent_id, adapter_type, task_key) do update set
  updated_at = excluded.updated_at, session_params = excluded.session_params,
  session_display_id = excluded.session_display_id, last_run_id = excluded.last_run_id,
  last_error = excluded.last_error
"""

_RELEASE = f"""
with ended as (
    update heartbeats_environmentlease
    set status = %(status)s, released_at = %(now)s, failure_reason = %(why)s, updated_at = %(now)s
    where run_id = %(run)s and status = 'active'
    returning id, company_id, provider
), logged as (
insert into agents_activityevent (id, created_at, updated_at, company_id, actor_type, actor_id, action, entity_type,
                                  entity_id, agent_id, run_id, details)
select %(id)s, %(now)s, %(now)s, company_id, 'system', 'environments', 'environment.lease_released',
       'environment_lease', id::text, %(agent)s, %(run)s,
       jsonb_build_object('provider', provider, 'status', %(status)s::text)
from ended
returning *
) {ANNOUNCE_LOGGED}
"""  # noqa: S608 - constants only


def add_to_totals(run: HeartbeatRun, agent: Agent, usage: Usage, session: SessionState | None, now: datetime) -> None:
    """Add the run to its agent's totals. A `session` of None leaves the agent's own session alone. One statement."""
    tokens = usage.tokens
    _execute(
        _ADD_TOTALS,
        {
            **_common(run, agent, now),
            "session": session.session_id if session else None,
            "known": session is not None,
            "status": run.status,
            "input": tokens.input if tokens else 0,
            "output": tokens.output if tokens else 0,
            "cached": tokens.cached_input if tokens else 0,
            "cents": usage.billed_cents,
        },
    )


def keep_task_session(run: HeartbeatRun, agent: Agent, session: SessionState, now: datetime) -> None:
    """Remember the session of the run's task, or forget it when there is none any more. One statement."""
    if run.task_key is None:
        return
    if not session.params and session.display_id is None:
        TaskSession.objects.filter(agent_id=agent.pk, adapter_type=agent.adapter_type, task_key=run.task_key).delete()
        return
    _execute(
        _KEEP_SESSION,
        {
            **_common(run, agent, now),
            "task": run.task_key,
            "params": json.dumps(session.params) if session.params else None,
            "display": session.display_id,
        },
    )


def book_cost(ending: Ending, usage: Usage, now: datetime) -> None:
    """Write the cost event when there is cost or a token; the budgets are looked at after commit."""
    if not usage.is_cost:
        return
    run, issue, tokens = ending.run, ending.issue, usage.tokens
    cost = NewCost(
        company_id=run.company_id,
        agent_id=run.agent_id,
        provider=usage.provider[:100],
        biller=usage.biller[:100],
        model=usage.model[:200],
        billing_type=usage.billing_type,
        occurred_at=now,
        cost_cents=usage.billed_cents,
        input_tokens=tokens.input if tokens else 0,
        cached_input_tokens=tokens.cached_input if tokens else 0,
        output_tokens=tokens.output if tokens else 0,
        run_id=run.pk,
        issue_id=issue.pk if issue else None,
        project_id=project_of(run, issue),
        goal_id=issue.goal_id if issue else None,
        billing_code=issue.billing_code if issue else None,
    )
    book_cost_event(cost, now=now)


def release_environment(run: HeartbeatRun, *, now: datetime, why: str | None = None) -> None:
    """End the run's lease on its environment: `failed` when the run failed or timed out, else `released`.

    One statement, also for the activity row and the live event that say so (spec/4 16); nothing when it has ended.
    """
    failed = run.status in (RunStatus.FAILED, RunStatus.TIMED_OUT)
    _execute(
        _RELEASE,
        {
            "id": uuid7(),
            "now": now,
            "run": run.pk,
            "agent": run.agent_id,
            "status": LeaseStatus.FAILED if failed else LeaseStatus.RELEASED,
            "why": (why or run.error_code or "")[:200] or None if failed else None,
        },
    )


def _common(run: HeartbeatRun, agent: Agent, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "now": now,
        "company": run.company_id,
        "agent": agent.pk,
        "adapter": agent.adapter_type,
        "run": run.pk,
        "error": run.error,
    }


def _execute(sql: str, values: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
