"""Callers of the runs API: an operator, an agent, and the same of another company."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from rest_framework.test import APIClient

from agents.models import Agent, Company
from tests.factories.agents import AgentFactory, AgentKeyFactory, BoardKeyFactory, CompanyFactory, MemberFactory


@dataclass(frozen=True)
class House:
    """One company with an operator and an agent, each with a client that carries its key."""

    company: Company
    agent: Agent
    board: APIClient
    worker: APIClient


def client(token: str) -> APIClient:
    """A client that sends this bearer."""
    caller = APIClient(raise_request_exception=False)
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return caller


def build_house() -> House:
    """A company of its own."""
    company = CompanyFactory()
    member = MemberFactory(company=company)
    agent = AgentFactory(company=company)
    return House(
        company,
        agent,
        client(BoardKeyFactory(user=member.user).token),
        client(AgentKeyFactory(agent=agent).token),
    )


@pytest.fixture
def ours(db: None) -> House:
    """Our company."""
    return build_house()


@pytest.fixture
def theirs(db: None) -> House:
    """A stranger's company."""
    return build_house()
