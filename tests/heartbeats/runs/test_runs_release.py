from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.release import (
    DeferredWake,
    EndedRun,
    Escalate,
    Promote,
    Recover,
    Release,
    ReleasedIssue,
    judge_recovery,
    plan_release,
)
from heartbeats.vocabulary import RetryReason, WakeReason

COMMENT = {"wakeReason": "issue_commented", "commentId": "c1"}


def wake(wake_id: str = "w1", **facts: Any) -> DeferredWake:
    usual: dict[str, Any] = {
        "agent_id": "a1",
        "agent_status": "idle",
        "context": COMMENT,
        "requester_type": "user",
    }
    return DeferredWake(id=wake_id, **{**usual, **facts})


def issue(**facts: Any) -> ReleasedIssue:
    usual: dict[str, Any] = {"status": "in_progress", "assignee_agent_id": "a1", "execution_run_id": "r1"}
    return ReleasedIssue(**{**usual, **facts})


def ended(status: str = "failed", **facts: Any) -> EndedRun:
    return EndedRun(**{"id": "r1", "agent_id": "a1", "status": status, "agent_status": "running", **facts})


def test_under_another_runs_lock_there_is_nothing_to_do() -> None:
    assert plan_release(issue(execution_run_id="r2"), ended(), [wake()]) == Release(clear_lock=False)


def test_a_lock_that_is_ours_is_cleared_and_a_free_one_is_not() -> None:
    assert plan_release(issue(), ended("succeeded"), []).clear_lock
    assert not plan_release(issue(execution_run_id=None), ended("succeeded"), []).clear_lock


def test_behind_another_live_run_deferred_wakes_go_on_waiting() -> None:
    assert plan_release(issue(other_live_run=True), ended(), [wake()]) == Release(clear_lock=True)


def test_the_oldest_promotable_wake_is_promoted_and_the_rest_waits() -> None:
    plan = plan_release(issue(), ended(), [wake("w1", agent_status="paused"), wake("w2"), wake("w3")])
    assert [(drop.wakeup_id, drop.status) for drop in plan.dropped] == [("w1", "failed")]
    assert plan.then == Promote("w2", reopen_from=None, stamp_lock=True, through_hold=False)


@pytest.mark.parametrize("status", [None, "paused", "pending_approval", "terminated"])
def test_a_wake_of_an_agent_that_cannot_run_fails(status: str | None) -> None:
    (drop,) = plan_release(issue(), ended("succeeded"), [wake(agent_status=status)]).dropped
    assert (drop.status, drop.error) == ("failed", "Deferred wake could not be promoted: agent is not invokable")


def test_under_a_hold_only_verified_interactions_are_promoted() -> None:
    plan = plan_release(issue(held=True), ended(), [wake("w1"), wake("w2", verified_interaction=True)])
    assert [(drop.wakeup_id, drop.status) for drop in plan.dropped] == [("w1", "cancelled")]
    assert plan.then == Promote("w2", reopen_from=None, stamp_lock=True, through_hold=True)


@pytest.mark.parametrize("status", ["done", "cancelled"])
@pytest.mark.parametrize(
    ("facts", "reopens"),
    [
        ({}, True),
        ({"requester_type": "agent"}, False),
        ({"requester_type": "system"}, False),
        ({"context": {"wakeReason": "issue_assigned"}}, False),
        ({"requester_type": "agent", "context": {**COMMENT, "wakeReason": "issue_reopened_via_comment"}}, True),
        ({"requester_type": "agent", "context": {"wakeReason": "issue_reopened_via_comment"}}, False),
    ],
)
def test_only_a_persons_comment_or_a_reopening_one_reopens(status: str, facts: Any, reopens: bool) -> None:
    plan = plan_release(issue(status=status), ended("succeeded"), [wake(**facts)])
    assert isinstance(plan.then, Promote)
    assert plan.then.reopen_from == (status if reopens else None)


def test_an_open_issue_is_not_reopened() -> None:
    plan = plan_release(issue(status="blocked"), ended("succeeded"), [wake()])
    assert isinstance(plan.then, Promote)
    assert plan.then.reopen_from is None


def test_only_the_assignees_promotion_takes_the_lock() -> None:
    plan = plan_release(issue(), ended(), [wake(agent_id="a2")])
    assert isinstance(plan.then, Promote)
    assert not plan.then.stamp_lock


@pytest.mark.parametrize("status", ["failed", "timed_out", "cancelled"])
@pytest.mark.parametrize(
    ("issue_status", "recovery"),
    [
        (
            "todo",
            Recover(WakeReason.ISSUE_ASSIGNMENT_RECOVERY, RetryReason.ASSIGNMENT_RECOVERY, "issue.assignment_recovery"),
        ),
        (
            "in_progress",
            Recover(
                WakeReason.ISSUE_CONTINUATION_NEEDED,
                RetryReason.ISSUE_CONTINUATION_NEEDED,
                "issue.continuation_recovery",
            ),
        ),
    ],
)
def test_an_unsuccessful_end_is_recovered_once(status: str, issue_status: str, recovery: Recover) -> None:
    given_issue = issue(status=issue_status)
    assert plan_release(given_issue, ended(status), []).then == recovery
    again = ended(status, retry_reason=recovery.retry_reason.value)
    assert plan_release(given_issue, again, []).then == Escalate("already_recovered")


def test_the_recovery_of_the_other_state_does_not_count_as_this_ones() -> None:
    run = ended(retry_reason="assignment_recovery")
    assert isinstance(judge_recovery(issue(status="in_progress"), run), Recover)


@pytest.mark.parametrize(
    ("issue_facts", "run_facts"),
    [
        ({}, {"status": "succeeded"}),
        ({"status": "blocked"}, {}),
        ({"status": "in_review"}, {}),
        ({"status": "done"}, {}),
        ({"status": "backlog"}, {}),
        ({"assignee_agent_id": "a2"}, {}),
        ({"assignee_agent_id": None}, {}),
        ({"assignee_user_id": "u1"}, {}),
        ({"held": True}, {}),
        ({"other_live_run": True}, {}),
    ],
)
def test_otherwise_the_issue_rests(issue_facts: Any, run_facts: Any) -> None:
    assert judge_recovery(issue(**issue_facts), ended(**run_facts)) is None


@pytest.mark.parametrize(
    ("issue_facts", "run_facts", "cause"),
    [
        ({"origin_kind": "stranded_issue_recovery"}, {}, "recovery_issue"),
        ({}, {"agent_status": "paused"}, "agent_not_invokable"),
        ({}, {"agent_status": None}, "agent_not_invokable"),
        ({}, {"error_family": "auth"}, "permanent_failure"),
        ({}, {"error_family": "config"}, "permanent_failure"),
        ({}, {"ledger_allows": False}, "retry_ledger_exhausted"),
    ],
)
def test_when_a_further_run_would_not_help_somebody_is_asked(issue_facts: Any, run_facts: Any, cause: str) -> None:
    assert judge_recovery(issue(**issue_facts), ended(**run_facts)) == Escalate(cause)


def test_a_transient_failure_is_not_permanent() -> None:
    assert isinstance(judge_recovery(issue(), ended(error_family="transient_upstream")), Recover)


WAKES = st.lists(
    st.builds(
        wake,
        st.uuids().map(str),
        agent_id=st.sampled_from(["a1", "a2"]),
        agent_status=st.sampled_from([None, "idle", "paused"]),
        requester_type=st.sampled_from(["user", "agent", "system"]),
        verified_interaction=st.booleans(),
        context=st.sampled_from([COMMENT, {}, {"wakeReason": "approval_approved"}]),
    ),
    max_size=5,
)
ISSUES = st.builds(
    issue,
    status=st.sampled_from(["todo", "in_progress", "blocked", "done", "cancelled"]),
    assignee_agent_id=st.sampled_from([None, "a1", "a2"]),
    execution_run_id=st.sampled_from([None, "r1", "r2"]),
    held=st.booleans(),
    other_live_run=st.booleans(),
)


@given(ISSUES, st.sampled_from(["succeeded", "failed", "cancelled", "timed_out"]), WAKES)
def test_no_deferred_wake_is_forgotten(given_issue: ReleasedIssue, status: str, wakes: list[DeferredWake]) -> None:
    plan = plan_release(given_issue, ended(status), wakes)
    decided = [drop.wakeup_id for drop in plan.dropped]
    if isinstance(plan.then, Promote):
        decided.append(plan.then.wakeup_id)
    busy = given_issue.execution_run_id == "r2" or given_issue.other_live_run
    assert decided == [wake.id for wake in wakes][: len(decided)]
    assert busy or isinstance(plan.then, Promote) or len(decided) == len(wakes)


@given(ISSUES, st.sampled_from(["failed", "cancelled", "timed_out"]))
def test_an_owned_open_issue_is_never_stranded_by_a_bad_end(given_issue: ReleasedIssue, status: str) -> None:
    plan = plan_release(given_issue, ended(status), [])
    stranded = (
        given_issue.status in {"todo", "in_progress"}
        and given_issue.assignee_agent_id == "a1"
        and given_issue.execution_run_id != "r2"
        and not given_issue.held
        and not given_issue.other_live_run
    )
    assert (plan.then is not None) == stranded
