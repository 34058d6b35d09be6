from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.organisation import AgentNode, Organisation, first_able
from recovery.stranded.orphan_blockers import BlockerFacts, orphan_blocker_owner
from recovery.stranded.owners import recovery_owner_order

ORGANISATION = Organisation(
    [
        AgentNode("ceo", role="ceo"),
        AgentNode("cto", role="cto", manager_id="ceo"),
        AgentNode("lead", manager_id="cto"),
        AgentNode("boss", manager_id="ceo"),
        AgentNode("worker", role="engineer", manager_id="lead"),
        AgentNode("author", role="pm", manager_id="boss"),
    ]
)


def order(organisation: Organisation, assignee: str | None, creator: str | None) -> list[object]:
    return [agent.agent_id for agent in recovery_owner_order(organisation, assignee_id=assignee, creator_id=creator)]


def test_the_owner_is_asked_for_in_this_order() -> None:
    assert order(ORGANISATION, "worker", "author") == ["lead", "boss", "author", "cto", "ceo", "worker"]


def test_each_candidate_stands_once_at_its_first_place() -> None:
    assert order(ORGANISATION, "cto", "lead") == ["ceo", "cto", "lead"]


def test_a_lone_assignee_owns_its_own_recovery() -> None:
    assert order(Organisation([AgentNode("solo")]), "solo", None) == ["solo"]


def test_foreign_and_missing_agents_are_nobody() -> None:
    assert order(ORGANISATION, "stranger", None) == ["cto", "ceo"]
    assert order(Organisation([]), "stranger", "ghost") == []


def test_the_first_invokable_with_budget_owns() -> None:
    agents = [AgentNode("a", invokable=False), AgentNode("b", within_budget=False), AgentNode("c")]
    chosen = first_able(agents)
    assert chosen is not None
    assert chosen.agent_id == "c"
    assert first_able(agents[:2]) is None


def test_a_loop_in_the_reporting_chain_ends_it() -> None:
    loop = Organisation(
        [AgentNode("a", manager_id="b"), AgentNode("b", manager_id="c"), AgentNode("c", manager_id="b")]
    )
    assert [agent.agent_id for agent in loop.managers_above("a")] == ["b", "c"]
    assert [agent.agent_id for agent in Organisation([AgentNode("x", manager_id="x")]).managers_above("x")] == []


@given(st.lists(st.tuples(st.integers(0, 6), st.none() | st.integers(0, 8), st.sampled_from(["cto", "ceo", "qa"]))))
def test_any_organisation_gives_a_finite_order_without_repeats(rows: list[tuple[int, int | None, str]]) -> None:
    organisation = Organisation([AgentNode(str(i), role, None if m is None else str(m)) for i, m, role in rows])
    names = order(organisation, "1", "2")
    assert len(names) == len(set(names))
    assert len(organisation.managers_above("1")) <= len({row[0] for row in rows})


ORPHAN = {"issue_id": "i", "status": "todo", "assigned": False, "hidden": False, "blocked_open": 1}


@pytest.mark.parametrize("status", ["todo", "blocked"])
def test_an_orphan_blocker_goes_back_to_its_creator(status: str) -> None:
    assert orphan_blocker_owner(BlockerFacts(**{**ORPHAN, "status": status}), AgentNode("maker")) == "maker"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "creator"),
    [
        ({"assigned": True}, AgentNode("maker")),
        ({"hidden": True}, AgentNode("maker")),
        ({"blocked_open": 0}, AgentNode("maker")),
        ({"status": "done"}, AgentNode("maker")),
        ({"status": "backlog"}, AgentNode("maker")),
        ({}, None),
        ({}, AgentNode("maker", invokable=False)),
    ],
)
def test_anything_else_is_no_orphan(change: dict[str, object], creator: AgentNode | None) -> None:
    assert orphan_blocker_owner(BlockerFacts(**{**ORPHAN, **change}), creator) is None  # type: ignore[arg-type]
