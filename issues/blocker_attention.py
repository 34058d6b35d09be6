"""Whether what blocks an issue is moving, or waits for somebody to look (`blockerAttention`): a pure decision.

A blocker that is covered needs nobody: a run is on it, a person has it, or all that blocks it is covered in turn.
One in review that nobody reviews is stalled. Everything else needs attention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from issues.vocabulary import IssueStatus

DEEPEST = 50


class Standing(StrEnum):
    """How one blocker stands, best first."""

    COVERED = "covered"
    STALLED = "stalled"
    NEEDS_ATTENTION = "needs_attention"


REASONS = {
    Standing.COVERED: "active_dependency",
    Standing.STALLED: "stalled_review",
    Standing.NEEDS_ATTENTION: "attention_required",
}
_ORDER = list(Standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An issue of the graph. `waits`: a person is asked (question, approval, review). `blockers` are not done."""

    id: UUID
    identifier: str
    status: str
    child_of: UUID | None = None
    owned_by_person: bool = False
    has_live_run: bool = False
    waits: bool = False
    blockers: tuple[UUID, ...] = ()


def blocker_attention(graph: Mapping[UUID, Node], issue_id: UUID) -> dict[str, Any]:
    """The wire form for one blocked issue of the graph."""
    blockers = [graph[blocker] for blocker in graph[issue_id].blockers if blocker in graph]
    known = {issue_id: Standing.NEEDS_ATTENTION}
    standings = [(node, standing_of(graph, node, known)) for node in blockers]
    by_standing = {standing: [node for node, found in standings if found is standing] for standing in Standing}
    worst = max((found for _, found in standings), key=_ORDER.index, default=None)
    stalled = by_standing[Standing.STALLED]
    return {
        "state": worst.value if worst else "none",
        "reason": _reason(worst, blockers, issue_id),
        "unresolvedBlockerCount": len(blockers),
        "coveredBlockerCount": len(by_standing[Standing.COVERED]),
        "stalledBlockerCount": len(stalled),
        "attentionBlockerCount": len(by_standing[Standing.NEEDS_ATTENTION]),
        "sampleBlockerIdentifier": by_standing[worst][0].identifier if worst else None,
        "sampleStalledBlockerIdentifier": stalled[0].identifier if stalled else None,
    }


def standing_of(graph: Mapping[UUID, Node], node: Node, known: dict[UUID, Standing], depth: int = 0) -> Standing:
    """How a blocker stands. A loop, or a chain that is too long to follow, needs attention.

    `known` remembers what was judged already, so that every issue is judged once.
    """
    if node.id not in known:
        known[node.id] = Standing.NEEDS_ATTENTION  # what it is while it is being judged: a loop comes back to it
        known[node.id] = _judge(graph, node, known, depth)
    return known[node.id]


def _judge(graph: Mapping[UUID, Node], node: Node, known: dict[UUID, Standing], depth: int) -> Standing:
    if node.has_live_run or node.waits:
        return Standing.COVERED
    if depth > DEEPEST or node.status in (IssueStatus.CANCELLED, IssueStatus.BACKLOG):
        return Standing.NEEDS_ATTENTION
    deeper = [standing_of(graph, graph[one], known, depth + 1) for one in node.blockers if one in graph]
    if deeper:
        return max(deeper, key=_ORDER.index)
    if node.status == IssueStatus.IN_REVIEW:
        return Standing.STALLED
    return Standing.COVERED if node.owned_by_person else Standing.NEEDS_ATTENTION


def _reason(worst: Standing | None, blockers: list[Node], issue_id: UUID) -> str | None:
    if worst is None:
        return None
    if worst is Standing.COVERED and all(node.child_of == issue_id for node in blockers):
        return "active_child"
    return REASONS[worst]
