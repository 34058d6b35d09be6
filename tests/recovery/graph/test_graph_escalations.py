from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from recovery.graph.classify import FindingState, classify_graph
from recovery.graph.escalations import (
    OpenEscalation,
    Retirement,
    escalation_description,
    escalation_owner_order,
    escalation_title,
    plan_liveness,
)
from recovery.graph.model import Edge, GraphIssue, IssueGraph
from recovery.organisation import AgentNode, Organisation, first_able

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=3)
ORGANISATION = Organisation(
    [
        AgentNode("root"),
        AgentNode("lead", manager_id="root"),
        AgentNode("stalled", manager_id="lead", invokable=False),
        AgentNode("head", manager_id="root"),
        AgentNode("author", manager_id="head"),
        AgentNode("other", manager_id="head"),
    ]
)
A = GraphIssue("A", "ABC-1", "blocked", OLD, assignee_agent_id="other")
B = GraphIssue("B", "ABC-2", "blocked", OLD, assignee_agent_id="other")
LEAF = GraphIssue("C", "ABC-3", "todo", NOW, assignee_agent_id="stalled", creator_agent_id="author")
CHAIN = [Edge("B", "A", OLD), Edge("C", "B", OLD)]


def chain(leaf: GraphIssue = LEAF) -> IssueGraph:
    return IssueGraph("co", [A, B, leaf], CHAIN, ORGANISATION)


LEAF_KEY = "harness_liveness_leaf:co:blocked_by_uninvokable_assignee:C"
ESCALATION = OpenEscalation("E", "harness_liveness:co:B:blocked_by_uninvokable_assignee:C", LEAF_KEY, "B")


def test_one_escalation_per_leaf_for_the_source_nearest_to_it() -> None:
    plan = plan_liveness(chain(), [], now=NOW)
    assert [(finding.source.issue_id, finding.leaf_key) for finding in plan.open] == [("B", LEAF_KEY)]
    assert plan.open[0].incident_key == ESCALATION.incident_key


def test_an_incident_with_an_open_escalation_is_not_doubled() -> None:
    plan = plan_liveness(chain(), [ESCALATION], now=NOW)
    assert (plan.open, plan.retire) == ((), ())
    assert [finding.leaf_key for finding in plan.existing] == [LEAF_KEY]


def test_a_covered_leaf_opens_nothing_and_retires_nothing() -> None:
    plan = plan_liveness(chain(replace(LEAF, recovery_issue_id="E")), [ESCALATION], now=NOW)
    assert (plan.open, plan.retire) == ((), ())
    assert plan_liveness(chain(replace(LEAF, recovery_issue_id="R")), [], now=NOW).open == ()


@pytest.mark.parametrize(("live", "expected"), [(False, Retirement.CANCEL), (True, Retirement.RELEASE_ONLY)])
def test_an_obsolete_escalation_is_retired_but_a_live_run_is_spared(live: bool, expected: Retirement) -> None:
    escalation = replace(ESCALATION, live_run=live)
    plan = plan_liveness(chain(replace(LEAF, status="done")), [escalation], now=NOW)
    assert plan.retire == ((escalation, expected),)


def test_the_lookback_bounds_what_is_opened() -> None:
    quiet = chain(replace(LEAF, updated_at=OLD))
    plan = plan_liveness(quiet, [], now=NOW)
    assert (plan.open, len(plan.outside_lookback)) == ((), 1)
    assert len(plan_liveness(quiet, [], now=NOW, lookback=timedelta(days=4)).open) == 1
    assert len(plan_liveness(quiet, [], now=NOW, lookback=None).open) == 1


def test_the_lookback_never_retires_what_still_holds() -> None:
    assert plan_liveness(chain(replace(LEAF, updated_at=OLD)), [ESCALATION], now=NOW).retire == ()


def test_a_closed_escalation_is_not_opened_again_for_the_same_evidence() -> None:
    plan = plan_liveness(chain(), [], now=NOW, closed_at={LEAF_KEY: NOW})
    assert (plan.open, len(plan.settled)) == ((), 1)
    changed = chain(replace(LEAF, updated_at=NOW + timedelta(seconds=1)))
    assert len(plan_liveness(changed, [], now=NOW, closed_at={LEAF_KEY: NOW}).open) == 1


def test_a_lookback_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        plan_liveness(chain(), [], now=NOW, lookback=timedelta(0))


def test_the_owner_is_asked_for_in_this_order() -> None:
    finding = classify_graph(chain())[0]
    order = escalation_owner_order(chain(), finding)
    assert [agent.agent_id for agent in order] == ["stalled", "lead", "root", "author", "head", "other"]
    chosen = first_able(order)
    assert chosen is not None
    assert chosen.agent_id == "lead"


def test_the_escalation_shows_the_path_and_what_to_do() -> None:
    finding = classify_graph(chain())[0]
    text = escalation_description(finding)
    assert "[ABC-1](/ABC/issues/ABC-1) -> [ABC-2](/ABC/issues/ABC-2) -> [ABC-3](/ABC/issues/ABC-3)" in text
    assert "resume its assignee" in text
    assert "(critical)" in text
    assert escalation_title(finding) == "Unblock ABC-3: blocked by uninvokable assignee"


@pytest.mark.parametrize("state", list(FindingState))
def test_every_finding_has_its_words(state: FindingState) -> None:
    finding = replace(classify_graph(chain())[0], state=state)
    assert "ABC-3" in finding.reason
    assert "Next action: " in escalation_description(finding)
