from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issues.vocabulary import IssueStatus
from recovery.retries.promotion import (
    CancelStale,
    NotDue,
    ParkedRetry,
    Promote,
    RetriedIssue,
    StaleReason,
    decide_promotion,
    person_calls_forward,
    stale_event_payload,
    stale_reason,
)

DUE = datetime(2026, 4, 20, 12, 2, tzinfo=UTC)
RETRY = ParkedRetry(run_id="run-2", agent_id="old", due_at=DUE, attempt=1, reason="transient_failure")
ISSUE = RetriedIssue(issue_id="issue-1", status="todo", assignee_agent_id="old")


def test_not_one_moment_early() -> None:
    assert decide_promotion(RETRY, ISSUE, now=DUE - timedelta(microseconds=1)) == NotDue(DUE)
    assert decide_promotion(RETRY, ISSUE, now=DUE) == Promote()


def test_a_retry_without_issue_is_promoted() -> None:
    assert decide_promotion(RETRY, None, now=DUE) == Promote()


@pytest.mark.parametrize("assignee", ["new", None])
def test_a_reassigned_issue_cancels_the_retry(assignee: str | None) -> None:
    decision = decide_promotion(RETRY, replace(ISSUE, assignee_agent_id=assignee), now=DUE)
    assert decision == CancelStale(StaleReason.ISSUE_REASSIGNED)


def test_a_cancelled_issue_cancels_the_retry() -> None:
    decision = decide_promotion(RETRY, replace(ISSUE, status="cancelled"), now=DUE)
    assert decision == CancelStale(StaleReason.ISSUE_CANCELLED)


def test_a_cancelled_and_reassigned_issue_counts_as_cancelled() -> None:
    issue = replace(ISSUE, status="cancelled", assignee_agent_id="new")
    assert stale_reason(RETRY, issue) is StaleReason.ISSUE_CANCELLED


def test_a_new_wakeup_finds_a_stale_retry_before_it_is_due() -> None:
    assert stale_reason(RETRY, replace(ISSUE, assignee_agent_id="new")) is StaleReason.ISSUE_REASSIGNED


@pytest.mark.parametrize(
    ("reason", "code", "word"),
    [
        (StaleReason.ISSUE_REASSIGNED, "issue_reassigned", "reassigned"),
        (StaleReason.ISSUE_CANCELLED, "issue_cancelled", "cancelled"),
    ],
)
def test_each_stale_reason_has_its_code_and_sentence(reason: StaleReason, code: str, word: str) -> None:
    assert reason.code == code
    assert reason.sentence == f"Cancelled because the issue was {word} before the scheduled retry became due"
    assert word in reason.event_message


def test_the_event_explains_who_had_it_and_who_has_it_now() -> None:
    issue = replace(ISSUE, assignee_agent_id="new")
    assert stale_event_payload(RETRY, issue, StaleReason.ISSUE_REASSIGNED) == {
        "issueId": "issue-1",
        "issueStatus": "todo",
        "reason": "issue_reassigned",
        "scheduledRetryAttempt": 1,
        "scheduledRetryAt": "2026-04-20T12:02:00+00:00",
        "scheduledRetryReason": "transient_failure",
        "previousRetryAgentId": "old",
        "currentAssigneeAgentId": "new",
    }


WAKE = {"requester": "user", "source": "automation", "trigger_detail": "system", "reason": "issue_commented"}


@pytest.mark.parametrize("reason", ["issue_commented", "issue_reopened_via_comment", "issue_comment_mentioned"])
def test_a_persons_comment_calls_a_parked_retry_forward(reason: str) -> None:
    assert person_calls_forward(**{**WAKE, "reason": reason}, has_comment=True)


def test_an_operators_run_now_calls_a_parked_retry_forward() -> None:
    wake = {**WAKE, "source": "on_demand", "trigger_detail": "manual", "reason": "manual"}
    assert person_calls_forward(**wake, has_comment=False)


@pytest.mark.parametrize(
    ("change", "has_comment"),
    [
        ({"requester": "agent"}, True),
        ({"requester": "system"}, True),
        ({}, False),
        ({"reason": "issue_assigned"}, True),
        ({"source": "timer", "reason": "heartbeat_timer"}, False),
        ({"requester": "agent", "source": "on_demand", "trigger_detail": "manual"}, False),
    ],
)
def test_nobody_else_jumps_the_wait(change: dict[str, str], has_comment: bool) -> None:
    assert not person_calls_forward(**{**WAKE, **change}, has_comment=has_comment)


@given(
    status=st.sampled_from(list(IssueStatus)),
    assignee=st.sampled_from(["old", "new", None]),
    offset=st.integers(-1000, 1000),
)
def test_only_the_assignees_due_retry_of_a_living_issue_is_promoted(
    status: IssueStatus, assignee: str | None, offset: int
) -> None:
    decision = decide_promotion(RETRY, RetriedIssue("i", status, assignee), now=DUE + timedelta(seconds=offset))
    assert isinstance(decision, NotDue) == (offset < 0)
    assert isinstance(decision, Promote) == (offset >= 0 and assignee == "old" and status != "cancelled")
