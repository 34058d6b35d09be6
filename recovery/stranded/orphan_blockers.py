"""Blockers that nobody owns go back to the agent that made them (spec/3 G)."""

from __future__ import annotations

from dataclasses import dataclass

from heartbeats.vocabulary import WakeReason
from issues.vocabulary import IssueStatus
from recovery.organisation import AgentNode, Ref

ORPHAN_STATUSES = (IssueStatus.TODO, IssueStatus.BLOCKED)
MUTATION = "unassigned_blocker_recovery"
WAKE_REASON = WakeReason.ISSUE_ASSIGNED


@dataclass(frozen=True)
class BlockerFacts:
    """An issue that blocks others. `blocked_open` counts the open issues among those it blocks."""

    issue_id: Ref
    status: str
    assigned: bool
    hidden: bool
    blocked_open: int


def orphan_blocker_owner(facts: BlockerFacts, creator: AgentNode | None) -> Ref | None:
    """The agent that gets this blocker back, or None: it is no orphan, or its creator cannot be woken."""
    orphan = facts.status in ORPHAN_STATUSES and not facts.assigned and not facts.hidden and facts.blocked_open > 0
    if not orphan or creator is None or not creator.invokable:
        return None
    return creator.agent_id
