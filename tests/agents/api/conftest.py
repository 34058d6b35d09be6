"""One company with its people and an agent, a stranger from next door, and a client for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from agents.api.run_header import RunFacts, register_run_lookup
from agents.models import Agent, Company, User
from agents.vocabulary import AgentRole, MemberRole
from config.common.clock import utc_now
from heartbeats.models import HeartbeatRun
from tests.factories.agents import (
    AgentFactory,
    AgentKeyFactory,
    BoardKeyFactory,
    CompanyFactory,
    MemberFactory,
    UserFactory,
)


def client_with(token: str, **headers: str) -> APIClient:
    """A client that sends this bearer token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", **headers)
    return client


def board_client(user: User) -> APIClient:
    """A client with a board key of this person."""
    return client_with(BoardKeyFactory(user=user).token)


def agent_client(agent: Agent) -> APIClient:
    """A client with a key of this agent."""
    return client_with(AgentKeyFactory(agent=agent).token)


@dataclass(frozen=True)
class House:
    """A company and everybody who calls on it."""

    company: Company
    owner: APIClient
    viewer: APIClient
    admin: APIClient
    agent: Agent
    agent_caller: APIClient
    ceo: Agent
    ceo_caller: APIClient
    stranger: APIClient
    strange_agent: APIClient
    owner_user: User


@pytest.fixture
def house(db: None) -> House:
    """The company, with an owner, a viewer, an instance admin, a worker and a CEO; and two callers from next door."""
    company, other = CompanyFactory(name="Home"), CompanyFactory(name="Next door")
    owner, viewer = MemberFactory(company=company).user, MemberFactory(company=company, role=MemberRole.VIEWER).user
    agent, ceo = AgentFactory(company=company, name="Worker"), AgentFactory(company=company, role=AgentRole.CEO)
    return House(
        company=company,
        owner=board_client(owner),
        viewer=board_client(viewer),
        admin=board_client(UserFactory(is_superuser=True)),
        agent=agent,
        agent_caller=agent_client(agent),
        ceo=ceo,
        ceo_caller=agent_client(ceo),
        stranger=board_client(MemberFactory(company=other).user),
        strange_agent=agent_client(AgentFactory(company=other, role=AgentRole.CEO)),
        owner_user=owner,
    )


@pytest.fixture(autouse=True)
def run_lookup() -> Iterator[None]:
    """Runs are found in their table, as the higher app does it."""
    previous = register_run_lookup(_run_facts)
    yield
    register_run_lookup(previous)


def _run_facts(run_id: UUID) -> RunFacts | None:
    row = (
        HeartbeatRun.objects.filter(id=run_id)
        .values_list("id", "company_id", "agent_id", "epoch", "finished_at")
        .first()
    )
    return RunFacts(*row) if row else None


def usage(house: House, **body: Any) -> dict[str, Any]:
    """The body of a cost event of 100 cents, now."""
    return {
        "agentId": str(house.agent.id),
        "provider": "anthropic",
        "model": "opus",
        "costCents": 100,
        "occurredAt": utc_now().isoformat(),
        **body,
    }


def report(house: House, **body: Any) -> Any:
    """Report usage as the owner."""
    return house.owner.post(f"/api/companies/{house.company.id}/cost-events", usage(house, **body), format="json")
