"""Edges that nobody announced are found again by level (spec/3 K.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from issues.vocabulary import ISSUE_TERMINAL, IssueStatus
from recovery.organisation import Ref


class MissedEdge(StrEnum):
    """What the reconciliation does about an edge that went by unheard."""

    WAKE_BLOCKERS_RESOLVED = "wake_blockers_resolved"
    SURFACE_CANCELLED_BLOCKER = "surface_cancelled_blocker"
    PROMOTE_DEFERRED = "promote_deferred"
    WAKE_PASSED_OVER = "wake_passed_over"


@dataclass(frozen=True)
class Blocker:
    """One issue that blocks this one, and when it ended."""

    issue_id: Ref
    status: str
    ended_at: datetime | None = None


@dataclass(frozen=True)
class WaitingFacts:
    """An agent-owned open issue; its blockers matter while it is `todo` or `blocked`.

    `passed_over`: its agent could not be woken when somebody asked, and nobody asked again since.
    """

    status: str
    blockers: Sequence[Blocker] = ()
    live_run: bool = False
    pause_held: bool = False
    agent_invokable: bool = True
    deferred_wakeup: bool = False
    last_wake_at: datetime | None = None
    passed_over: bool = False
    cancelled_blocker_surfaced: bool = False


def find_missed_edge(facts: WaitingFacts) -> MissedEdge | None:
    """The edge that this issue missed, or None. A live run makes every edge somebody's business already."""
    if facts.live_run or facts.pause_held or not facts.agent_invokable:
        return None
    if facts.deferred_wakeup:
        return MissedEdge.PROMOTE_DEFERRED
    if facts.passed_over and facts.status not in {*ISSUE_TERMINAL, IssueStatus.BACKLOG}:
        return MissedEdge.WAKE_PASSED_OVER
    if facts.status not in {IssueStatus.TODO, IssueStatus.BLOCKED} or not facts.blockers:
        return None
    statuses = {blocker.status for blocker in facts.blockers}
    if statuses == {IssueStatus.DONE}:
        return None if _woken_since(facts) else MissedEdge.WAKE_BLOCKERS_RESOLVED
    if IssueStatus.CANCELLED in statuses and not facts.cancelled_blocker_surfaced:
        return MissedEdge.SURFACE_CANCELLED_BLOCKER
    return None


def _woken_since(facts: WaitingFacts) -> bool:
    ends = [blocker.ended_at for blocker in facts.blockers if blocker.ended_at is not None]
    if facts.last_wake_at is None:
        return False
    return not ends or facts.last_wake_at >= max(ends)
