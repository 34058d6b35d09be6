from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.claim_gates import Claim, ClaimFacts, ClaimIssue, Participant, Refusal, judge_claim
from heartbeats.runs.claim_order import QueuedRun, free_slots, in_claim_order, priority_rank

T0 = datetime(2026, 5, 1, tzinfo=UTC)
COMMENT = {"wakeReason": "issue_commented", "commentId": "c1"}
ISSUE = ClaimIssue("i1", "todo", "a1")


def queued(run_id: str, minutes: int = 0, **facts: Any) -> QueuedRun:
    return QueuedRun(run_id, T0 + timedelta(minutes=minutes), **facts)


def test_runs_are_claimed_by_readiness_then_priority_then_age() -> None:
    expected = [
        queued("progress-critical", 9, issue_id="i", issue_status="in_progress", issue_priority="critical"),
        queued("progress-low", 0, issue_id="i", issue_status="in_progress", issue_priority="low"),
        queued("ready-high", 9, issue_id="i", issue_status="todo", issue_priority="high"),
        queued("ready-low-old", 1, issue_id="i", issue_status="todo", issue_priority="low"),
        queued("ready-low-new", 2, issue_id="i", issue_status="blocked", issue_priority="low"),
        queued("ready-none", 0, issue_id="i", issue_status="todo"),
        queued("no-issue-old", 0),
        queued("no-issue-new", 5),
        queued(
            "blocked", 0, issue_id="i", issue_status="in_progress", issue_priority="critical", dependency_ready=False
        ),
    ]
    assert in_claim_order(reversed(expected)) == expected


@pytest.mark.parametrize(
    ("priority", "rank"), [("critical", 0), ("high", 1), ("medium", 2), ("low", 3), (None, 4), ("odd", 4)]
)
def test_priority_ranks(priority: str | None, rank: int) -> None:
    assert priority_rank(priority) == rank


@pytest.mark.parametrize(("limit", "occupied", "free"), [(5, 0, 5), (5, 5, 0), (1, 4, 0), (10, 9, 1)])
def test_free_slots_are_never_negative(limit: int, occupied: int, free: int) -> None:
    assert free_slots(limit, occupied) == free


@given(
    st.lists(
        st.builds(
            queued,
            st.uuids().map(str),
            st.integers(0, 3),
            issue_id=st.sampled_from([None, "i"]),
            issue_status=st.sampled_from(["todo", "in_progress"]),
            issue_priority=st.sampled_from([None, "critical", "low"]),
            dependency_ready=st.booleans(),
        ),
        max_size=8,
    ),
    st.randoms(),
)
def test_the_claim_order_is_total_and_loses_nobody(runs: list[QueuedRun], rnd: Any) -> None:
    ordered = in_claim_order(runs)
    shuffled = list(runs)
    rnd.shuffle(shuffled)
    assert in_claim_order(shuffled) == ordered
    assert sorted(run.id for run in ordered) == sorted(run.id for run in runs)


def facts(**given_facts: Any) -> ClaimFacts:
    usual: dict[str, Any] = {
        "run_id": "r1",
        "agent_id": "a1",
        "agent_status": "idle",
        "context": {"wakeReason": "issue_assigned"},
        "issue_id": "i1",
        "issue": ISSUE,
    }
    return ClaimFacts(**{**usual, **given_facts})


# (facts that close the gate, run's error code, wakeup's status, stop reason, timeout source), in the order of the table
GATES: list[tuple[dict[str, Any], str, str, str, str]] = [
    ({"agent_status": None}, "cancelled", "cancelled", "cancelled", "default"),
    ({"agent_status": "terminated"}, "cancelled", "cancelled", "cancelled", "default"),
    ({"budget_reason": "Budget hard stop"}, "cancelled", "cancelled", "budget_paused", "default"),
    ({"hold_id": "h1"}, "cancelled", "cancelled", "paused", "default"),
    (
        {"issue": replace(ISSUE, unresolved_blocker_ids=("b1",))},
        "issue_dependencies_blocked", "skipped", "issue_dependencies_blocked", "dependency_gate",
    ),
    ({"issue": None}, "issue_not_found", "skipped", "issue_not_found", "stale_queued_run_gate"),
    (
        {"issue": replace(ISSUE, assignee_agent_id="a2")},
        "issue_assignee_changed", "skipped", "issue_assignee_changed", "stale_queued_run_gate",
    ),
    (
        {"issue": replace(ISSUE, status="done")},
        "issue_terminal_status", "skipped", "issue_terminal_status", "stale_queued_run_gate",
    ),
    (
        {"issue": replace(ISSUE, status="in_review", participant=Participant("agent", "a2"))},
        "issue_review_participant_changed", "skipped", "issue_review_participant_changed", "stale_queued_run_gate",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("closing", "code", "wakeup", "stop", "source"), GATES)
def test_each_gate_says_what_becomes_of_run_and_wakeup(
    closing: dict[str, Any], code: str, wakeup: str, stop: str, source: str
) -> None:
    verdict = judge_claim(facts(**closing))
    assert isinstance(verdict, Refusal)
    assert (verdict.error_code, verdict.wakeup_status) == (code, wakeup)
    assert verdict.stop == {
        "stopReason": stop,
        "effectiveTimeoutSec": 0,
        "timeoutConfigured": False,
        "timeoutSource": source,
        "timeoutFired": False,
    }


@pytest.mark.parametrize("first", range(5))
@pytest.mark.parametrize("second", range(1, 9))
def test_of_two_closed_gates_the_earlier_answers(first: int, second: int) -> None:
    if first < second and not GATES[first][0].keys() & GATES[second][0].keys():
        closed = {**GATES[second][0], **GATES[first][0]}
        assert judge_claim(facts(**closed)) == judge_claim(facts(**GATES[first][0]))


def test_details_name_what_was_found() -> None:
    blocked = judge_claim(facts(issue=replace(ISSUE, unresolved_blocker_ids=("b1", "b2"))))
    assert isinstance(blocked, Refusal)
    assert blocked.details == {"issueId": "i1", "unresolvedBlockerIssueIds": ["b1", "b2"]}
    reassigned = judge_claim(facts(issue=replace(ISSUE, assignee_agent_id=None)))
    assert isinstance(reassigned, Refusal)
    assert reassigned.details == {
        "issueId": "i1",
        "previousAssigneeAgentId": "a1",
        "currentAssigneeAgentId": None,
    }
    held = judge_claim(facts(hold_id="h1"))
    assert isinstance(held, Refusal)
    assert held.activity == "issue.tree_hold_run_interrupted"


def test_a_budget_refusal_carries_the_budgets_own_reason() -> None:
    verdict = judge_claim(facts(budget_reason="Company budget is used up"))
    assert isinstance(verdict, Refusal)
    assert verdict.reason == "Company budget is used up"


def test_a_verified_interaction_passes_the_hold() -> None:
    assert judge_claim(facts(hold_id="h1", verified_interaction=True)) == Claim(stamp_lock=True)


@pytest.mark.parametrize(
    "issue",
    [
        replace(ISSUE, unresolved_blocker_ids=("b1",)),
        replace(ISSUE, assignee_agent_id="a2"),
        replace(ISSUE, status="done"),
        replace(ISSUE, status="cancelled"),
        replace(ISSUE, status="in_review", participant=Participant("user", "u1")),
    ],
)
def test_an_interaction_wake_starts_in_spite_of_it(issue: ClaimIssue) -> None:
    assert isinstance(judge_claim(facts(issue=issue, context=COMMENT)), Claim)


@pytest.mark.parametrize("intent", ["resumeIntent", "followUpRequested"])
def test_the_intent_to_resume_starts_on_a_closed_issue(intent: str) -> None:
    done = replace(ISSUE, status="done")
    assert isinstance(judge_claim(facts(issue=done, context={intent: True})), Claim)
    assert isinstance(judge_claim(facts(issue=done, context={intent: "yes"})), Refusal)


def test_the_current_participant_starts_in_review() -> None:
    mine = replace(ISSUE, status="in_review", participant=Participant("agent", "a1"))
    nobodys = replace(ISSUE, status="in_review", participant=None)
    assert isinstance(judge_claim(facts(issue=mine)), Claim)
    assert isinstance(judge_claim(facts(issue=nobodys)), Claim)


@pytest.mark.parametrize(
    ("issue", "stamps"),
    [
        (ISSUE, True),
        (replace(ISSUE, execution_run_id="r1"), True),
        (replace(ISSUE, execution_run_id="r2"), False),
        (replace(ISSUE, assignee_agent_id="a2"), False),
    ],
)
def test_only_the_assignee_takes_a_free_or_its_own_lock(issue: ClaimIssue, stamps: bool) -> None:
    assert judge_claim(facts(issue=issue, context=COMMENT)) == Claim(stamp_lock=stamps)


def test_a_run_without_issue_starts_without_lock() -> None:
    assert judge_claim(facts(issue_id=None, issue=None, hold_id="h1")) == Claim(stamp_lock=False)


FACTS = st.builds(
    facts,
    agent_status=st.sampled_from([None, "idle", "running", "error", "paused"]),
    budget_reason=st.sampled_from([None, "budget"]),
    hold_id=st.sampled_from([None, "h1"]),
    verified_interaction=st.booleans(),
    context=st.sampled_from([{}, COMMENT, {"resumeIntent": True}, {"wakeReason": "issue_assigned"}]),
    issue=st.one_of(
        st.none(),
        st.builds(
            ClaimIssue,
            st.just("i1"),
            st.sampled_from(["todo", "in_progress", "in_review", "done", "cancelled"]),
            st.sampled_from([None, "a1", "a2"]),
            st.sampled_from([None, "r1", "r2"]),
            st.sampled_from([None, Participant("agent", "a1"), Participant("user", "u1")]),
            st.none(),
            st.sampled_from([(), ("b1",)]),
        ),
    ),
)


@given(FACTS)
def test_whoever_starts_may_start(given_facts: ClaimFacts) -> None:
    verdict = judge_claim(given_facts)
    if isinstance(verdict, Refusal):
        assert verdict.reason
        assert verdict.stop["stopReason"]
        return
    assert given_facts.agent_status in {"idle", "running", "error"}
    assert given_facts.budget_reason is None
    assert given_facts.issue is not None
    assert given_facts.issue.assignee_agent_id == "a1" or given_facts.context is COMMENT
    if verdict.stamp_lock:
        assert given_facts.issue.execution_run_id in (None, "r1")
