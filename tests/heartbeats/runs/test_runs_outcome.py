from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.outcome import (
    ExecutionEnd,
    Outcome,
    agent_status_after,
    judge_outcome,
    setup_failure,
    wakeup_status_for,
)
from heartbeats.runs.stop import merge_result, stop_metadata, stop_reason
from heartbeats.vocabulary import RunStatus


def end(**facts: Any) -> ExecutionEnd:
    return ExecutionEnd(**{"stored_status": "running", **facts})


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({"exit_code": 0}, Outcome(RunStatus.SUCCEEDED)),
        ({}, Outcome(RunStatus.SUCCEEDED)),
        ({"exit_code": 0, "error": "  "}, Outcome(RunStatus.SUCCEEDED)),
        ({"exit_code": 0, "error": "boom"}, Outcome(RunStatus.FAILED, "boom", "adapter_failed")),
        ({"exit_code": 3}, Outcome(RunStatus.FAILED, "Process exited with code 3", "adapter_failed")),
        ({"exit_code": 3, "error_code": "codex_transient_upstream", "error": "overloaded"},
         Outcome(RunStatus.FAILED, "overloaded", "codex_transient_upstream")),
        ({"signal": "SIGKILL"}, Outcome(RunStatus.FAILED, "Process ended by signal SIGKILL", "adapter_failed")),
        ({"signal": "SIGKILL", "exit_code": 0},
         Outcome(RunStatus.FAILED, "Process ended by signal SIGKILL", "adapter_failed")),
        ({"timed_out": True, "signal": "SIGTERM"}, Outcome(RunStatus.TIMED_OUT, "Timed out", "timeout")),
        ({"timed_out": True, "exit_code": 0, "error": "late"}, Outcome(RunStatus.TIMED_OUT, "late", "timeout")),
        ({"cancel_requested": True, "exit_code": 0}, Outcome(RunStatus.CANCELLED, "Cancelled", "cancelled")),
        ({"cancel_requested": True, "cancel_reason": "by Ann", "signal": "SIGTERM", "timed_out": True},
         Outcome(RunStatus.CANCELLED, "by Ann", "cancelled")),
        ({"stored_status": "cancelled", "stored_error": "paused", "stored_error_code": "cancelled", "exit_code": 0},
         Outcome(RunStatus.CANCELLED, "paused", "cancelled", stored=True)),
        ({"stored_status": "succeeded", "cancel_requested": True}, Outcome(RunStatus.SUCCEEDED, stored=True)),
    ],
)  # fmt: skip
def test_how_an_execution_ended(facts: dict[str, Any], outcome: Outcome) -> None:
    assert judge_outcome(end(**facts)) == outcome


def test_an_error_before_the_adapter_is_a_failure_of_the_adapter() -> None:
    assert setup_failure("no workspace") == Outcome(RunStatus.FAILED, "no workspace", "adapter_failed")


ENDS = st.builds(
    ExecutionEnd,
    stored_status=st.sampled_from(["running", "queued", "succeeded", "failed", "cancelled", "timed_out"]),
    cancel_requested=st.booleans(),
    timed_out=st.booleans(),
    exit_code=st.sampled_from([None, 0, 1, 137]),
    signal=st.sampled_from([None, "SIGTERM", "SIGKILL"]),
    error=st.sampled_from([None, "", "boom"]),
    error_code=st.sampled_from([None, "own"]),
)


@given(ENDS)
def test_terminal_never_changes_and_success_needs_a_clean_end(given_end: ExecutionEnd) -> None:
    outcome = judge_outcome(given_end)
    assert outcome.status in {"succeeded", "failed", "cancelled", "timed_out"}
    if outcome.stored:
        assert outcome.status == given_end.stored_status
    elif outcome.status == "succeeded":
        assert (given_end.signal, given_end.cancel_requested, given_end.timed_out) == (None, False, False)
        assert given_end.exit_code in (None, 0)
        assert not given_end.error
    else:
        assert outcome.error
        assert outcome.error_code


@pytest.mark.parametrize(
    ("run", "wakeup"),
    [("succeeded", "completed"), ("failed", "failed"), ("cancelled", "cancelled"), ("timed_out", "timed_out")],
)
def test_the_wakeup_ends_as_its_run(run: str, wakeup: str) -> None:
    assert wakeup_status_for(run) == wakeup


def test_a_live_run_does_not_end_its_wakeup() -> None:
    with pytest.raises(ValueError, match="running"):
        wakeup_status_for("running")


@pytest.mark.parametrize(
    ("current", "others", "run", "after"),
    [
        ("running", False, "succeeded", "idle"),
        ("running", False, "cancelled", "idle"),
        ("running", False, "failed", "error"),
        ("running", False, "timed_out", "error"),
        ("running", True, "failed", "running"),
        ("error", False, "succeeded", "idle"),
        ("paused", False, "failed", "paused"),
        ("terminated", True, "failed", "terminated"),
        ("pending_approval", False, "succeeded", "pending_approval"),
    ],
)
def test_the_agents_status_after_a_run(current: str, others: bool, run: str, after: str) -> None:
    assert agent_status_after(current, others_running=others, run_status=run) == after


@pytest.mark.parametrize(
    ("status", "code", "error", "reason"),
    [
        ("succeeded", None, None, "completed"),
        ("timed_out", "timeout", "Timed out", "timeout"),
        ("cancelled", "cancelled", "Cancelled due to budget pause", "budget_paused"),
        ("cancelled", "cancelled", "Cancelled due to agent pause", "paused"),
        ("cancelled", "cancelled", "Cancelled because the agent was terminated", "cancelled"),
        ("cancelled", "cancelled", None, "cancelled"),
        ("failed", "process_lost", "Process lost", "process_lost"),
        ("failed", "adapter_failed", "paused for budget", "adapter_failed"),
        ("failed", None, None, "adapter_failed"),
    ],
)
def test_the_stop_reason(status: str, code: str | None, error: str | None, reason: str) -> None:
    assert stop_reason(status, error_code=code, error=error) == reason


@pytest.mark.parametrize(
    ("config", "seconds", "configured", "source"),
    [
        ({}, 0, False, "default"),
        ({"timeoutSec": 0}, 0, False, "config"),
        ({"timeoutSec": 90}, 90, True, "config"),
        ({"timeoutSec": -4}, 0, False, "config"),
        ({"timeoutSec": "90"}, 0, False, "config"),
        ({"timeoutMs": 90}, 0, False, "default"),
    ],
)
def test_the_time_limit_of_a_process(config: Any, seconds: int, configured: bool, source: str) -> None:
    assert stop_metadata("succeeded", adapter_type="process", adapter_config=config) == {
        "stopReason": "completed",
        "effectiveTimeoutSec": seconds,
        "timeoutConfigured": configured,
        "timeoutSource": source,
        "timeoutFired": False,
    }


def test_http_adapters_count_milliseconds() -> None:
    stop = stop_metadata("timed_out", adapter_type="http", adapter_config={"timeoutMs": 1500, "timeoutSec": 9})
    assert stop == {
        "stopReason": "timeout",
        "effectiveTimeoutSec": 1.5,
        "effectiveTimeoutMs": 1500,
        "timeoutConfigured": True,
        "timeoutSource": "config",
        "timeoutFired": True,
    }


@given(st.sampled_from(["succeeded", "failed", "cancelled", "timed_out"]))
def test_the_timeout_fired_exactly_when_the_run_timed_out(status: str) -> None:
    stop = stop_metadata(status, adapter_type="process", adapter_config={})
    assert stop["timeoutFired"] is (status == "timed_out")


def test_the_summary_fills_in_only_when_the_result_has_none() -> None:
    assert merge_result(None, {"stopReason": "completed"}, "done") == {"stopReason": "completed", "summary": "done"}
    assert merge_result({"summary": "own"}, {}, "done") == {"summary": "own"}
    assert merge_result({"summary": " "}, {}, "done") == {"summary": "done"}
    assert merge_result({"a": 1}, {}, None) == {"a": 1}
    assert merge_result("text", {"b": 2}) == {"b": 2}
