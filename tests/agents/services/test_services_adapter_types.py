"""An agent that could never run is refused when it is configured, not when it starts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.actors import Actor, ActorSource
from agents.configuration import create_agent, update_agent
from agents.credentials import user_actor
from agents.models import Agent
from config.common.wire.errors import Unprocessable
from tests.factories.agents import AgentFactory, CompanyFactory, UserFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def operator() -> Actor:
    return user_actor(UserFactory(is_superuser=True), ActorSource.SESSION)


def test_an_agent_of_a_type_that_cannot_run_is_not_made(operator: Actor) -> None:
    company = CompanyFactory()
    with pytest.raises(Unprocessable, match="openclaw_gateway cannot run here"):
        create_agent(operator, company.pk, {"name": "A", "adapter_type": "openclaw_gateway"}, now=NOW)
    assert not Agent.objects.filter(company=company).exists()


def test_an_agent_is_not_turned_into_one_and_one_from_before_may_still_be_changed(operator: Actor) -> None:
    with pytest.raises(Unprocessable, match="as type remote"):
        update_agent(operator, AgentFactory().pk, {"adapter_type": "openclaw_gateway"}, now=NOW)
    old = AgentFactory(adapter_type="openclaw_gateway", adapter_config={})
    assert update_agent(operator, old.pk, {"title": "Retired"}, now=NOW).title == "Retired"


@pytest.mark.parametrize("kind", ["pi_local", "hermes_local"])
def test_the_declared_tools_can_be_configured(operator: Actor, kind: str) -> None:
    made = create_agent(operator, CompanyFactory().pk, {"name": "A", "adapter_type": kind}, now=NOW)
    assert made.adapter_type == kind
