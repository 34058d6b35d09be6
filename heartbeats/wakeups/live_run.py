"""Which live run a new wake meets on its issue, and what to heal on the way (spec/2 B, "finding the live run")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heartbeats.vocabulary import ErrorCode, RunStatus

_REASSIGNED = "Cancelled because the issue was reassigned before the scheduled retry became due"
_ISSUE_CANCELLED = "Cancelled because the issue was cancelled before the scheduled retry became due"


@dataclass(frozen=True)
class LiveRun:
    """A run on an issue's or a task's execution path; ids are strings."""

    id: str
    agent_id: str
    status: str
    created_at: datetime
    task_key: str | None = None


@dataclass(frozen=True)
class IssuePath:
    """What decides about an issue's execution path. ``execution_run_id`` is its execution lock."""

    status: str
    assignee_agent_id: str | None
    execution_run_id: str | None


@dataclass(frozen=True)
class StaleRetry:
    """A scheduled retry to cancel on the spot (spec/3 D), with its code and sentence."""

    run_id: str
    code: ErrorCode
    reason: str


@dataclass(frozen=True)
class LiveRunFinding:
    """The live run, the stale retries to cancel, and the run the execution lock shall name (None: free)."""

    live: LiveRun | None
    stale: tuple[StaleRetry, ...]
    lock_run_id: str | None
    lock_changed: bool


def judge_retry(run: LiveRun, issue: IssuePath) -> StaleRetry | None:
    """The verdict on a scheduled retry whose issue was cancelled or given to somebody else; None keeps the run."""
    if run.status != RunStatus.SCHEDULED_RETRY:
        return None
    if issue.status == "cancelled":
        return StaleRetry(run.id, ErrorCode.ISSUE_CANCELLED, _ISSUE_CANCELLED)
    if run.agent_id != issue.assignee_agent_id:
        return StaleRetry(run.id, ErrorCode.ISSUE_REASSIGNED, _REASSIGNED)
    return None


def find_live_run(issue: IssuePath, runs: Sequence[LiveRun]) -> LiveRunFinding:
    """Choose the run that a new wake meets.

    ``runs`` are the issue's live runs and the run its lock names, whatever its status. The lock's run comes first if
    it is live, then a running one, then the oldest. Stale retries never count. The lock follows the run that is
    found, and is cleared when there is none.
    """
    live = sorted((run for run in runs if run.status in RunStatus.LIVE), key=lambda run: _precedence(run, issue))
    verdicts = [(run, judge_retry(run, issue)) for run in live]
    stale = tuple(verdict for _, verdict in verdicts if verdict is not None)
    found = next((run for run, verdict in verdicts if verdict is None), None)
    lock_run_id = found.id if found else None
    return LiveRunFinding(found, stale, lock_run_id, lock_changed=lock_run_id != issue.execution_run_id)


def _precedence(run: LiveRun, issue: IssuePath) -> tuple[bool, bool, datetime, str]:
    return (run.id != issue.execution_run_id, run.status != RunStatus.RUNNING, run.created_at, run.id)
