from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.vocabulary import RunStatus
from recovery.silence.level import (
    Decided,
    Decider,
    Silence,
    SilenceFacts,
    SilenceLevel,
    Thresholds,
    judge_silence,
    may_decide,
    snooze_problem,
)
from recovery.vocabulary import WatchdogDecisionKind as DecisionKind

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


def running(silent_for: timedelta, decision: Decided | None = None) -> SilenceFacts:
    return SilenceFacts("running", NOW - 9 * HOUR, last_output_at=NOW - silent_for, decision=decision)


def level(facts: SilenceFacts) -> SilenceLevel:
    return judge_silence(facts, now=NOW).level


@pytest.mark.parametrize(
    ("silent_for", "expected"),
    [
        (timedelta(0), "ok"),
        (HOUR - SECOND, "ok"),
        (HOUR, "suspicious"),
        (4 * HOUR - SECOND, "suspicious"),
        (4 * HOUR, "critical"),
        (400 * HOUR, "critical"),
    ],
)
def test_silence_grows_from_ok_to_suspicious_to_critical(silent_for: timedelta, expected: str) -> None:
    assert level(running(silent_for)) == expected


@pytest.mark.parametrize("status", [status for status in RunStatus if status != "running"])
def test_only_running_runs_can_be_silent(status: RunStatus) -> None:
    assert judge_silence(replace(running(9 * HOUR), status=status), now=NOW) == Silence(SilenceLevel.NOT_APPLICABLE)


def test_silence_starts_at_the_most_telling_moment_known() -> None:
    facts = SilenceFacts("running", NOW - 4 * HOUR)
    assert facts.silent_since == NOW - 4 * HOUR
    facts = replace(facts, started_at=NOW - 3 * HOUR)
    assert facts.silent_since == NOW - 3 * HOUR
    facts = replace(facts, process_started_at=NOW - 2 * HOUR)
    assert facts.silent_since == NOW - 2 * HOUR
    facts = replace(facts, last_output_at=NOW - 1 * HOUR)
    assert facts.silent_since == NOW - 1 * HOUR


def test_output_from_the_future_is_no_negative_silence() -> None:
    assert judge_silence(running(-HOUR), now=NOW).age == timedelta(0)


def test_a_snooze_is_quiet_until_its_moment() -> None:
    decision = Decided(DecisionKind.SNOOZE, NOW - HOUR, until=NOW + SECOND)
    assert judge_silence(running(5 * HOUR, decision), now=NOW).quiet_until == NOW + SECOND
    assert level(running(5 * HOUR, decision)) == "snoozed"
    assert level(running(5 * HOUR, replace(decision, until=NOW))) == "critical"


@pytest.mark.parametrize(("minutes_ago", "expected"), [(0, "snoozed"), (29, "snoozed"), (30, "suspicious")])
def test_continue_is_quiet_for_thirty_minutes(minutes_ago: int, expected: str) -> None:
    decision = Decided(DecisionKind.CONTINUE, NOW - minutes_ago * MINUTE)
    assert level(running(2 * HOUR, decision)) == expected


def test_continue_may_name_another_end() -> None:
    decision = Decided(DecisionKind.CONTINUE, NOW - 2 * HOUR, until=NOW + HOUR)
    assert level(running(3 * HOUR, decision)) == "snoozed"


def test_a_dismissal_covers_this_silence_and_not_the_next() -> None:
    decision = Decided(DecisionKind.DISMISSED_FALSE_POSITIVE, NOW - 5 * HOUR)
    same = judge_silence(running(9 * HOUR, decision), now=NOW)
    assert (same.level, same.quiet_until) == (SilenceLevel.SNOOZED, None)
    assert level(running(4 * HOUR, decision)) == "critical"


def test_a_snooze_without_an_end_quiets_nothing() -> None:
    assert level(running(2 * HOUR, Decided(DecisionKind.SNOOZE, NOW - MINUTE))) == "suspicious"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (2, 1), (1, 1)])
def test_thresholds_that_cannot_work_are_refused(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="suspicious < critical"):
        Thresholds(low * HOUR, high * HOUR)


@pytest.mark.parametrize(
    ("kind", "until", "fine"),
    [
        (DecisionKind.SNOOZE, NOW + SECOND, True),
        (DecisionKind.SNOOZE, NOW, False),
        (DecisionKind.SNOOZE, None, False),
        (DecisionKind.CONTINUE, None, True),
        (DecisionKind.DISMISSED_FALSE_POSITIVE, None, True),
    ],
)
def test_only_a_snooze_needs_a_future_end(kind: DecisionKind, until: datetime | None, fine: bool) -> None:
    assert (snooze_problem(kind, until, now=NOW) is None) is fine


@pytest.mark.parametrize(
    ("decider", "assignee", "allowed"),
    [
        (Decider(operator=True), None, True),
        (Decider(agent_id="a"), "a", True),
        (Decider(agent_id="a"), "b", False),
        (Decider(agent_id="a"), None, False),
        (Decider(), None, False),
    ],
)
def test_operators_and_the_evaluating_agent_may_decide_and_nobody_else(
    decider: Decider, assignee: str | None, allowed: bool
) -> None:
    assert may_decide(decider, open_evaluation_assignee=assignee) is allowed


@given(silent_for=st.integers(0, 20_000), later=st.integers(0, 20_000))
def test_silence_without_decisions_never_grows_quieter(silent_for: int, later: int) -> None:
    order = [SilenceLevel.OK, SilenceLevel.SUSPICIOUS, SilenceLevel.CRITICAL]
    facts = running(silent_for * SECOND)
    first = judge_silence(facts, now=NOW).level
    second = judge_silence(facts, now=NOW + later * SECOND).level
    assert order.index(first) <= order.index(second)


@given(
    silent_for=st.integers(0, 50_000),
    kind=st.sampled_from(list(DecisionKind)),
    decided=st.integers(0, 50_000),
    until=st.none() | st.integers(-10_000, 10_000),
)
def test_a_decision_can_only_quieten(silent_for: int, kind: DecisionKind, decided: int, until: int | None) -> None:
    end = None if until is None else NOW + until * SECOND
    facts = running(silent_for * SECOND)
    plain = judge_silence(facts, now=NOW)
    judged = judge_silence(replace(facts, decision=Decided(kind, NOW - decided * SECOND, end)), now=NOW)
    assert judged.level in {plain.level, SilenceLevel.SNOOZED}
    assert judged.since == plain.since
