"""What a hold would do to each issue of a tree: a pure decision, used by the preview and by the act alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from issues.vocabulary import ISSUE_TERMINAL, HoldMode, IssueStatus


class SkipReason(StrEnum):
    """Why a hold leaves an issue as it is."""

    TERMINAL_STATUS = "terminal_status"
    ALREADY_HELD = "already_held"
    NOT_HELD = "not_held"
    CHANGED_AFTER_CANCEL = "changed_after_cancel"
    NOT_CANCELLED = "not_cancelled"
    NOT_CANCELLED_BY_TREE_CONTROL = "not_cancelled_by_tree_control"


class WarningCode(StrEnum):
    """What an operator should know before acting."""

    NO_AFFECTED_ISSUES = "no_affected_issues"
    RUNNING_RUNS_PRESENT = "running_runs_present"
    QUEUED_RUNS_PRESENT = "queued_runs_present"
    NO_ACTIVE_PAUSE_HOLDS = "no_active_pause_holds"
    RESTORE_CONFLICTS_PRESENT = "restore_conflicts_present"


WARNING_TEXTS = {
    WarningCode.NO_AFFECTED_ISSUES: "No issue would be changed.",
    WarningCode.RUNNING_RUNS_PRESENT: "Running runs would be cancelled.",
    WarningCode.QUEUED_RUNS_PRESENT: "Queued runs would be cancelled.",
    WarningCode.NO_ACTIVE_PAUSE_HOLDS: "No active pause hold would be released.",
    WarningCode.RESTORE_CONFLICTS_PRESENT: "Issues that changed after the cancel would stay as they are.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeIssue:
    """One issue of the tree. `status_before_cancel`: what an active cancel hold remembers of it, None without one."""

    id: UUID
    parent_id: UUID | None
    depth: int
    identifier: str
    title: str
    status: IssueStatus
    assignee_agent_id: UUID | None
    assignee_user_id: UUID | None
    run_id: UUID | None = None
    run_agent_id: UUID | None = None
    run_status: str | None = None
    paused_above: bool = False
    status_before_cancel: IssueStatus | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """One issue, and why it would be skipped (None: it is affected)."""

    issue: TreeIssue
    skip: SkipReason | None


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning, and the issues that it is about."""

    code: WarningCode
    issue_ids: tuple[UUID, ...] = ()


def plan(mode: HoldMode, tree: Sequence[TreeIssue]) -> list[Planned]:
    """Decide for each issue of the tree, in its order."""
    skip = _SKIPS[mode]
    return [Planned(issue, skip(issue)) for issue in tree]


def status_restored(before: IssueStatus) -> IssueStatus:
    """The status that a cancelled issue comes back to: work that was under way begins again as `todo`."""
    return IssueStatus.TODO if before == IssueStatus.IN_PROGRESS else before


def warnings(mode: HoldMode, planned: Sequence[Planned], *, pause_holds: int) -> list[Warned]:
    """What to warn of."""
    affected = [entry.issue for entry in planned if entry.skip is None]
    warned = []
    if mode == HoldMode.RESUME:
        if not pause_holds:
            warned.append(Warned(WarningCode.NO_ACTIVE_PAUSE_HOLDS))
    elif not affected:
        warned.append(Warned(WarningCode.NO_AFFECTED_ISSUES))
    if mode in (HoldMode.PAUSE, HoldMode.CANCEL):
        warned += _run_warnings(affected)
    changed = tuple(entry.issue.id for entry in planned if entry.skip == SkipReason.CHANGED_AFTER_CANCEL)
    return [*warned, Warned(WarningCode.RESTORE_CONFLICTS_PRESENT, changed)] if changed else warned


def counts(tree: Collection[TreeIssue]) -> Mapping[str, int]:
    """How many issues stand in each status that occurs."""
    return Counter(str(issue.status) for issue in tree)


def _run_warnings(affected: Collection[TreeIssue]) -> list[Warned]:
    running = tuple(issue.id for issue in affected if issue.run_status == "running")
    queued = tuple(issue.id for issue in affected if issue.run_status in ("queued", "scheduled_retry"))
    warned = []
    if running:
        warned.append(Warned(WarningCode.RUNNING_RUNS_PRESENT, running))
    if queued:
        warned.append(Warned(WarningCode.QUEUED_RUNS_PRESENT, queued))
    return warned


def _skip_pause(issue: TreeIssue) -> SkipReason | None:
    if issue.status in ISSUE_TERMINAL:
        return SkipReason.TERMINAL_STATUS
    return SkipReason.ALREADY_HELD if issue.paused_above else None


def _skip_resume(issue: TreeIssue) -> SkipReason | None:
    return None if issue.paused_above else SkipReason.NOT_HELD


def _skip_cancel(issue: TreeIssue) -> SkipReason | None:
    return SkipReason.TERMINAL_STATUS if issue.status in ISSUE_TERMINAL else None


def _skip_restore(issue: TreeIssue) -> SkipReason | None:
    if issue.status_before_cancel is None:
        by_hand = issue.status == IssueStatus.CANCELLED
        return SkipReason.NOT_CANCELLED_BY_TREE_CONTROL if by_hand else SkipReason.NOT_CANCELLED
    return None if issue.status == IssueStatus.CANCELLED else SkipReason.CHANGED_AFTER_CANCEL


_SKIPS = {
    HoldMode.PAUSE: _skip_pause,
    HoldMode.RESUME: _skip_resume,
    HoldMode.CANCEL: _skip_cancel,
    HoldMode.RESTORE: _skip_restore,
}
