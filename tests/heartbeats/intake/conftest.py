"""A remote agent with a key, ways to call the agent API as it, and what the tables say afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from agents.api.run_header import register_run_lookup
from agents.models import ActivityEvent, Agent, LiveEvent
from agents.vocabulary import AdapterType, LiveEventType, Presence
from heartbeats.api.run_lookup import run_facts
from tests.factories.agents import AgentFactory, AgentKeyFactory

BASE = "/api/v1/agent"


@dataclass(frozen=True)
class Caller:
    """An agent that calls."""

    agent: Agent
    token: str

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """The response; what the view raises comes back as its answer."""
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.token}")
        return client.post(f"{BASE}/{path}", body if body is not None else {}, format="json", headers=headers)

    def beat(self, status: str = "online", **more: Any) -> Any:
        """A heartbeat."""
        return self.post("heartbeat", {"status": status, **more})

    def fresh(self) -> Agent:
        """The agent's row as it is now."""
        return Agent.objects.get(id=self.agent.id)

    def presence_changes(self) -> list[dict[str, Any]]:
        """The details of every audited presence transition, oldest first."""
        rows = ActivityEvent.objects.filter(action="agent.presence_changed", entity_id=str(self.agent.id))
        return [row.details or {} for row in rows.order_by("created_at", "id")]

    def told_screens(self) -> list[str]:
        """The kinds of live events about this agent's presence and errors, in order."""
        kinds = [LiveEventType.AGENT_ERROR, LiveEventType.AGENT_STATUS]
        rows = LiveEvent.objects.filter(company_id=self.agent.company_id, type__in=kinds)
        return list(rows.order_by("id").values_list("type", flat=True))


def calling(**columns: Any) -> Caller:
    """A new remote agent, online unless said otherwise, with a key."""
    defaults = {"adapter_type": AdapterType.REMOTE, "adapter_config": {}, "presence": Presence.ONLINE}
    agent = AgentFactory(**{**defaults, **columns})
    return Caller(agent, AgentKeyFactory(agent=agent).token)


@pytest.fixture
def caller(db: None) -> Caller:
    """A remote agent that is online."""
    return calling()


@pytest.fixture(autouse=True)
def machine_at_ease(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else this machine has to do stretches no pause."""
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))


@pytest.fixture(autouse=True)
def run_lookup() -> Iterator[None]:
    """Run tokens find their run."""
    previous = register_run_lookup(run_facts)
    yield
    register_run_lookup(previous)


@pytest.fixture(autouse=True)
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run logs go to a folder of the test's own."""
    monkeypatch.setattr(settings, "RUNS_DIR", tmp_path / "runs")
    return tmp_path / "runs"
