from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.vocabulary import LivenessState, RetryReason, RunStatus
from issues.vocabulary import RECOVERY_ORIGINS, IssueStatus, OriginKind
from recovery.retries.ledger import Ledger
from recovery.stranded.decision import (
    BlockInPlace,
    DispatchAssignment,
    Escalate,
    EscalationCause,
    LatestRun,
    RequeueContinuation,
    RequeueDispatch,
    Skip,
    SkipReason,
    StrandedFacts,
    decide_stranded,
)

FAILED = LatestRun("run-1", "failed")
TODO = StrandedFacts("issue-1", IssueStatus.TODO)
DOING = StrandedFacts("issue-1", IssueStatus.IN_PROGRESS, run_linked=True)
BOTH = pytest.mark.parametrize("issue", [TODO, DOING], ids=["todo", "in_progress"])
UNSUCCESSFUL = pytest.mark.parametrize("status", RunStatus.UNSUCCESSFUL)


def retried(status: str, reason: RetryReason) -> LatestRun:
    return LatestRun("run-2", status, retry_reason=reason)


@BOTH
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hidden": True}, SkipReason.NOT_A_CANDIDATE),
        ({"agent_owned": False}, SkipReason.NOT_A_CANDIDATE),
        ({"agent_found": False}, SkipReason.AGENT_MISSING),
        ({"agent_invokable": False}, SkipReason.AGENT_NOT_INVOKABLE),
        ({"live_run": True}, SkipReason.LIVE_RUN),
        ({"deferred_wakeup": True}, SkipReason.DEFERRED_WAKEUP),
        ({"pause_held": True}, SkipReason.PAUSE_HOLD),
    ],
)
def test_what_the_sweep_leaves_alone(issue: StrandedFacts, change: dict[str, Any], reason: SkipReason) -> None:
    assert decide_stranded(replace(issue, latest_run=FAILED, **change)) == Skip(reason)


@pytest.mark.parametrize("status", ["backlog", "in_review", "blocked", "done", "cancelled"])
def test_only_todo_and_in_progress_are_candidates(status: str) -> None:
    assert decide_stranded(replace(TODO, status=status, latest_run=FAILED)) == Skip(SkipReason.NOT_A_CANDIDATE)


@BOTH
@UNSUCCESSFUL
@pytest.mark.parametrize("origin", sorted(RECOVERY_ORIGINS))
def test_a_failed_recovery_issue_is_blocked_in_place(issue: StrandedFacts, status: str, origin: OriginKind) -> None:
    for reason in [None, *RetryReason]:
        facts = replace(issue, origin_kind=origin, latest_run=LatestRun("r", status, retry_reason=reason))
        assert decide_stranded(facts) == BlockInPlace()
        assert decide_stranded(replace(facts, budget_blocked=True)) == BlockInPlace()


def test_a_recovery_issue_without_a_run_is_dispatched_like_any_other() -> None:
    assert decide_stranded(replace(TODO, origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY)) == DispatchAssignment()


def test_todo_that_was_never_run_is_dispatched_as_a_normal_assignment() -> None:
    action = decide_stranded(TODO)
    assert isinstance(action, DispatchAssignment)
    assert action.wake_reason == "issue_assigned"
    assert action.mutation == "assigned_todo_liveness_dispatch"
    assert action.context_source == "issue.assigned_todo_liveness_dispatch"
    assert not hasattr(action, "retry_reason")


def test_todo_without_a_run_waits_for_its_queued_wakeup() -> None:
    assert decide_stranded(replace(TODO, queued_wakeup=True)) == Skip(SkipReason.WAKEUP_QUEUED)


def test_todo_that_succeeded_rests_on_purpose() -> None:
    assert decide_stranded(replace(TODO, latest_run=LatestRun("r", "succeeded"))) == Skip(SkipReason.RESTING)


@UNSUCCESSFUL
def test_todo_is_dispatched_once_more_even_beside_an_old_queued_wakeup(status: str) -> None:
    for queued in (False, True):
        action = decide_stranded(replace(TODO, latest_run=LatestRun("r", status), queued_wakeup=queued))
        assert isinstance(action, RequeueDispatch)
        assert action.retry_reason == "assignment_recovery"
        assert action.wake_reason == "issue_assignment_recovery"


@UNSUCCESSFUL
def test_todo_escalates_after_its_one_dispatch_recovery(status: str) -> None:
    facts = replace(TODO, latest_run=retried(status, RetryReason.ASSIGNMENT_RECOVERY))
    assert decide_stranded(facts) == Escalate(EscalationCause.DISPATCH_RETRIED)


def test_a_failed_continuation_does_not_spend_the_dispatch_recovery() -> None:
    facts = replace(TODO, latest_run=retried("failed", RetryReason.ISSUE_CONTINUATION_NEEDED))
    assert decide_stranded(facts) == RequeueDispatch()


def test_work_seeded_by_hand_is_left_alone() -> None:
    assert decide_stranded(replace(DOING, run_linked=False)) == Skip(SkipReason.SEEDED_BY_HAND)


def test_linked_work_whose_run_is_gone_is_continued() -> None:
    assert decide_stranded(DOING) == RequeueContinuation()


@UNSUCCESSFUL
def test_work_in_progress_is_continued_once(status: str) -> None:
    action = decide_stranded(replace(DOING, latest_run=LatestRun("r", status)))
    assert isinstance(action, RequeueContinuation)
    assert action.retry_reason.value == "issue_continuation_needed"
    assert action.wake_reason.value == "issue_continuation_needed"
    assert action.context_source == "issue.continuation_recovery"


@UNSUCCESSFUL
def test_work_in_progress_escalates_after_its_one_continuation(status: str) -> None:
    facts = replace(DOING, latest_run=retried(status, RetryReason.ISSUE_CONTINUATION_NEEDED))
    assert decide_stranded(facts) == Escalate(EscalationCause.CONTINUATION_RETRIED)


@pytest.mark.parametrize("state", LivenessState.PRODUCTIVE)
def test_a_productive_continuation_is_observed(state: str) -> None:
    facts = replace(DOING, latest_run=LatestRun("r", "succeeded", "issue_continuation_needed", state))
    assert decide_stranded(facts) == Skip(SkipReason.PRODUCTIVE_CONTINUATION)


@pytest.mark.parametrize("state", [None, "plan_only", "empty_response", "failed"])
def test_any_other_success_is_observed_as_such(state: str | None) -> None:
    facts = replace(DOING, latest_run=LatestRun("r", "succeeded", None, state))
    assert decide_stranded(facts) == Skip(SkipReason.SUCCESSFUL_CONTINUATION)


@BOTH
def test_a_budget_block_skips_the_run_but_not_the_escalation(issue: StrandedFacts) -> None:
    facts = replace(issue, budget_blocked=True, latest_run=FAILED)
    assert decide_stranded(facts) == Skip(SkipReason.BUDGET_BLOCKED)
    permanent = replace(facts, latest_run=replace(FAILED, permanent_failure="auth"))
    assert decide_stranded(permanent) == Escalate(EscalationCause.PERMANENT_FAILURE)


def test_a_budget_blocked_first_dispatch_is_skipped() -> None:
    assert decide_stranded(replace(TODO, budget_blocked=True)) == Skip(SkipReason.BUDGET_BLOCKED)


@BOTH
def test_a_permanent_failure_escalates_at_once(issue: StrandedFacts) -> None:
    facts = replace(issue, latest_run=replace(FAILED, permanent_failure="billing"))
    assert decide_stranded(facts) == Escalate(EscalationCause.PERMANENT_FAILURE)


@BOTH
def test_a_spent_ledger_escalates(issue: StrandedFacts) -> None:
    facts = replace(issue, latest_run=FAILED, ledger=Ledger(8))
    assert decide_stranded(facts) == Escalate(EscalationCause.LEDGER_SPENT)
    assert not isinstance(decide_stranded(replace(facts, ledger=Ledger(7))), Escalate)


@BOTH
@pytest.mark.parametrize("status", RunStatus.LIVE)
def test_a_run_that_looks_alive_is_not_doubled(issue: StrandedFacts, status: str) -> None:
    assert decide_stranded(replace(issue, latest_run=LatestRun("r", status))) == Skip(SkipReason.UNCLEAR_RUN)


runs = st.none() | st.builds(
    LatestRun,
    run_id=st.just("r"),
    status=st.sampled_from(list(RunStatus)),
    retry_reason=st.none() | st.sampled_from(list(RetryReason)),
    liveness_state=st.none() | st.sampled_from(list(LivenessState)),
    permanent_failure=st.none() | st.just("auth"),
)
any_facts = st.builds(
    StrandedFacts,
    issue_id=st.just("i"),
    status=st.sampled_from(list(IssueStatus)),
    agent_owned=st.booleans(),
    hidden=st.booleans(),
    origin_kind=st.none() | st.sampled_from(list(OriginKind)),
    agent_found=st.booleans(),
    agent_invokable=st.booleans(),
    live_run=st.booleans(),
    deferred_wakeup=st.booleans(),
    pause_held=st.booleans(),
    budget_blocked=st.booleans(),
    queued_wakeup=st.booleans(),
    run_linked=st.booleans(),
    latest_run=runs,
    ledger=st.builds(Ledger, st.integers(0, 12)),
)
STARTS_A_RUN = DispatchAssignment | RequeueDispatch | RequeueContinuation


@given(any_facts)
def test_no_run_is_started_where_one_lives_or_may_not(facts: StrandedFacts) -> None:
    if isinstance(decide_stranded(facts), STARTS_A_RUN):
        gates = (facts.live_run, facts.deferred_wakeup, facts.pause_held, facts.budget_blocked)
        assert not any(gates)
        assert facts.agent_invokable
        assert facts.agent_found


@given(any_facts, st.sampled_from(sorted(RECOVERY_ORIGINS)))
def test_recovery_never_recovers_a_failed_recovery(facts: StrandedFacts, origin: OriginKind) -> None:
    failed = replace(facts, origin_kind=origin, latest_run=retried("failed", RetryReason.ISSUE_CONTINUATION_NEEDED))
    assert isinstance(decide_stranded(failed), Skip | BlockInPlace)


@given(any_facts)
def test_a_recovery_run_that_fails_ends_in_front_of_a_person(facts: StrandedFacts) -> None:
    """No facts make the sweep retry for ever: after its own recovery run failed, it does not queue another."""
    action = decide_stranded(facts)
    if isinstance(action, RequeueDispatch | RequeueContinuation):
        after = replace(facts, latest_run=retried("failed", action.retry_reason))
        assert isinstance(decide_stranded(after), Escalate | BlockInPlace)
