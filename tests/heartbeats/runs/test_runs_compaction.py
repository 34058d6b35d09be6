from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.compaction import (
    BOUNDED,
    SELF_MANAGED,
    CompactionPolicy,
    SessionRun,
    detect_dead_session,
    evaluate_compaction,
    history_length,
    parse_compaction_policy,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DEAD_USAGE: dict[str, Any] = {
    "persistedSessionId": "s1",
    "sessionReused": True,
    "inputTokens": 0,
    "cachedInputTokens": 0,
    "outputTokens": 0,
    "rawInputTokens": 0,
    "rawCachedInputTokens": 0,
    "rawOutputTokens": 0,
}


def dead(run_id: str = "r3", **usage: Any) -> SessionRun:
    return SessionRun(run_id, NOW, "failed", {**DEAD_USAGE, **usage})


THREE_DEAD = [dead("r3"), dead("r2"), dead("r1")]


def evaluate(policy: CompactionPolicy = SELF_MANAGED, runs: Any = (), **more: Any) -> Any:
    return evaluate_compaction(policy=policy, session_id="s1", runs=runs, **more)


@pytest.mark.parametrize("adapter", ["cursor", "gemini_local", "opencode_local", "pi_local"])
def test_these_adapters_have_thresholds(adapter: str) -> None:
    assert parse_compaction_policy(adapter, {}) == CompactionPolicy(True, 200, 2_000_000, 72)


@pytest.mark.parametrize("adapter", ["claude_local", "codex_local", "hermes_local", "process", "http", "remote"])
def test_these_manage_their_own_context(adapter: str) -> None:
    assert parse_compaction_policy(adapter, {}) == CompactionPolicy(True, 0, 0, 0)


@pytest.mark.parametrize(
    "config",
    [
        {"heartbeat": {"sessionCompaction": {"maxSessionRuns": 7}}},
        {"heartbeat": {"sessionRotation": {"maxSessionRuns": 7}}},
        {"sessionCompaction": {"maxSessionRuns": 7}},
        {"heartbeat": {"sessionCompaction": {"maxSessionRuns": 7}}, "sessionCompaction": {"maxSessionRuns": 9}},
    ],
)
def test_the_config_overrides_key_by_key_under_three_names(config: Any) -> None:
    assert parse_compaction_policy("cursor", config) == replace(BOUNDED, max_session_runs=7)


def test_garbage_keeps_the_default() -> None:
    config: dict[str, Any] = {
        "sessionCompaction": {"maxSessionRuns": "x", "maxRawInputTokens": None, "maxSessionAgeHours": [], "enabled": 0}
    }
    assert parse_compaction_policy("cursor", config) == BOUNDED


def test_three_dead_reuses_rotate_although_no_threshold_is_configured() -> None:
    rotation = evaluate(runs=THREE_DEAD)
    assert rotation.rotate
    assert rotation.previous_run_id == "r3"
    assert "3 consecutive" in rotation.reason


def test_the_breaker_works_while_compaction_is_switched_off() -> None:
    assert evaluate(CompactionPolicy(enabled=False), THREE_DEAD).rotate


@pytest.mark.parametrize(
    "progress",
    [
        {"inputTokens": 1}, {"cachedInputTokens": 1}, {"outputTokens": 1},
        {"rawInputTokens": 1}, {"rawCachedInputTokens": 1}, {"rawOutputTokens": 1},
        {"sessionReused": False}, {"persistedSessionId": "s2"}, {"persistedSessionId": None},
    ],
)  # fmt: skip
@pytest.mark.parametrize("position", [0, 1, 2])
def test_any_progress_breaks_the_streak_and_the_latest_run_is_still_reported(progress: Any, position: int) -> None:
    runs = list(THREE_DEAD)
    runs[position] = dead(runs[position].id, **progress)
    rotation = evaluate(runs=runs)
    assert (rotation.rotate, rotation.reason, rotation.previous_run_id) == (False, None, "r3")


@pytest.mark.parametrize("state", ["advanced", "needs_followup", "empty_response", None])
def test_another_liveness_state_breaks_the_streak(state: str | None) -> None:
    runs = [dead("r3"), replace(dead("r2"), liveness_state=state), dead("r1")]
    rotation = detect_dead_session("s1", runs)
    assert (rotation.rotate, rotation.reason, rotation.previous_run_id) == (False, None, "r3")


def test_two_dead_runs_are_not_enough() -> None:
    assert not evaluate(runs=THREE_DEAD[:2]).rotate


def test_a_run_without_usage_is_no_proof_of_reuse() -> None:
    assert not evaluate(runs=[replace(run, usage=None) for run in THREE_DEAD]).rotate


def test_the_breaker_takes_precedence_over_the_thresholds() -> None:
    rotation = evaluate(CompactionPolicy(max_session_runs=1), THREE_DEAD)
    assert "3 consecutive" in rotation.reason


def alive(run_id: str, hours_ago: float = 0, raw_input: int = 1) -> SessionRun:
    usage = {"persistedSessionId": "s1", "rawInputTokens": raw_input}
    return SessionRun(run_id, NOW - timedelta(hours=hours_ago), "advanced", usage, "wrote the parser")


@pytest.mark.parametrize(
    ("policy", "runs", "rotates"),
    [
        (CompactionPolicy(max_session_runs=2), [alive("r3"), alive("r2"), alive("r1")], True),
        (CompactionPolicy(max_session_runs=3), [alive("r3"), alive("r2"), alive("r1")], False),
        (CompactionPolicy(max_raw_input_tokens=100), [alive("r1", raw_input=100)], True),
        (CompactionPolicy(max_raw_input_tokens=100), [alive("r1", raw_input=99)], False),
        (CompactionPolicy(max_session_age_hours=2), [alive("r2"), alive("r1", hours_ago=2)], True),
        (CompactionPolicy(max_session_age_hours=2), [alive("r2"), alive("r1", hours_ago=1.9)], False),
        (CompactionPolicy(enabled=False, max_session_runs=1), [alive("r2"), alive("r1")], False),
        (SELF_MANAGED, [alive("r2", raw_input=10**9), alive("r1", hours_ago=10**4)], False),
    ],
)
def test_thresholds(policy: CompactionPolicy, runs: Any, rotates: bool) -> None:
    rotation = evaluate(policy, runs)
    assert rotation.rotate is rotates
    assert rotation.previous_run_id == runs[0].id


def test_the_age_counts_from_the_oldest_run_also_beyond_the_history() -> None:
    policy = CompactionPolicy(max_session_age_hours=5)
    assert evaluate(policy, [alive("r9")], oldest_created_at=NOW - timedelta(hours=5)).rotate


def test_the_first_threshold_that_is_reached_gives_the_reason() -> None:
    policy = CompactionPolicy(max_session_runs=1, max_raw_input_tokens=1, max_session_age_hours=1)
    assert evaluate(policy, [alive("r2"), alive("r1", 9)]).reason == "session exceeded 1 runs"
    policy = replace(policy, max_session_runs=0)
    assert evaluate(policy, [alive("r2", raw_input=1_500_000)]).reason == (
        "session raw input reached 1,500,000 tokens (threshold 1)"
    )
    policy = replace(policy, max_raw_input_tokens=0)
    assert evaluate(policy, [alive("r2"), alive("r1", 9.5)]).reason == "session age reached 9 hours"


def test_the_handoff_tells_the_new_session_what_it_needs() -> None:
    rotation = evaluate(
        CompactionPolicy(max_session_runs=1),
        [alive("r2"), alive("r1")],
        issue_id="i1",
        continuation_summary="c" * 2_000,
    )
    assert rotation.handoff_markdown is not None
    for part in ("s1", "i1", "session exceeded 1 runs", "wrote the parser", "c" * 1_500):
        assert part in rotation.handoff_markdown
    assert "c" * 1_501 not in rotation.handoff_markdown


def test_without_session_or_history_there_is_nothing_to_rotate() -> None:
    assert not evaluate_compaction(policy=BOUNDED, session_id=None, runs=THREE_DEAD).rotate
    assert evaluate(BOUNDED, []).previous_run_id is None


def test_the_history_is_long_enough_for_breaker_and_thresholds() -> None:
    assert history_length(SELF_MANAGED) == 4
    assert history_length(BOUNDED) == 201


RUNS = st.lists(
    st.builds(
        dead,
        st.uuids().map(str),
        outputTokens=st.integers(0, 1),
        sessionReused=st.booleans(),
        persistedSessionId=st.sampled_from(["s1", "s1", "s2"]),
    ),
    max_size=6,
)


@given(RUNS)
def test_without_thresholds_only_three_dead_runs_in_a_row_rotate(runs: list[SessionRun]) -> None:
    latest = [run.usage or {} for run in runs[:3]]
    all_dead = len(latest) == 3 and all(
        usage["outputTokens"] == 0 and usage["sessionReused"] and usage["persistedSessionId"] == "s1"
        for usage in latest
    )
    assert evaluate(runs=runs).rotate is all_dead
