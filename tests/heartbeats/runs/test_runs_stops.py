"""Stopping an agent, a scope or a company cancels its runs in the same transaction (spec/2 J, K)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import transaction

from agents import announcements as said
from agents.actors import system
from agents.lifecycle import end, stop_by_pause
from agents.models import Agent
from agents.vocabulary import BudgetScope, PauseReason
from heartbeats.models import HeartbeatRun
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory, running_run
from tests.present import present

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def pause(agent: Agent) -> None:
    stop_by_pause(agent, PauseReason.MANUAL, "Cancelled due to agent pause", actor=system(), now=NOW)


def terminate(agent: Agent) -> None:
    end(agent, actor=system(), now=NOW)


@pytest.mark.parametrize(("stop", "reason"), [(pause, "paused"), (terminate, "cancelled")])
def test_a_stopped_agents_runs_are_cancelled_and_say_why(stop: Callable[[Agent], None], reason: str) -> None:
    agent = AgentFactory(status="running")
    running_run(agent=agent)
    HeartbeatRunFactory(agent=agent)
    stop(agent)
    results = HeartbeatRun.objects.filter(agent=agent, status="cancelled").values_list("result", flat=True)
    assert [present(result)["stopReason"] for result in results] == [reason, reason]


def test_a_stop_that_is_rolled_back_cancels_nothing() -> None:
    agent = AgentFactory()
    run = HeartbeatRunFactory(agent=agent)

    with transaction.atomic():
        pause(agent)
        transaction.set_rollback(True)
    run.refresh_from_db()
    assert run.status == "queued"


def test_a_stopped_scope_and_a_stopped_company_end_their_work() -> None:
    first, second = HeartbeatRunFactory(), HeartbeatRunFactory()
    said.scope_stopped.tell(
        said.ScopeStopped(
            company_id=first.company_id,
            scope_type=BudgetScope.AGENT,
            scope_id=first.agent_id,
            reason="Cancelled due to budget pause",
            actor=system(),
            now=NOW,
        )
    )
    said.company_stopped.tell(
        said.CompanyStopped(company_id=second.company_id, reason="Company archived", actor=system(), now=NOW)
    )
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.error) == ("cancelled", "Cancelled due to budget pause")
    assert (second.status, second.error) == ("cancelled", "Company archived")
