"""What moves an agent's status and presence (spec/1 A, spec/2 E 8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents import lifecycle
from agents.actors import system
from agents.models import ActivityEvent, Agent, LiveEvent
from agents.vocabulary import AgentStatus, Presence
from config.common.clock import utc_now
from tests.factories.agents import AgentFactory

pytestmark = pytest.mark.django_db
SWEEP = system("sweep")


def stored(agent: Agent) -> Agent:
    return Agent.objects.get(id=agent.id)


@pytest.mark.parametrize(
    ("outcome", "others", "after"),
    [
        ("succeeded", False, "idle"),
        ("cancelled", False, "idle"),
        ("failed", False, "error"),
        ("timed_out", False, "error"),
        ("failed", True, "running"),
    ],
)
def test_after_a_run_the_status_follows_outcome_and_other_runs(outcome: str, others: bool, after: str) -> None:
    agent = AgentFactory(status="running")
    now = utc_now()
    lifecycle.settle_after_run(agent, outcome=outcome, still_running=others, now=now)
    assert (stored(agent).status, stored(agent).last_heartbeat_at) == (after, now)
    assert LiveEvent.objects.get(type="agent.status").payload["outcome"] == outcome


@pytest.mark.parametrize("status", ["paused", "terminated", "pending_approval"])
def test_an_agent_that_may_not_run_stays_so_after_its_last_run(status: str) -> None:
    agent = AgentFactory(status=status)
    assert not lifecycle.settle_after_run(agent, outcome="failed", still_running=False, now=utc_now())
    assert not lifecycle.note_run_started(agent, now=utc_now())
    assert stored(agent).status == status


def test_the_timer_moves_with_the_last_heartbeat() -> None:
    agent = AgentFactory(status="running", heartbeat_enabled=True, interval_sec=60)
    now = utc_now()
    lifecycle.settle_after_run(agent, outcome="succeeded", still_running=False, now=now)
    assert stored(agent).timer_due_at == now + timedelta(seconds=60)


def test_a_run_that_starts_makes_an_idle_agent_running_once() -> None:
    agent = AgentFactory()
    assert lifecycle.note_run_started(agent, now=utc_now())
    assert not lifecycle.note_run_started(agent, now=utc_now())
    assert stored(agent).status == AgentStatus.RUNNING


def change(agent: Agent, presence: Presence, *, still_running: bool = False) -> bool:
    return lifecycle.change_presence(
        agent, presence, reason="heartbeat_status", still_running=still_running, actor=SWEEP, now=utc_now()
    )


def test_presence_error_makes_the_status_error_and_leaving_it_heals() -> None:
    agent = AgentFactory(status="running", presence=Presence.ONLINE)
    assert change(agent, Presence.ERROR)
    assert stored(agent).status == AgentStatus.ERROR
    assert change(agent, Presence.ONLINE, still_running=True)
    assert (stored(agent).status, stored(agent).presence) == (AgentStatus.RUNNING, Presence.ONLINE)
    details = ActivityEvent.objects.filter(action="agent.presence_changed").order_by("created_at")
    assert [row.details for row in details] == [
        {"from": "online", "to": "error", "reason": "heartbeat_status"},
        {"from": "error", "to": "online", "reason": "heartbeat_status"},
    ]


def test_the_same_presence_again_writes_nothing() -> None:
    agent = AgentFactory(presence=Presence.ONLINE)
    assert not change(agent, Presence.ONLINE)
    assert not ActivityEvent.objects.exists()
    assert not LiveEvent.objects.exists()


def test_presence_leaves_a_paused_agent_paused() -> None:
    agent = AgentFactory(status="paused", presence=Presence.ONLINE)
    change(agent, Presence.ERROR)
    change(agent, Presence.ONLINE)
    assert stored(agent).status == AgentStatus.PAUSED


def test_a_terminated_agent_never_changes() -> None:
    assert lifecycle.STATUS.terminal == {AgentStatus.TERMINATED}


def test_of_two_who_saw_the_same_status_one_wins() -> None:
    agent = AgentFactory()
    seen_before = stored(agent)
    assert lifecycle.note_run_started(agent, now=utc_now())
    assert not lifecycle.note_run_started(seen_before, now=utc_now())
