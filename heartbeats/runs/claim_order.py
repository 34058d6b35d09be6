"""In which order an agent's queued runs are claimed (spec/2 C)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from issues.vocabulary import IssueStatus

_PRIORITY_RANK = {"critical": 0, "high": 1, "medium": 2, "low": 3}
_NO_PRIORITY = 4


@dataclass(frozen=True)
class QueuedRun:
    """A queued run and what its place depends on; the issue's facts are None for a run without issue."""

    id: str
    created_at: datetime
    issue_id: str | None = None
    issue_status: str | None = None
    issue_priority: str | None = None
    dependency_ready: bool = True


def in_claim_order(runs: Iterable[QueuedRun]) -> list[QueuedRun]:
    """Ready issues in progress, ready issues, runs without issue, issues not ready; then priority; then age."""
    return sorted(runs, key=_place)


def free_slots(max_concurrent_runs: int, occupied: int) -> int:
    """How many runs the agent may start now; never negative."""
    return max(0, max_concurrent_runs - occupied)


def priority_rank(priority: str | None) -> int:
    """0 for critical to 3 for low, 4 for none."""
    return _PRIORITY_RANK.get(priority or "", _NO_PRIORITY)


def _place(run: QueuedRun) -> tuple[int, int, datetime, str]:
    return (_rank(run), priority_rank(run.issue_priority), run.created_at, run.id)


def _rank(run: QueuedRun) -> int:
    if run.issue_id is None:
        return 2
    if not run.dependency_ready:
        return 3
    return 0 if run.issue_status == IssueStatus.IN_PROGRESS else 1
