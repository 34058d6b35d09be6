"""Why a run was started, in words that fit into a sentence. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from heartbeats.vocabulary import RetryReason, WakeReason, WakeupRowReason, WakeupSource

Word = TypeVar("Word", bound=StrEnum)

AFTER = {
    RetryReason.ASSIGNMENT_RECOVERY: "a start that failed",
    RetryReason.ISSUE_CONTINUATION_NEEDED: "a run that left its work unfinished",
    RetryReason.PROCESS_LOST: "its process was lost",
    RetryReason.TRANSIENT_FAILURE: "an upstream failure",
    RetryReason.AGENT_FAILURE: "a failure the agent reported",
    RetryReason.MISSING_ISSUE_COMMENT: "a run that left no comment",
    RetryReason.RUN_LIVENESS_CONTINUATION: "a plan without action",
}
_CAUSES = {
    WakeReason.ISSUE_ASSIGNED: "assigned",
    WakeReason.ISSUE_STATUS_CHANGED: "status changed",
    WakeReason.ISSUE_COMMENTED: "somebody commented",
    WakeReason.ISSUE_REOPENED_VIA_COMMENT: "reopened by a comment",
    WakeReason.ISSUE_COMMENT_MENTIONED: "mentioned in a comment",
    WakeReason.ISSUE_BLOCKERS_RESOLVED: "its blockers are done",
    WakeReason.ISSUE_CHILDREN_COMPLETED: "its parts are done",
    WakeReason.ISSUE_CHECKED_OUT: "checked out",
    WakeReason.ISSUE_TREE_RESTORED: "its tree was restored",
    WakeReason.ISSUE_TREE_RESUMED: "its tree was resumed",
    WakeReason.EXECUTION_REVIEW_REQUESTED: "review requested",
    WakeReason.EXECUTION_APPROVAL_REQUESTED: "approval requested",
    WakeReason.EXECUTION_CHANGES_REQUESTED: "changes requested",
    WakeReason.APPROVAL_APPROVED: "approval given",
    WakeReason.HEARTBEAT_TIMER: "its timer",
    WakeReason.ISSUE_ASSIGNMENT_RECOVERY: "recovery of an assignment",
    WakeReason.ISSUE_CONTINUATION_NEEDED: "continuation",
    WakeReason.PROCESS_LOST_RETRY: "retry after a lost process",
    WakeReason.TRANSIENT_FAILURE_RETRY: "retry after an upstream failure",
    WakeReason.AGENT_FAILURE_RETRY: "retry after a reported failure",
    WakeReason.MISSING_ISSUE_COMMENT: "asked for the missing comment",
    WakeReason.RUN_LIVENESS_CONTINUATION: "continued after a plan without action",
}
_SOURCES = {
    WakeupSource.TIMER: "timer",
    WakeupSource.ASSIGNMENT: "assignment",
    WakeupSource.ON_DEMAND: "on demand",
    WakeupSource.AUTOMATION: "automation",
}
_NOT_STARTED = {
    WakeupRowReason.BUDGET_BLOCKED: "A budget stop is in force.",
    WakeupRowReason.AGENT_NOT_INVOKABLE: "It was paused, ended or not approved yet.",
    WakeupRowReason.HEARTBEAT_DISABLED: "Its timer is switched off.",
    WakeupRowReason.WAKE_ON_DEMAND_DISABLED: "It is not to be woken on demand.",
    WakeupRowReason.TREE_HOLD_ACTIVE: "A pause holds the issue.",
    WakeupRowReason.ISSUE_NOT_FOUND: "The issue was gone.",
    WakeupRowReason.DEPENDENCIES_BLOCKED: "The issue was still blocked.",
    WakeupRowReason.COALESCED_SAME_AGENT: "A run of the same agent was already on it and takes the news along.",
    WakeupRowReason.DEFERRED: "Another run was live on the issue.",
}


def known(words: type[Word], text: str | None) -> Word | None:
    """The member of a closed list that this text is; None for anything else."""
    return words(text) if text in {word.value for word in words} else None


def cause_words(wake_reason: str | None, source: str = "") -> str:
    """What woke the agent: "assigned", "its timer"; an unknown reason is shown as it is, none as its source."""
    reason, kind = known(WakeReason, wake_reason), known(WakeupSource, source)
    if reason:
        return _CAUSES[reason]
    return plain(wake_reason) or (_SOURCES[kind] if kind else plain(source))


def after_words(retry_reason: str | None) -> str:
    """What a retry comes after; empty for a run that is none."""
    reason = known(RetryReason, retry_reason)
    return AFTER[reason] if reason else plain(retry_reason)


def not_started_words(reason: str | None, error: str | None) -> str:
    """Why a wakeup became no run of its own."""
    gate = known(WakeupRowReason, reason)
    if gate in _NOT_STARTED:
        return _NOT_STARTED[gate]
    return first_line(error) or (f"{plain(reason).capitalize()}." if reason else "No reason was recorded.")


def plain(code: str | None) -> str:
    """A code as words: `issue_assigned` is "issue assigned"."""
    return (code or "").replace("_", " ").replace(".", " ").strip()


def first_line(text: str | None, most: int = 160) -> str:
    """The first line of a longer text, cut at a length that a row can show."""
    line = next((line.strip() for line in (text or "").splitlines() if line.strip()), "")
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def attempt_of(retry_of: object | None, *counts: int) -> int:
    """Which attempt a run is: one more than the retries counted on it; a retry is never the first."""
    return max(1 + sum(counts), 2 if retry_of else 1)
