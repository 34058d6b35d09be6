"""A company at work: its people, its agents with keys and runs, a company next door, and a client for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from agents.models import Agent, Company, User
from agents.run_token import RunClaims, mint_run_token
from agents.vocabulary import AgentRole, MemberRole, Permission
from config.common.clock import utc_now
from heartbeats.models import HeartbeatRun
from issues.models import Issue
from tests.agents.api.conftest import agent_client, board_client, client_with
from tests.factories.agents import AgentFactory, CompanyFactory, MemberFactory, agent_grant
from tests.factories.heartbeats import running_run


@dataclass(frozen=True)
class Shop:
    """A company and everybody who calls on it. `worker` and `mate` may assign tasks; nobody manages anybody."""

    company: Company
    person: User
    owner: APIClient
    viewer: APIClient
    worker: Agent
    mate: Agent
    ceo: Agent
    worker_key: APIClient
    mate_key: APIClient
    ceo_key: APIClient
    stranger: APIClient
    strange_agent: APIClient

    @property
    def issues(self) -> str:
        """The address of the company's issues."""
        return f"/api/companies/{self.company.pk}/issues"


@pytest.fixture(autouse=True)
def own_routes(settings: Any) -> None:
    """Only the routes of this app."""
    settings.ROOT_URLCONF = "tests.issues.urls"


@pytest.fixture
def shop(db: None) -> Shop:
    """The company."""
    company, other = CompanyFactory(name="Shop"), CompanyFactory(name="Next door")
    person = MemberFactory(company=company).user
    worker, mate = AgentFactory(company=company, name="Worker"), AgentFactory(company=company, name="Mate")
    ceo = AgentFactory(company=company, name="Chief", role=AgentRole.CEO)
    for agent in (worker, mate):
        agent_grant(agent, Permission.TASKS_ASSIGN)
    return Shop(
        company=company,
        person=person,
        owner=board_client(person),
        viewer=board_client(MemberFactory(company=company, role=MemberRole.VIEWER).user),
        worker=worker,
        mate=mate,
        ceo=ceo,
        worker_key=agent_client(worker),
        mate_key=agent_client(mate),
        ceo_key=agent_client(ceo),
        stranger=board_client(MemberFactory(company=other).user),
        strange_agent=agent_client(AgentFactory(company=other, role=AgentRole.CEO)),
    )


def at_work(agent: Agent, issue: Issue | None = None, **columns: Any) -> tuple[HeartbeatRun, APIClient]:
    """A running run of the agent, and a client that speaks for it by its run token."""
    run = running_run(agent=agent, issue=issue, **columns)
    return run, speaking_for(run)


def speaking_for(run: HeartbeatRun) -> APIClient:
    """A client with the token of this run."""
    claims = RunClaims(run.agent_id, run.company_id, run.pk, run.adapter_type, run.epoch)
    return client_with(mint_run_token(claims, now=utc_now()) or "")
