"""Closed lists of the WHAT. The members' values are the wire values."""

from __future__ import annotations

from enum import StrEnum


class IssueStatus(StrEnum):
    """Where a unit of work stands (spec/2 A)."""

    BACKLOG = "backlog"
    TODO = "todo"
    IN_PROGRESS = "in_progress"
    IN_REVIEW = "in_review"
    BLOCKED = "blocked"
    DONE = "done"
    CANCELLED = "cancelled"


ISSUE_TERMINAL = frozenset({IssueStatus.DONE, IssueStatus.CANCELLED})
ISSUE_OPEN = frozenset(IssueStatus) - ISSUE_TERMINAL
ISSUE_ACTIVE = frozenset({IssueStatus.TODO, IssueStatus.IN_PROGRESS})


class Priority(StrEnum):
    """How urgent; the order of the members is the rank 0 to 3."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


PRIORITY_RANK = {priority: rank for rank, priority in enumerate(Priority)}


class OriginKind(StrEnum):
    """Why an issue exists: people's work, or something recovery opened."""

    MANUAL = "manual"
    ROUTINE_EXECUTION = "routine_execution"
    STALE_ACTIVE_RUN_EVALUATION = "stale_active_run_evaluation"
    HARNESS_LIVENESS_ESCALATION = "harness_liveness_escalation"
    ISSUE_PRODUCTIVITY_REVIEW = "issue_productivity_review"
    STRANDED_ISSUE_RECOVERY = "stranded_issue_recovery"


RECOVERY_ORIGINS = frozenset(
    {
        OriginKind.STRANDED_ISSUE_RECOVERY,
        OriginKind.STALE_ACTIVE_RUN_EVALUATION,
        OriginKind.HARNESS_LIVENESS_ESCALATION,
    }
)


class HoldMode(StrEnum):
    """What an operator did to a tree of issues."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RESTORE = "restore"


class HoldStatus(StrEnum):
    """Whether a hold still holds."""

    ACTIVE = "active"
    RELEASED = "released"


class InteractionKind(StrEnum):
    """What an agent asks in the thread of an issue."""

    SUGGEST_TASKS = "suggest_tasks"
    ASK_USER_QUESTIONS = "ask_user_questions"
    REQUEST_CONFIRMATION = "request_confirmation"


class InteractionStatus(StrEnum):
    """What became of a question in the thread."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ANSWERED = "answered"
    EXPIRED = "expired"


class ContinuationPolicy(StrEnum):
    """Whether the answer wakes the assignee."""

    NONE = "none"
    WAKE_ASSIGNEE = "wake_assignee"
    WAKE_ASSIGNEE_ON_ACCEPT = "wake_assignee_on_accept"


class WorkMode(StrEnum):
    """Whether an issue wants work done or a plan made."""

    STANDARD = "standard"
    PLANNING = "planning"
