"""`blockerAttention`: whether what blocks an issue moves by itself (spec/4 section 4)."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issues.blocker_attention import Node, Standing, blocker_attention
from issues.vocabulary import IssueStatus
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import IssueFactory, IssueRelationFactory, assigned_to
from tests.issues.conftest import Shop

ROOT, ONE, TWO = uuid4(), uuid4(), uuid4()


def node(pk: UUID, status: str = "todo", **facts: object) -> Node:
    return Node(id=pk, identifier=str(pk)[:6], status=status, **facts)  # type: ignore[arg-type]


def state(*blockers: Node, **facts: object) -> tuple[str, str | None]:
    graph = {one.id: one for one in blockers}
    graph[ROOT] = node(ROOT, "blocked", blockers=tuple(one.id for one in blockers if one.id != TWO), **facts)
    found = blocker_attention(graph, ROOT)
    return found["state"], found["reason"]


@pytest.mark.parametrize(
    ("blocker", "expected"),
    [
        (node(ONE, has_live_run=True), ("covered", "active_dependency")),
        (node(ONE, has_live_run=True, child_of=ROOT), ("covered", "active_child")),
        (node(ONE, owned_by_person=True), ("covered", "active_dependency")),
        (node(ONE, "in_review", waits=True), ("covered", "active_dependency")),
        (node(ONE, "in_review"), ("stalled", "stalled_review")),
        (node(ONE), ("needs_attention", "attention_required")),
        (node(ONE, "backlog", owned_by_person=True), ("needs_attention", "attention_required")),
        (node(ONE, "cancelled"), ("needs_attention", "attention_required")),
    ],
)
def test_a_blocker_is_judged_by_what_moves_it(blocker: Node, expected: tuple[str, str]) -> None:
    assert state(blocker) == expected


def test_a_chain_is_as_good_as_its_end() -> None:
    assert state(node(ONE, "blocked", blockers=(TWO,)), node(TWO, has_live_run=True))[0] == "covered"
    assert state(node(ONE, "blocked", blockers=(TWO,)), node(TWO, "cancelled"))[0] == "needs_attention"


def test_a_loop_needs_attention_and_ends() -> None:
    assert state(node(ONE, "blocked", blockers=(ROOT,)))[0] == "needs_attention"


def test_nothing_blocks() -> None:
    assert state() == ("none", None)


ids = st.integers(0, 5)


@given(
    st.lists(
        st.tuples(st.sampled_from([status.value for status in IssueStatus]), st.booleans(), st.lists(ids, max_size=4)),
        min_size=6,
        max_size=6,
    )
)
def test_counts_add_up_and_no_graph_is_too_tangled(rows: list[tuple[str, bool, list[int]]]) -> None:
    names = [UUID(int=number) for number in range(6)]
    graph = {
        names[number]: node(names[number], status, has_live_run=live, blockers=tuple(names[one] for one in set(below)))
        for number, (status, live, below) in enumerate(rows)
    }
    found = blocker_attention(graph, names[0])
    parts = [found[f"{part}BlockerCount"] for part in ("covered", "stalled", "attention")]
    assert sum(parts) == found["unresolvedBlockerCount"]
    assert found["state"] in {"none", *Standing}


@pytest.mark.django_db
def test_a_blocked_issue_says_it_wherever_it_is_read(shop: Shop) -> None:
    blocked = assigned_to(shop.worker, status="blocked")
    blocker = assigned_to(shop.mate)
    IssueRelationFactory(blocker=blocker, blocked=blocked)
    HeartbeatRunFactory(agent=shop.mate, issue=blocker)
    free = IssueFactory(company=shop.company)
    one = shop.owner.get(f"/api/issues/{blocked.pk}").json()["blockerAttention"]
    assert (one["state"], one["coveredBlockerCount"], one["sampleBlockerIdentifier"]) == (
        "covered",
        1,
        blocker.identifier,
    )
    listed = {row["id"]: row for row in shop.owner.get(shop.issues).json()}
    assert listed[str(blocked.pk)]["blockerAttention"] == one
    assert "blockerAttention" not in listed[str(free.pk)]
    context = shop.worker_key.get(f"/api/issues/{blocked.pk}/heartbeat-context").json()
    assert context["issue"]["blockerAttention"] == one
