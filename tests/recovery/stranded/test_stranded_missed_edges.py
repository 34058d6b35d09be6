from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recovery.stranded.missed_edges import Blocker, MissedEdge, WaitingFacts, find_missed_edge

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
DONE = Blocker("b1", "done", NOW)
WAITING = WaitingFacts("blocked", blockers=(DONE,))


@pytest.mark.parametrize("status", ["todo", "blocked"])
def test_resolved_blockers_without_a_wake_since_are_heard_after_all(status: str) -> None:
    assert find_missed_edge(replace(WAITING, status=status)) is MissedEdge.WAKE_BLOCKERS_RESOLVED


def test_a_wake_since_the_last_blocker_ended_was_the_edge() -> None:
    assert find_missed_edge(replace(WAITING, last_wake_at=NOW)) is None
    earlier = replace(WAITING, last_wake_at=NOW - timedelta(seconds=1))
    assert find_missed_edge(earlier) is MissedEdge.WAKE_BLOCKERS_RESOLVED


def test_an_open_blocker_still_blocks() -> None:
    assert find_missed_edge(replace(WAITING, blockers=(DONE, Blocker("b2", "todo")))) is None


def test_a_cancelled_blocker_is_surfaced_once() -> None:
    facts = replace(WAITING, blockers=(DONE, Blocker("b2", "cancelled", NOW)))
    assert find_missed_edge(facts) is MissedEdge.SURFACE_CANCELLED_BLOCKER
    assert find_missed_edge(replace(facts, cancelled_blocker_surfaced=True)) is None


def test_a_deferred_wakeup_that_no_live_run_will_release_is_promoted() -> None:
    assert find_missed_edge(WaitingFacts("in_progress", deferred_wakeup=True)) is MissedEdge.PROMOTE_DEFERRED


@pytest.mark.parametrize("change", [{"live_run": True}, {"pause_held": True}, {"agent_invokable": False}])
def test_edges_of_busy_held_or_sleeping_work_wait(change: dict[str, Any]) -> None:
    assert find_missed_edge(replace(WAITING, deferred_wakeup=True, **change)) is None


@pytest.mark.parametrize("facts", [WaitingFacts("blocked"), replace(WAITING, status="in_review")])
def test_what_waits_for_no_blocker_missed_none(facts: WaitingFacts) -> None:
    assert find_missed_edge(facts) is None


def test_what_was_asked_of_an_agent_that_could_not_be_woken_is_asked_again() -> None:
    asked = WaitingFacts("in_review", passed_over=True)
    assert find_missed_edge(asked) is MissedEdge.WAKE_PASSED_OVER
    for rests in ({"status": "done"}, {"status": "backlog"}, {"pause_held": True}, {"agent_invokable": False}):
        assert find_missed_edge(replace(asked, **rests)) is None
