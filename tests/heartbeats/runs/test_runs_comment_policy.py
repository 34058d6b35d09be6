from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.comment_policy import CommentFacts, judge_comment


def facts(**given_facts: Any) -> CommentFacts:
    usual: dict[str, Any] = {
        "issue_id": "i1",
        "wake_reason": "issue_assigned",
        "retry_reason": None,
        "own_comment_id": None,
        "deferred_comment_wake": False,
        "holds_lock": True,
    }
    return CommentFacts(**{**usual, **given_facts})


@pytest.mark.parametrize(
    ("given_facts", "status", "follow_up", "level"),
    [
        ({"issue_id": None}, "not_applicable", False, None),
        ({"own_comment_id": "c1"}, "satisfied", False, None),
        ({"own_comment_id": "c1", "retry_reason": "missing_issue_comment"}, "satisfied", False, None),
        ({"retry_reason": "missing_issue_comment"}, "retry_exhausted", False, "warn"),
        ({"wake_reason": "issue_commented"}, "not_applicable", False, None),
        ({"wake_reason": None}, "not_applicable", False, None),
        ({"deferred_comment_wake": True}, "not_applicable", False, "info"),
        ({}, "retry_queued", True, "warn"),
        ({"holds_lock": False}, "retry_exhausted", False, "warn"),
        ({"agent_invokable": False}, "retry_exhausted", False, "warn"),
        ({"ledger_allows": False}, "retry_exhausted", False, "warn"),
    ],
)
def test_what_becomes_of_an_owed_comment(given_facts: Any, status: str, follow_up: bool, level: str | None) -> None:
    decision = judge_comment(facts(**given_facts))
    assert (decision.status, decision.queue_follow_up, decision.level) == (status, follow_up, level)
    assert (decision.message is None) == (level is None)


@pytest.mark.parametrize(
    "reason",
    ["issue_assigned", "execution_review_requested", "execution_approval_requested", "execution_changes_requested"],
)
def test_these_reasons_owe_a_comment(reason: str) -> None:
    assert judge_comment(facts(wake_reason=reason)).queue_follow_up


def test_a_posted_comment_is_named() -> None:
    assert judge_comment(facts(own_comment_id="c1")).comment_id == "c1"


@given(
    st.builds(
        facts,
        issue_id=st.sampled_from([None, "i1"]),
        wake_reason=st.sampled_from([None, "issue_assigned", "missing_issue_comment"]),
        retry_reason=st.sampled_from([None, "missing_issue_comment", "process_lost"]),
        own_comment_id=st.sampled_from([None, "c1"]),
        deferred_comment_wake=st.booleans(),
        holds_lock=st.booleans(),
        agent_invokable=st.booleans(),
        ledger_allows=st.booleans(),
    )
)
def test_a_follow_up_never_follows_a_follow_up(given_facts: CommentFacts) -> None:
    decision = judge_comment(given_facts)
    assert decision.queue_follow_up == (decision.status == "retry_queued")
    if decision.queue_follow_up:
        assert given_facts.retry_reason != "missing_issue_comment"
        assert given_facts.holds_lock
        assert given_facts.ledger_allows
