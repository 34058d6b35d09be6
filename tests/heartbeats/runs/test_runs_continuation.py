from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.continuation import ContinuationFacts, Continue, Exhausted, Rest, judge_continuation


def facts(**given_facts: Any) -> ContinuationFacts:
    usual: dict[str, Any] = {
        "run_id": "r1",
        "run_status": "succeeded",
        "agent_id": "a1",
        "agent_status": "idle",
        "liveness_state": "plan_only",
        "liveness_reason": "only planned",
        "next_action": "run the tests",
        "continuation_attempt": 0,
        "issue_id": "i1",
        "issue_status": "in_progress",
        "assignee_agent_id": "a1",
    }
    return ContinuationFacts(**{**usual, **given_facts})


@pytest.mark.parametrize("state", ["plan_only", "empty_response"])
@pytest.mark.parametrize("status", ["todo", "in_progress"])
@pytest.mark.parametrize("agent", ["active", "idle", "running", "error"])
def test_a_run_that_only_planned_or_said_nothing_is_continued(state: str, status: str, agent: str) -> None:
    verdict = judge_continuation(facts(liveness_state=state, issue_status=status, agent_status=agent))
    assert isinstance(verdict, Continue)
    assert verdict.attempt == 1
    assert verdict.idempotency_key == f"run_liveness_continuation:i1:r1:{state}:1"


def test_the_wake_hands_over_what_is_to_be_done() -> None:
    verdict = judge_continuation(facts(continuation_attempt=1))
    assert isinstance(verdict, Continue)
    assert verdict.payload == {
        "issueId": "i1",
        "sourceRunId": "r1",
        "livenessState": "plan_only",
        "livenessReason": "only planned",
        "continuationAttempt": 2,
        "maxContinuationAttempts": 2,
        "instruction": "run the tests",
    }
    assert verdict.context["livenessContinuationAttempt"] == 2
    assert verdict.context["livenessContinuationInstruction"] == "run the tests"
    assert verdict.context["wakeReason"] == "run_liveness_continuation"


def test_without_a_next_action_the_agent_is_asked_to_act_or_to_block() -> None:
    verdict = judge_continuation(facts(next_action=None))
    assert isinstance(verdict, Continue)
    assert "blocked" in verdict.payload["instruction"]


@pytest.mark.parametrize(
    ("given_facts", "reason"),
    [
        ({"run_status": "failed"}, "run_not_succeeded"),
        ({"liveness_state": "advanced"}, "not_continuable"),
        ({"liveness_state": "needs_followup"}, "not_continuable"),
        ({"liveness_state": None}, "not_continuable"),
        ({"issue_id": None}, "no_issue"),
        ({"assignee_agent_id": "a2"}, "issue_reassigned"),
        ({"assignee_agent_id": None}, "issue_reassigned"),
        ({"issue_status": "blocked"}, "issue_not_active"),
        ({"issue_status": "in_review"}, "issue_not_active"),
        ({"has_execution_state": True}, "execution_policy"),
        ({"agent_status": "paused"}, "agent_not_invokable"),
        ({"agent_status": None}, "agent_not_invokable"),
        ({"budget_blocked": True}, "budget_blocked"),
        ({"issue_live_run": True}, "live_run"),
        ({"wake_exists": True}, "already_requested"),
    ],
)
def test_otherwise_it_rests_and_says_why(given_facts: Any, reason: str) -> None:
    assert judge_continuation(facts(**given_facts)) == Rest(reason)


@pytest.mark.parametrize("given_facts", [{"continuation_attempt": 2}, {"ledger_allows": False}])
def test_after_two_attempts_or_a_full_ledger_it_is_exhausted(given_facts: Any) -> None:
    verdict = judge_continuation(facts(**given_facts))
    assert isinstance(verdict, Exhausted)
    assert verdict.comment.startswith("Bounded liveness continuation exhausted")
    assert verdict.liveness_reason.endswith("continuation attempts exhausted")


@given(st.sampled_from(["plan_only", "empty_response"]))
def test_a_chain_of_continuations_ends_after_two(state: str) -> None:
    attempt, started = 0, 0
    while isinstance(
        verdict := judge_continuation(facts(liveness_state=state, continuation_attempt=attempt)), Continue
    ):
        attempt, started = verdict.attempt, started + 1
    assert started == 2
