from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.vocabulary import WakeupRowReason
from heartbeats.wakeups.gates import (
    AnsweredBefore,
    BudgetBlock,
    Coalesce,
    Defer,
    Queue,
    Refused,
    Skipped,
    WakeFacts,
    admit,
    decide_wakeup,
    place,
)
from heartbeats.wakeups.live_run import LiveRun
from heartbeats.wakeups.policy import HeartbeatPolicy

T0 = datetime(2026, 5, 1, tzinfo=UTC)
BLOCK = BudgetBlock("Budget exhausted", "agent", "a1")
COMMENT = {"wakeReason": "issue_commented", "commentId": "c1"}


def live(status: str, agent_id: str = "a1", run_id: str = "r1", task_key: str | None = None) -> LiveRun:
    return LiveRun(run_id, agent_id, status, T0, task_key)


def facts(**given_facts: Any) -> WakeFacts:
    usual: dict[str, Any] = {
        "agent_id": "a1",
        "agent_status": "idle",
        "source": "automation",
        "context": {"wakeReason": "issue_status_changed"},
        "policy": HeartbeatPolicy(enabled=True),
        "reason": "issue_status_changed",
        "issue_id": "i1",
    }
    return WakeFacts(**{**usual, **given_facts})


# Every gate with the facts that close it, in order: an earlier closed gate hides all later ones.
GATES: list[tuple[int, dict[str, Any], Any]] = [
    (0, {"repeated_wakeup_id": "w0"}, AnsweredBefore("w0")),
    (1, {"agent_status": None}, Refused(404, "Agent not found")),
    (
        2,
        {"budget_block": BLOCK},
        Refused(409, "Budget exhausted", {"scopeType": "agent", "scopeId": "a1"}, WakeupRowReason.BUDGET_BLOCKED),
    ),
    (
        3,
        {"agent_status": "paused"},
        Refused(409, "Agent is not invokable in its current state", {"status": "paused"}),
    ),
    (5, {"policy": HeartbeatPolicy(wake_on_demand=False)}, Skipped(WakeupRowReason.WAKE_ON_DEMAND_DISABLED)),
    (
        6,
        {"hold": {"holdId": "h1"}},
        Skipped(WakeupRowReason.TREE_HOLD_ACTIVE, activity="issue.tree_hold_wakeup_deferred"),
    ),
    (7, {"issue_found": False}, Skipped(WakeupRowReason.ISSUE_NOT_FOUND)),
    (
        8,
        {"blockers": [{"id": "b1"}, {"id": "b2"}]},
        Skipped(WakeupRowReason.DEPENDENCIES_BLOCKED, {"issueId": "i1", "unresolvedBlockerIssueIds": ["b1", "b2"]}),
    ),
]


@pytest.mark.parametrize(("number", "closing", "verdict"), GATES)
def test_each_gate_answers_with_its_own_verdict(number: int, closing: dict[str, Any], verdict: Any) -> None:
    assert decide_wakeup(facts(**closing)) == verdict


@pytest.mark.parametrize("first", range(len(GATES)))
@pytest.mark.parametrize("second", range(len(GATES)))
def test_of_two_closed_gates_the_earlier_answers(first: int, second: int) -> None:
    if first >= second or {"agent_status"} <= GATES[first][1].keys() & GATES[second][1].keys():
        return
    closed = {**GATES[second][1], **GATES[first][1]}
    assert decide_wakeup(facts(**closed)) == GATES[first][2]


@pytest.mark.parametrize("status", ["paused", "pending_approval", "terminated"])
def test_gate_3_names_the_status(status: str) -> None:
    verdict = decide_wakeup(facts(agent_status=status))
    assert isinstance(verdict, Refused)
    assert verdict.details == {"status": status}
    assert verdict.row_reason is None


def test_gate_4_only_the_timer_needs_the_heartbeat_enabled() -> None:
    off = HeartbeatPolicy(enabled=False)
    assert decide_wakeup(facts(source="timer", policy=off)) == Skipped(WakeupRowReason.HEARTBEAT_DISABLED)
    assert isinstance(decide_wakeup(facts(source="on_demand", policy=off)), Queue)


def test_gate_5_does_not_hold_the_timer_back() -> None:
    policy = HeartbeatPolicy(enabled=True, wake_on_demand=False)
    assert isinstance(decide_wakeup(facts(source="timer", policy=policy)), Queue)


def test_gate_6_lets_a_verified_interaction_through_and_tells_the_agent() -> None:
    verdict = decide_wakeup(facts(context=COMMENT, hold={"holdId": "h1"}, verified_interaction=True))
    assert isinstance(verdict, Queue)
    assert verdict.context["activeTreeHold"] == {"holdId": "h1", "interaction": True}


def test_gate_6_without_an_issue_there_is_no_hold() -> None:
    assert isinstance(decide_wakeup(facts(issue_id=None, hold={"holdId": "h1"})), Queue)


def test_gate_8_an_interaction_may_start_although_blocked() -> None:
    verdict = decide_wakeup(facts(context=COMMENT, blockers=[{"id": "b1", "title": "B"}]))
    assert isinstance(verdict, Queue)
    assert verdict.context["dependencyBlockedInteraction"] is True
    assert verdict.context["unresolvedBlockerSummaries"] == [{"id": "b1", "title": "B"}]


def test_gate_8_does_not_ask_when_a_live_run_is_there() -> None:
    verdict = decide_wakeup(facts(blockers=[{"id": "b1"}], live_run=live("queued")))
    assert isinstance(verdict, Coalesce)


@pytest.mark.parametrize("status", ["queued", "running", "scheduled_retry"])
def test_gate_9_joins_the_same_agents_run_when_no_followup_is_needed(status: str) -> None:
    verdict = decide_wakeup(facts(live_run=live(status)))
    assert verdict == Coalesce("r1", "issue_execution_same_name", {"wakeReason": "issue_status_changed"})


@pytest.mark.parametrize("context", [COMMENT, {"wakeReason": "approval_approved"}, {"interactionId": "x"}])
@pytest.mark.parametrize(("status", "deferred"), [("running", True), ("queued", False), ("scheduled_retry", False)])
def test_gate_9_what_a_running_process_cannot_see_is_deferred(context: Any, status: str, deferred: bool) -> None:
    verdict = decide_wakeup(facts(context=context, live_run=live(status)))
    assert isinstance(verdict, Defer if deferred else Coalesce)


@pytest.mark.parametrize("status", ["queued", "running", "scheduled_retry"])
def test_gate_10_waits_behind_another_agents_run(status: str) -> None:
    other = live(status, agent_id="a2")
    assert decide_wakeup(facts(live_run=other)) == Defer({"wakeReason": "issue_status_changed"})
    merged = decide_wakeup(facts(live_run=other, deferred_wakeup_id="w1"))
    assert isinstance(merged, Defer)
    assert merged.merge_into == "w1"


def test_gate_11_prefers_queued_then_retry_then_running() -> None:
    runs = [live("running", run_id="r1"), live("scheduled_retry", run_id="r2"), live("queued", run_id="r3")]
    for expected, count in (("r3", 3), ("r2", 2), ("r1", 1)):
        verdict = place(facts(issue_id=None, agent_runs=runs[:count]))
        assert isinstance(verdict, Coalesce)
        assert (verdict.run_id, verdict.reason) == (expected, "issue_status_changed")


def test_gate_11_only_joins_the_same_task() -> None:
    runs = [live("queued", task_key="k1")]
    assert isinstance(place(facts(issue_id=None, agent_runs=runs)), Queue)
    assert isinstance(place(facts(issue_id=None, agent_runs=runs, context={"taskKey": "k1"})), Coalesce)
    assert isinstance(place(facts(issue_id=None, agent_runs=[live("queued", task_key="__heartbeat__")])), Coalesce)


def test_gate_11_queues_anew_what_the_running_process_cannot_see() -> None:
    running = [live("running")]
    assert isinstance(place(facts(issue_id=None, context={"commentId": "c1"}, agent_runs=running)), Queue)


def test_gate_12_queues_with_the_given_reason() -> None:
    assert decide_wakeup(facts()) == Queue({"wakeReason": "issue_status_changed"}, "issue_status_changed")


@pytest.mark.parametrize(
    ("requester", "source", "detail", "context", "promotes"),
    [
        ("user", "automation", "system", COMMENT, True),
        ("user", "on_demand", "manual", {}, True),
        ("user", "assignment", "system", {}, False),
        ("agent", "automation", "system", COMMENT, False),
        ("system", "on_demand", "manual", {}, False),
    ],
)
def test_a_person_does_not_wait_behind_a_parked_retry(
    requester: str, source: str, detail: str, context: Any, promotes: bool
) -> None:
    given_facts = facts(
        requester_type=requester,
        source=source,
        trigger_detail=detail,
        context=context,
        live_run=live("scheduled_retry"),
    )
    for verdict in (
        decide_wakeup(given_facts),
        decide_wakeup(replace(given_facts, issue_id=None, agent_runs=[live("scheduled_retry")])),
    ):
        assert isinstance(verdict, Coalesce)
        assert verdict.promote_retry is promotes


def test_only_a_parked_retry_is_promoted() -> None:
    verdict = decide_wakeup(facts(requester_type="user", context=COMMENT, live_run=live("queued")))
    assert isinstance(verdict, Coalesce)
    assert not verdict.promote_retry


FACTS = st.builds(
    facts,
    agent_status=st.sampled_from([None, "idle", "running", "error", "paused", "terminated"]),
    source=st.sampled_from(["timer", "assignment", "on_demand", "automation"]),
    context=st.sampled_from([{}, COMMENT, {"wakeReason": "approval_approved"}, {"wakeReason": "issue_assigned"}]),
    policy=st.builds(HeartbeatPolicy, enabled=st.booleans(), wake_on_demand=st.booleans()),
    requester_type=st.sampled_from([None, "user", "agent", "system"]),
    repeated_wakeup_id=st.sampled_from([None, "w0"]),
    budget_block=st.sampled_from([None, BLOCK]),
    issue_id=st.sampled_from([None, "i1"]),
    issue_found=st.booleans(),
    hold=st.sampled_from([None, {"holdId": "h1"}]),
    verified_interaction=st.booleans(),
    blockers=st.sampled_from([(), ({"id": "b1"},)]),
    live_run=st.one_of(
        st.none(),
        st.builds(
            live, st.sampled_from(["queued", "running", "scheduled_retry"]), agent_id=st.sampled_from(["a1", "a2"])
        ),
    ),
    deferred_wakeup_id=st.sampled_from([None, "w1"]),
)


@given(FACTS)
def test_a_run_is_only_ever_queued_for_an_invokable_agent_with_budget_on_a_free_issue(given_facts: WakeFacts) -> None:
    if isinstance(decide_wakeup(given_facts), Queue):
        assert given_facts.agent_status in {"idle", "running", "error"}
        assert given_facts.budget_block is None
        assert given_facts.issue_id is None or (given_facts.issue_found and given_facts.live_run is None)


@given(FACTS)
def test_no_wake_joins_the_run_of_another_agent(given_facts: WakeFacts) -> None:
    verdict = decide_wakeup(given_facts)
    if isinstance(verdict, Coalesce):
        assert given_facts.live_run is not None
        assert given_facts.live_run.agent_id == given_facts.agent_id


@given(FACTS)
def test_a_comment_never_joins_a_running_process(given_facts: WakeFacts) -> None:
    verdict = decide_wakeup(given_facts)
    if isinstance(verdict, Coalesce) and "commentId" in given_facts.context:
        assert given_facts.live_run is not None
        assert given_facts.live_run.status != "running"


@given(FACTS)
def test_the_table_is_its_two_halves_in_order(given_facts: WakeFacts) -> None:
    assert decide_wakeup(given_facts) == (admit(given_facts) or place(given_facts))
