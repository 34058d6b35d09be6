from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.vocabulary import RetryReason, RunStatus
from issues.vocabulary import IssueStatus
from recovery.explain.answer import Standing, WaitsFor
from recovery.explain.issue import IssueToExplain, OpenBlocker, explain_issue
from recovery.explain.run import Gate, RunToExplain
from recovery.graph.classify import classify_graph
from recovery.graph.model import Edge, GraphIssue, IssueGraph
from recovery.organisation import Organisation
from recovery.stranded.decision import LatestRun, Skip, StrandedFacts, decide_stranded
from recovery.stranded.missed_edges import Blocker, WaitingFacts

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def issue(status: str = "todo", latest: LatestRun | None = None, **stranded: object) -> IssueToExplain:
    facts = StrandedFacts("i", status, latest_run=latest, **stranded)  # type: ignore[arg-type]
    return IssueToExplain(status, NOW - HOUR, facts, WaitingFacts(status), agent_name="Ada")


def code(facts: IssueToExplain) -> tuple[Standing, str]:
    answer = explain_issue(facts, now=NOW)
    return answer.standing, answer.code


def test_a_live_run_is_the_path() -> None:
    facts = replace(issue(live_run=True), run=RunToExplain("running", "Ada", NOW, started_at=NOW))
    assert code(facts) == (Standing.MOVING, "running")


@pytest.mark.parametrize("status", ["done", "cancelled"])
def test_a_closed_issue_is_closed(status: str) -> None:
    assert code(issue(status)) == (Standing.CLOSED, status)


def test_a_hidden_issue_rests() -> None:
    assert code(issue(hidden=True)) == (Standing.RESTING, "hidden")


def test_a_hold_or_a_budget_is_named_with_its_since() -> None:
    held = replace(issue(pause_held=True), gate=Gate("pause_hold", "Held by the pause on ABC-3.", NOW - 2 * HOUR))
    answer = explain_issue(held, now=NOW)
    assert (answer.waits_for, answer.since, answer.text) == (
        WaitsFor.GATE,
        NOW - 2 * HOUR,
        "Held by the pause on ABC-3.",
    )


def test_a_pending_question_waits_for_a_person() -> None:
    answer = explain_issue(replace(issue("in_review"), asks=Gate("interaction", "Ada asked a question.")), now=NOW)
    assert (answer.waits_for, answer.code) == (WaitsFor.PERSON, "interaction")


def test_open_blockers_are_linked_and_the_recovery_issue_noted() -> None:
    blocked = replace(
        issue("blocked"),
        blockers=(OpenBlocker("ABC-12", "todo", NOW),),
        recovery_identifier="ABC-13",
    )
    answer = explain_issue(blocked, now=NOW)
    assert (answer.code, answer.since) == ("blocked", NOW)
    assert "[ABC-12](/ABC/issues/ABC-12)" in answer.text
    assert "ABC-13" in answer.notes[0]


def test_a_finding_of_the_graph_needs_a_person() -> None:
    nodes = [GraphIssue("A", "ABC-1", "blocked", NOW), GraphIssue("B", "ABC-2", "todo", NOW)]
    findings = classify_graph(IssueGraph("co", nodes, [Edge("B", "A", NOW)], Organisation([])))
    facts = replace(issue("blocked"), blockers=(OpenBlocker("ABC-2", "todo"),), findings=tuple(findings))
    assert code(facts) == (Standing.NEEDS_PERSON, "blocked_by_unassigned_issue")
    covered = [replace(finding, leaf=replace(finding.leaf, recovery_issue_id="R")) for finding in findings]
    assert code(replace(facts, findings=tuple(covered))) == (Standing.WAITING, "blocked")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(issue(agent_owned=False), person="Grace"), (Standing.WAITING, "assigned_to_person")),
        (issue(agent_owned=False), (Standing.NEEDS_PERSON, "unassigned")),
        (issue(agent_found=False), (Standing.NEEDS_PERSON, "agent_missing")),
        (issue(agent_invokable=False), (Standing.NEEDS_PERSON, "agent_not_invokable")),
        (issue("backlog"), (Standing.RESTING, "backlog")),
        (replace(issue(deferred_wakeup=True), wakeup_since=NOW), (Standing.SWEEP, "deferred_wakeup")),
        (replace(issue(queued_wakeup=True), wakeup_since=NOW), (Standing.WAITING, "wakeup_queued")),
        (issue(), (Standing.SWEEP, "issue_assigned")),
        (issue(latest=LatestRun("r", "failed")), (Standing.SWEEP, "issue_assignment_recovery")),
        (issue("in_progress", LatestRun("r", "failed")), (Standing.SWEEP, "issue_continuation_needed")),
        (issue("in_progress"), (Standing.RESTING, "seeded_by_hand")),
        (issue(latest=LatestRun("r", "succeeded")), (Standing.RESTING, "resting")),
        (issue(budget_blocked=True), (Standing.WAITING, "budget_blocked")),
        (issue("blocked"), (Standing.NEEDS_PERSON, "no_path")),
        (
            issue(latest=LatestRun("r", "failed", RetryReason.ASSIGNMENT_RECOVERY)),
            (Standing.SWEEP, "escalates_dispatch_retried"),
        ),
    ],
)
def test_each_kind_of_wait_has_its_name(facts: IssueToExplain, expected: tuple[Standing, str]) -> None:
    assert code(facts) == expected


def test_a_missed_edge_is_announced() -> None:
    waiting = WaitingFacts("blocked", (Blocker("b", "done", NOW),))
    assert code(replace(issue("blocked"), waiting=waiting)) == (Standing.SWEEP, "wake_blockers_resolved")


latest = st.none() | st.builds(
    LatestRun, st.just("r"), st.sampled_from(list(RunStatus)), st.none() | st.sampled_from(list(RetryReason))
)
stranded = st.builds(
    StrandedFacts,
    issue_id=st.just("i"),
    status=st.sampled_from(list(IssueStatus)),
    agent_owned=st.booleans(),
    hidden=st.booleans(),
    agent_found=st.booleans(),
    agent_invokable=st.booleans(),
    live_run=st.booleans(),
    deferred_wakeup=st.booleans(),
    pause_held=st.booleans(),
    budget_blocked=st.booleans(),
    queued_wakeup=st.booleans(),
    run_linked=st.booleans(),
    latest_run=latest,
)


@given(stranded, st.none() | st.just(NOW))
def test_every_issue_has_an_answer_in_words(facts: StrandedFacts, wakeup: datetime | None) -> None:
    answer = explain_issue(
        IssueToExplain(facts.status, NOW, facts, WaitingFacts(facts.status), wakeup_since=wakeup), now=NOW
    )
    assert answer.text.endswith(".")
    assert answer.since is not None


@given(stranded)
def test_what_the_sweep_would_act_on_is_never_called_at_rest(facts: StrandedFacts) -> None:
    answer = explain_issue(IssueToExplain(facts.status, NOW, facts, WaitingFacts(facts.status)), now=NOW)
    if not isinstance(decide_stranded(facts), Skip):
        assert answer.standing is Standing.SWEEP
