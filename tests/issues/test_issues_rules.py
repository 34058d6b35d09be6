"""The pure rules of issues as properties: ownership, checkout, reopening, holds, times and locks."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from issues.checkout_rules import CheckoutFacts, CheckoutRuling, judge_checkout
from issues.holds.plan import SkipReason, TreeIssue, plan, status_restored
from issues.lifecycle import ISSUE_MOVES, clears_locks, times_of
from issues.models import Issue
from issues.ownership import MutationFacts, Ruling, judge_mutation
from issues.speech_rules import SpokenOn, Wishes, reopens, resume_refusal
from issues.vocabulary import ISSUE_TERMINAL, HoldMode, IssueStatus

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ME, YOU, MINE, YOURS = uuid4(), uuid4(), uuid4(), uuid4()
statuses = st.sampled_from(list(IssueStatus))
agents = st.sampled_from([None, ME, YOU])
runs = st.sampled_from([None, MINE, YOURS])


@given(
    st.builds(
        CheckoutFacts,
        status=statuses,
        assignee_agent_id=agents,
        assignee_user_id=st.sampled_from([None, YOU]),
        checkout_run_id=runs,
        execution_run_id=runs,
        caller_may_hold=st.booleans(),
    ),
    runs,
    st.sets(statuses, min_size=1),
)
def test_a_checkout_never_takes_what_another_holds(
    facts: CheckoutFacts, run: UUID | None, expected: set[IssueStatus]
) -> None:
    ruling = judge_checkout(facts, agent_id=ME, run_id=run, expected=expected)
    if ruling is CheckoutRuling.CONFLICT:
        return
    assert facts.caller_may_hold
    assert facts.assignee_user_id is None
    assert facts.assignee_agent_id in (None, ME)
    assert facts.checkout_run_id in (None, run)
    assert facts.execution_run_id in (None, run)
    own_work = facts.status == IssueStatus.IN_PROGRESS and facts.assignee_agent_id == ME
    assert own_work or facts.status in expected


@given(
    st.builds(
        MutationFacts,
        agent_id=st.just(ME),
        run_id=st.sampled_from([None, MINE]),
        may_take_over=st.booleans(),
        status=statuses,
        assignee_agent_id=agents,
        checkout_run_id=runs,
        checkout_lives=st.booleans(),
        oversees=st.booleans(),
    )
)
def test_the_mutation_rule(facts: MutationFacts) -> None:
    ruling = judge_mutation(facts)
    working = facts.status == IssueStatus.IN_PROGRESS
    if facts.assignee_agent_id is None or (facts.assignee_agent_id == ME and not working):
        assert ruling is Ruling.ALLOWED
    elif facts.assignee_agent_id == YOU:
        refused = Ruling.CHECKED_OUT if working else Ruling.FOREIGN
        assert ruling is (Ruling.ALLOWED if facts.oversees else refused)
    elif facts.run_id is None:
        assert ruling is Ruling.RUN_REQUIRED
    elif facts.checkout_run_id == MINE:
        assert ruling is Ruling.ALLOWED
    else:
        open_to = Ruling.ADOPT if facts.may_take_over else Ruling.ALLOWED
        assert ruling is (Ruling.NOT_OWNER if facts.checkout_lives else open_to)


@given(statuses, st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_only_what_sleeps_and_waits_for_nothing_is_reopened(
    status: IssueStatus, owned: bool, blocked: bool, person: bool, reopen: bool, resume: bool
) -> None:
    on = SpokenOn(status=status, agent_owned=owned, has_blockers=blocked)
    opened = reopens(on, Wishes(reopen=reopen, resume=resume), by_person=person)
    if opened:
        assert status in ISSUE_TERMINAL or (status == IssueStatus.BLOCKED and not blocked)
        assert reopen or resume or (person and owned)


@given(statuses, st.booleans(), st.booleans(), st.booleans())
def test_what_can_be_resumed_is_owned_free_and_not_set_aside(
    status: IssueStatus, owned: bool, blocked: bool, held: bool
) -> None:
    refusal = resume_refusal(SpokenOn(status=status, agent_owned=owned, has_blockers=blocked, held=held))
    if refusal is None:
        assert owned
        assert not blocked
        assert not held
        assert status not in (IssueStatus.CANCELLED, IssueStatus.IN_REVIEW, IssueStatus.BACKLOG)


@given(statuses, st.sampled_from([None, NOW]))
def test_times_follow_the_status(status: IssueStatus, started: datetime | None) -> None:
    times = times_of(status, started_at=started, now=NOW)
    assert (times["completed_at"] is not None) == (status == IssueStatus.DONE)
    assert (times["cancelled_at"] is not None) == (status == IssueStatus.CANCELLED)
    assert ("started_at" in times) == (status == IssueStatus.IN_PROGRESS)


def test_every_move_exists_but_standing_still() -> None:
    for before in IssueStatus:
        assert {after for after in IssueStatus if ISSUE_MOVES.allows(before, after)} == set(IssueStatus) - {before}


@given(statuses, statuses, agents, agents)
def test_locks_end_with_the_work_or_its_owner(
    before: IssueStatus, after: IssueStatus, owner: UUID | None, new_owner: UUID | None
) -> None:
    issue = Issue(status=before, assignee_agent_id=owner)
    ends = clears_locks(issue, {"status": after, "assignee_agent_id": new_owner})
    leaves = before == IssueStatus.IN_PROGRESS and after != IssueStatus.IN_PROGRESS
    assert ends == (leaves or owner != new_owner)


@given(statuses, st.booleans(), st.sampled_from([None, *IssueStatus]), st.sampled_from(list(HoldMode)))
def test_a_hold_affects_what_it_can_change(
    status: IssueStatus, paused: bool, before: IssueStatus | None, mode: HoldMode
) -> None:
    issue = TreeIssue(
        id=ME,
        parent_id=None,
        depth=0,
        identifier="T-1",
        title="T",
        status=status,
        assignee_agent_id=None,
        assignee_user_id=None,
        paused_above=paused,
        status_before_cancel=before,
    )
    ((entry),) = plan(mode, [issue])
    if entry.skip is None and mode in (HoldMode.PAUSE, HoldMode.CANCEL):
        assert status not in ISSUE_TERMINAL
    if mode == HoldMode.RESTORE:
        assert (entry.skip is None) == (status == IssueStatus.CANCELLED and before is not None)
    if mode == HoldMode.RESUME:
        assert entry.skip == (None if paused else SkipReason.NOT_HELD)
    assert status_restored(IssueStatus.IN_PROGRESS) == IssueStatus.TODO
