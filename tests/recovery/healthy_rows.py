"""Thousands of healthy rows in a few statements, for questions of cost."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from agents.models import Agent
from tests.factories.agents import AgentFactory

_ISSUES = """
insert into issues_issue (id, created_at, updated_at, company_id, number, identifier, title, status, priority,
    work_mode, assignee_agent_id, origin_kind, request_depth)
select gen_random_uuid(), now(), now(), %(company)s, %(base)s + n, %(prefix)s || '-' || (%(base)s + n), 'healthy',
    case when n %% 2 = 0 then 'todo' else 'in_progress' end, 'medium', 'standard', %(agent)s, 'manual', 0
from generate_series(1, %(count)s) n
"""
_RUNS = """
insert into heartbeats_heartbeatrun (id, created_at, updated_at, company_id, agent_id, issue_id, invocation_source,
    context, adapter_type, status, started_at, lease_expires_at, finished_at, epoch, supervisor_losses,
    process_stopping, last_output_seq, event_seq, process_loss_retry_count, failure_retry_count,
    scheduled_retry_attempt, continuation_attempt, issue_comment_status, liveness_state, executor_host)
select gen_random_uuid(), now(), now(), i.company_id, i.assignee_agent_id, i.id, 'assignment', '{}', 'process',
    case when row_number() over () %% 3 = 0 then 'running' else 'succeeded' end, now(), now() + interval '1 minute',
    case when row_number() over () %% 3 = 0 then null else now() end, 1, 0, false, 0, 0, 0, 0, 0, 0,
    'not_applicable', 'advanced', 'far'
from issues_issue i where i.company_id = %(company)s and i.title = 'healthy'
"""


def healthy(count: int) -> Agent:
    """An agent with so many active issues: a third is running, the rest ended well. Tables are analysed."""
    agent: Agent = AgentFactory()
    values: dict[str, str | int | UUID] = {
        "company": agent.company_id,
        "agent": agent.pk,
        "count": count,
        "base": 1_000,
        "prefix": agent.company.issue_prefix,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ISSUES, values)
        cursor.execute(_RUNS, values)
        for table in ("issues_issue", "heartbeats_heartbeatrun", "heartbeats_wakeuprequest", "agents_agent"):
            cursor.execute(f"analyze {table}")
    return agent
