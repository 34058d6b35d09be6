"""The organisation of a company as the owner rules see it, and the first candidate who can take something on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from agents.budgets.blocking import invocation_block
from agents.models import Agent
from agents.vocabulary import NOT_INVOKABLE
from recovery.organisation import AgentNode, Organisation


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
    """The first invokable candidate whom no budget stops; None: only the operator is left. One statement per asked."""
    for candidate in order:
        agent_id = UUID(str(candidate.agent_id))
        if candidate.invokable and invocation_block(company_id, agent_id, project_id, now=now) is None:
            return agent_id
    return None
