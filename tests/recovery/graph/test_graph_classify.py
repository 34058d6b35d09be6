from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issues.vocabulary import RECOVERY_ORIGINS, IssueStatus, OriginKind
from recovery.graph.classify import Finding, changed_after, changed_since, classify_graph
from recovery.graph.model import Edge, GraphIssue, IssueGraph, Participant
from recovery.organisation import AgentNode, Organisation

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
ORGANISATION = Organisation([AgentNode("able"), AgentNode("asleep", invokable=False)])


def issue(name: str, status: str = "todo", assignee: str | None = "able", **facts: object) -> GraphIssue:
    return GraphIssue(name, f"ABC-{name}", status, NOW, assignee_agent_id=assignee, **facts)  # type: ignore[arg-type]


def graph(*issues: GraphIssue, blocks: str = "") -> IssueGraph:
    """`blocks="B>A C>B"` reads: B blocks A, C blocks B."""
    pairs = (pair.split(">") for pair in blocks.split())
    edges = [Edge(blocker, blocked, NOW) for blocker, blocked in pairs]
    return IssueGraph("co", issues, edges, ORGANISATION)


def states(*issues: GraphIssue, blocks: str = "") -> list[str]:
    return [finding.state.value for finding in classify_graph(graph(*issues, blocks=blocks))]


WAITS = issue("A", "blocked")


@pytest.mark.parametrize(
    ("leaf", "state"),
    [
        (issue("B", assignee=None), "blocked_by_unassigned_issue"),
        (issue("B", "in_progress", None), "blocked_by_unassigned_issue"),
        (issue("B", "backlog"), "blocked_by_assigned_backlog_issue"),
        (issue("B", "backlog", None), "blocked_by_unassigned_issue"),
        (issue("B", assignee="asleep"), "blocked_by_uninvokable_assignee"),
        (issue("B", assignee="stranger"), "blocked_by_uninvokable_assignee"),
        (issue("B", "cancelled"), "blocked_by_cancelled_issue"),
    ],
)
def test_a_leaf_that_nothing_moves_is_a_finding(leaf: GraphIssue, state: str) -> None:
    assert states(WAITS, leaf, blocks="B>A") == [state]


@pytest.mark.parametrize(
    ("participant", "state"),
    [
        (None, "in_review_without_action_path"),
        (Participant(), "in_review_without_action_path"),
        (Participant(agent_id="asleep"), "invalid_review_participant"),
        (Participant(agent_id="stranger"), "invalid_review_participant"),
    ],
)
def test_a_review_that_nobody_can_give_is_a_finding(participant: Participant | None, state: str) -> None:
    review = issue("B", "in_review", participant=participant)
    assert states(review) == [state]
    assert states(WAITS, review, blocks="B>A") == [state, state]


@pytest.mark.parametrize("participant", [Participant(agent_id="able"), Participant(user_id="u")])
def test_a_typed_participant_is_an_action_path(participant: Participant) -> None:
    assert states(issue("B", "in_review", participant=participant)) == []


@pytest.mark.parametrize("fact", ["live_run", "pending_wakeup", "pending_interaction", "pending_approval"])
@pytest.mark.parametrize("status", ["backlog", "todo", "in_review", "blocked"])
def test_what_moves_a_leaf_makes_its_chain_healthy(fact: str, status: str) -> None:
    assert states(WAITS, issue("B", status, None, **{fact: True}), blocks="B>A") == []


def test_a_leaf_that_a_person_owns_is_healthy() -> None:
    assert states(WAITS, issue("B", assignee=None, assignee_user_id="u"), blocks="B>A") == []


@pytest.mark.parametrize("status", ["todo", "in_progress"])
def test_a_leaf_with_an_agent_that_can_be_woken_is_the_other_sweeps_business(status: str) -> None:
    assert states(WAITS, issue("B", status), blocks="B>A") == []


@pytest.mark.parametrize("origin", sorted(RECOVERY_ORIGINS))
def test_an_open_recovery_issue_is_a_healthy_leaf_and_no_source(origin: OriginKind) -> None:
    recovery = issue("R", assignee=None, origin_kind=origin)
    assert states(WAITS, recovery, blocks="R>A") == []
    assert states(replace(recovery, status="blocked"), issue("B", assignee=None), blocks="B>R") == []


def test_a_recovery_issue_about_the_leaf_covers_the_finding() -> None:
    (finding,) = classify_graph(graph(WAITS, issue("B", assignee=None, recovery_issue_id="R"), blocks="B>A"))
    assert finding.covered


@pytest.mark.parametrize("status", ["done", "cancelled", "backlog"])
def test_what_is_closed_or_shelved_does_not_wait(status: str) -> None:
    assert states(issue("A", status), issue("B", assignee=None), blocks="B>A") == []


def test_hidden_issues_do_not_wait() -> None:
    assert states(replace(WAITS, hidden=True), issue("B", assignee=None), blocks="B>A") == []


def test_a_done_blocker_is_resolved() -> None:
    assert states(WAITS, issue("B", "done", None), blocks="B>A") == []


def test_the_whole_path_down_to_the_leaf_is_reported() -> None:
    findings = classify_graph(graph(WAITS, issue("B", "blocked"), issue("C", assignee=None), blocks="B>A C>B"))
    assert [[step.issue_id for step in finding.path] for finding in findings] == [["A", "B", "C"], ["B", "C"]]
    assert findings[0].incident_key == "harness_liveness:co:A:blocked_by_unassigned_issue:C"
    assert findings[0].leaf_key == findings[1].leaf_key
    assert findings[0].reason == "ABC-A waits for ABC-C, which nobody is assigned to"


def test_a_cancelled_blocker_ends_the_path() -> None:
    (finding,) = classify_graph(graph(WAITS, issue("B", "cancelled"), issue("C", assignee=None), blocks="B>A C>B"))
    assert finding.leaf.issue_id == "B"


def test_a_middle_that_moves_does_not_hide_a_leaf_that_does_not() -> None:
    assert states(WAITS, issue("B", live_run=True), issue("C", assignee=None), blocks="B>A C>B")[0] == (
        "blocked_by_unassigned_issue"
    )


def test_each_bad_leaf_of_a_source_is_a_finding() -> None:
    assert len(states(WAITS, issue("B", assignee=None), issue("C", "cancelled"), issue("D"), blocks="B>A C>A D>A")) == 2


def test_a_cycle_ends_and_still_shows_its_leaf() -> None:
    assert states(WAITS, issue("B", "blocked"), blocks="A>B B>A") == []
    assert "blocked_by_unassigned_issue" in states(
        WAITS, issue("B", "blocked"), issue("C", assignee=None), blocks="A>B B>A C>B"
    )


def test_edges_to_unknown_issues_are_ignored() -> None:
    assert states(WAITS, blocks="Z>A") == []


def only(found: list[Finding]) -> Finding:
    (finding,) = found
    return finding


def test_the_lookback_looks_at_issues_and_edges_of_the_path() -> None:
    old = NOW - timedelta(days=9)
    a, b = replace(WAITS, updated_at=old), replace(issue("B", assignee=None), updated_at=old)
    fresh_edge = graph(a, b, blocks="B>A")
    assert changed_since(fresh_edge, only(classify_graph(fresh_edge)), NOW)
    assert not changed_after(fresh_edge, only(classify_graph(fresh_edge)), NOW)
    still = IssueGraph("co", [a, b], [Edge("B", "A", old)], ORGANISATION)
    assert not changed_since(still, only(classify_graph(still)), NOW - timedelta(hours=24))
    touched = IssueGraph("co", [a, replace(b, updated_at=NOW)], [Edge("B", "A", old)], ORGANISATION)
    assert changed_since(touched, only(classify_graph(touched)), NOW - timedelta(hours=24))


names = st.sampled_from("ABCDEF")
random_issue = st.builds(
    GraphIssue,
    issue_id=names,
    identifier=st.just("ABC-1"),
    status=st.sampled_from(list(IssueStatus)),
    updated_at=st.just(NOW),
    hidden=st.booleans(),
    origin_kind=st.none() | st.sampled_from(list(OriginKind)),
    assignee_agent_id=st.sampled_from([None, "able", "asleep", "stranger"]),
    live_run=st.booleans(),
    pending_wakeup=st.booleans(),
    participant=st.none() | st.builds(Participant, agent_id=st.sampled_from([None, "able", "asleep"])),
)
random_edges = st.lists(st.builds(Edge, names, names, st.just(NOW)), max_size=20)


@given(st.lists(random_issue, max_size=8), random_edges)
def test_any_graph_is_classified_in_finite_steps_with_honest_paths(issues: list[GraphIssue], edges: list[Edge]) -> None:
    subject = IssueGraph("co", issues, edges, ORGANISATION)
    findings = classify_graph(subject)
    assert len({finding.incident_key for finding in findings}) == len(findings)
    for finding in findings:
        assert finding.source == finding.path[0]
        assert finding.leaf == finding.path[-1]
        assert finding.source.open
        assert not finding.source.is_recovery
        assert finding.leaf.status != IssueStatus.DONE
        assert finding.leaf.status == IssueStatus.CANCELLED or not finding.leaf.moving
        for blocked, blocker in zip(finding.path, finding.path[1:], strict=False):
            assert subject.blocked_since(blocked.issue_id, blocker.issue_id) == NOW
