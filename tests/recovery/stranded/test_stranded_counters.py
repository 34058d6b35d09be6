from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.stranded.counters import StrandedReport
from recovery.stranded.decision import (
    Action,
    BlockInPlace,
    DispatchAssignment,
    Escalate,
    EscalationCause,
    RequeueContinuation,
    RequeueDispatch,
    Skip,
    SkipReason,
)

ACTIONS: list[Action] = [
    DispatchAssignment(),
    RequeueDispatch(),
    RequeueContinuation(),
    BlockInPlace(),
    *map(Escalate, EscalationCause),
    *map(Skip, SkipReason),
]


@pytest.mark.parametrize(
    ("action", "counter"),
    [
        (DispatchAssignment(), "assignment_dispatched"),
        (RequeueDispatch(), "dispatch_requeued"),
        (RequeueContinuation(), "continuation_requeued"),
        (Escalate(EscalationCause.DISPATCH_RETRIED), "escalated"),
        (BlockInPlace(), "escalated"),
    ],
)
def test_each_action_has_its_counter_and_names_its_issue(action: Action, counter: str) -> None:
    report = StrandedReport().counting("issue-1", action)
    assert getattr(report, counter) == 1
    assert report.issue_ids == ("issue-1",)
    assert report.skipped == 0


def test_a_skip_names_no_issue() -> None:
    report = StrandedReport().counting("issue-1", Skip(SkipReason.RESTING))
    assert (report.skipped, report.issue_ids) == (1, ())


def test_continuations_are_observed_as_well_as_skipped() -> None:
    report = StrandedReport().counting("a", Skip(SkipReason.PRODUCTIVE_CONTINUATION))
    report = report.counting("b", Skip(SkipReason.SUCCESSFUL_CONTINUATION))
    assert report.productive_continuation_observed == report.successful_continuation_observed == 1
    assert (report.skipped, report.issue_ids) == (2, ())


def test_what_is_no_candidate_is_not_counted() -> None:
    assert StrandedReport().counting("issue-1", Skip(SkipReason.NOT_A_CANDIDATE)) == StrandedReport()


def test_orphan_blockers_and_errors_are_counted() -> None:
    report = StrandedReport().counting_orphan_blocker("issue-2").counting_error()
    assert (report.orphan_blockers_assigned, report.errors, report.issue_ids) == (1, 1, ("issue-2",))


def test_the_report_becomes_plain_values() -> None:
    plain = StrandedReport().counting("issue-1", RequeueDispatch()).as_dict()
    assert plain["dispatch_requeued"] == 1
    assert plain["issue_ids"] == ["issue-1"]
    assert len(plain) == 10


@given(st.lists(st.tuples(st.integers(0, 5).map(str), st.sampled_from(ACTIONS))))
def test_every_action_lands_in_exactly_one_counter(history: list[tuple[str, Action]]) -> None:
    report = StrandedReport()
    for issue_id, action in history:
        report = report.counting(issue_id, action)
    acted = report.assignment_dispatched + report.dispatch_requeued + report.continuation_requeued + report.escalated
    counted = [a for _, a in history if a != Skip(SkipReason.NOT_A_CANDIDATE)]
    assert acted + report.skipped == len(counted)
    assert len(set(report.issue_ids)) == len(report.issue_ids) <= acted
