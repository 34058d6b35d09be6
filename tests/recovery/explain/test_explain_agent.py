from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.vocabulary import AgentStatus, Presence
from recovery.explain.agent import AgentToExplain, explain_agent
from recovery.explain.answer import Standing
from recovery.explain.run import Gate

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADA = AgentToExplain("Ada", "idle", NOW - HOUR)


@pytest.mark.parametrize(
    ("change", "standing", "code"),
    [
        ({}, Standing.RESTING, "idle"),
        ({"status": "paused"}, Standing.NEEDS_PERSON, "paused"),
        ({"status": "pending_approval"}, Standing.NEEDS_PERSON, "pending_approval"),
        ({"status": "terminated"}, Standing.NEEDS_PERSON, "terminated"),
        ({"budget": Gate("budget.blocked", "Over budget.")}, Standing.NEEDS_PERSON, "budget.blocked"),
        ({"adapter_type": "remote", "presence": "offline"}, Standing.WAITING, "presence_offline"),
        ({"running": 1}, Standing.MOVING, "running"),
        ({"running": 1, "queued": 2}, Standing.MOVING, "slots_full"),
        ({"queued": 2}, Standing.SWEEP, "queued"),
        ({"queued": 2, "gate": Gate("blocked", "Blocked.")}, Standing.WAITING, "blocked"),
        ({"heartbeat_every": 2 * HOUR}, Standing.WAITING, "timer"),
        ({"heartbeat_every": HOUR}, Standing.SWEEP, "timer_due"),
        ({"heartbeat_every": HOUR, "last_heartbeat_at": NOW}, Standing.WAITING, "timer"),
    ],
)
def test_each_state_of_an_agent_has_its_name(change: dict[str, object], standing: Standing, code: str) -> None:
    answer = explain_agent(replace(ADA, **change), now=NOW)  # type: ignore[arg-type]
    assert (answer.standing, answer.code) == (standing, code)


def test_a_pause_names_its_reason() -> None:
    assert "(budget)" in explain_agent(replace(ADA, status="paused", pause_reason="budget"), now=NOW).text


def test_the_last_wakeup_that_did_not_run_is_noted() -> None:
    skipped = replace(ADA, last_skip=Gate("heartbeat.disabled", "timers are off"))
    assert "timers are off" in explain_agent(skipped, now=NOW).notes[0]


def test_a_local_agents_presence_does_not_hold_it() -> None:
    assert explain_agent(replace(ADA, presence="offline"), now=NOW).code == "idle"


@given(
    status=st.sampled_from(list(AgentStatus)),
    presence=st.none() | st.sampled_from(list(Presence)),
    adapter=st.sampled_from(["process", "remote"]),
    running=st.integers(0, 5),
    queued=st.integers(0, 5),
    every=st.none() | st.just(HOUR),
)
def test_every_agent_has_an_answer_in_words(
    status: str, presence: str | None, adapter: str, running: int, queued: int, every: timedelta | None
) -> None:
    facts = replace(ADA, status=status, presence=presence, adapter_type=adapter, running=running, queued=queued)
    assert explain_agent(replace(facts, heartbeat_every=every), now=NOW).text.endswith(".")
