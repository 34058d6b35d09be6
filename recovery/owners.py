"""The organisation of a company as the owner rules see it, and the first candidate who can take something on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection

from agents.budgets.blocking import invocation_block
from agents.models import Agent
from agents.vocabulary import NOT_INVOKABLE
from recovery.organisation import AgentNode, Organisation

# The usual company: active, and without a limit that could be reached.
_FREE = """
select 1 from agents_company c where c.id = %s and c.status = 'active'
  and not exists (select 1 from agents_budgetpolicy p where p.company_id = c.id and p.is_active)
"""


def load_organisation(company_id: UUID) -> Organisation:
    """Every agent of the company, oldest first. One statement; budgets are asked for candidates only."""
    rows = Agent.objects.filter(company_id=company_id).order_by("created_at", "id")
    return Organisation(
        AgentNode(agent_id, role, manager_id, status not in NOT_INVOKABLE)
        for agent_id, role, manager_id, status in rows.values_list("id", "role", "reports_to_id", "status")
    )


def first_who_can(
    order: Iterable[AgentNode], *, company_id: UUID, project_id: UUID | None, now: datetime
) -> UUID | None:
    """The first invokable candidate whom no budget stops; None: only the operator is left.

    One statement, and one per candidate asked where money, a pause or a project could stop somebody.
    """
    free = project_id is None and _nothing_stops_anybody(company_id)
    for candidate in order:
        agent_id = UUID(str(candidate.agent_id))
        if candidate.invokable and (free or invocation_block(company_id, agent_id, project_id, now=now) is None):
            return agent_id
    return None


def _nothing_stops_anybody(company_id: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_FREE, [company_id])
        return cursor.fetchone() is not None
