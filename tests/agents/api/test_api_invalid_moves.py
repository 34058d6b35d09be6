"""Moves that make no sense are refused in the contract's envelope, and nothing is half-written ("Bad input")."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from agents.models import ActivityEvent, Agent, LiveEvent
from agents.vocabulary import AgentStatus, PauseReason
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.vocabulary import RunStatus
from tests.agents.api.conftest import House, report
from tests.factories.heartbeats import HeartbeatRunFactory, finished_run

# The status of an agent, a verb on it, and the refusal.
REFUSED = [
    ("terminated", "pause", "Cannot pause terminated agent"),
    ("pending_approval", "pause", "Cannot pause pending approval agent"),
    ("terminated", "resume", "Cannot resume terminated agent"),
    ("pending_approval", "resume", "Cannot resume pending approval agent"),
    ("idle", "approve", "Only pending approval agents can be approved"),
    ("paused", "approve", "Only pending approval agents can be approved"),
    ("terminated", "approve", "Only pending approval agents can be approved"),
]
FORCED = [("terminated", "idle"), ("terminated", "paused"), ("pending_approval", "running"), ("paused", "running")]


@pytest.mark.parametrize(("status", "verb", "error"), REFUSED)
def test_a_verb_that_an_agent_s_status_does_not_allow_is_409(house: House, status: str, verb: str, error: str) -> None:
    agent = in_status(house, status)
    before = written()
    refused = house.owner.post(f"/api/agents/{agent.pk}/{verb}")
    assert (refused.status_code, refused.json()["error"]) == (409, error)
    assert (row_of(agent), written()) == (row_of(agent, fresh=False), before)


@pytest.mark.parametrize(("status", "wanted"), FORCED)
def test_no_patch_forces_a_status_and_what_came_with_it_is_not_kept(house: House, status: str, wanted: str) -> None:
    agent = in_status(house, status)
    before = written()
    refused = house.owner.patch(f"/api/agents/{agent.pk}", {"status": wanted, "title": "New"}, format="json")
    assert refused.status_code == 409
    assert set(refused.json()) <= {"error", "code", "details"}
    assert (row_of(agent), written()) == (row_of(agent, fresh=False), before)


@pytest.mark.parametrize("status", ["paused", "pending_approval", "terminated"])
def test_an_agent_that_may_not_run_is_not_woken_and_the_conflict_names_its_status(house: House, status: str) -> None:
    agent = in_status(house, status)
    refused = house.owner.post(f"/api/agents/{agent.pk}/wakeup", {}, format="json")
    assert (refused.status_code, refused.json()["details"]["status"]) == (409, status)
    assert not HeartbeatRun.objects.exists()
    assert not WakeupRequest.objects.exclude(status="skipped").exists()


@pytest.mark.parametrize("status", sorted(RunStatus.TERMINAL))
def test_a_run_that_is_over_is_not_cancelled_again(house: House, status: RunStatus) -> None:
    run = finished_run(status, agent=house.agent)
    before = written()
    answer = house.owner.post(f"/api/heartbeat-runs/{run.pk}/cancel")
    assert (answer.status_code, answer.json()["status"], written()) == (200, status, before)


def test_an_incident_is_resolved_once(house: House) -> None:
    limit = {"scopeType": "agent", "scopeId": str(house.agent.pk), "amount": 100}
    house.owner.post(f"/api/companies/{house.company.pk}/budgets/policies", limit, format="json")
    report(house)
    overview = house.owner.get(f"/api/companies/{house.company.pk}/budgets/overview").json()
    url = f"/api/companies/{house.company.pk}/budget-incidents/{overview['activeIncidents'][0]['id']}/resolve"
    for body in ({"action": "raise_budget_and_resume", "amount": 100}, {"action": "odd"}):
        assert house.owner.post(url, body, format="json").status_code in (400, 422)
    assert house.owner.post(url, {"action": "keep_paused"}, format="json").status_code == 200
    before = written()
    again = house.owner.post(url, {"action": "raise_budget_and_resume", "amount": 900}, format="json")
    assert (again.status_code, written()) == (409, before)
    house.agent.refresh_from_db()
    assert (house.agent.status, house.agent.pause_reason) == ("paused", "budget")


def test_a_live_run_can_be_cancelled_and_then_not_once_more(house: House) -> None:
    run = HeartbeatRunFactory(agent=house.agent)
    first, second = (house.owner.post(f"/api/heartbeat-runs/{run.pk}/cancel").json() for _time in range(2))
    assert (first["status"], second["finishedAt"]) == ("cancelled", first["finishedAt"])
    assert ActivityEvent.objects.filter(action="heartbeat.cancelled").count() == 1


def in_status(house: House, status: str) -> Agent:
    paused = {"pause_reason": PauseReason.MANUAL, "paused_at": timezone.now()} if status == "paused" else {}
    Agent.objects.filter(pk=house.agent.pk).update(status=AgentStatus(status), **paused)
    house.agent.refresh_from_db()
    return house.agent


def row_of(agent: Agent, *, fresh: bool = True) -> dict[str, Any]:
    row = Agent.objects.get(pk=agent.pk) if fresh else agent
    return {field.attname: getattr(row, field.attname) for field in Agent._meta.concrete_fields}


def written() -> tuple[int, int]:
    return ActivityEvent.objects.count(), LiveEvent.objects.count()
