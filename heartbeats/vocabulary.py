"""The closed lists of words that wakeups and runs are written in.

Every value is a wire value (spec/2 A) and is stored as it is. Models take their choices from here, decisions return
members of these lists. A named subset (``RunStatus.LIVE``) is a tuple of plain strings: it serves ``status__in=``
and ``"queued" in RunStatus.LIVE``, and its fixed order keeps constraints in migrations stable.
"""

from __future__ import annotations

from enum import StrEnum, nonmember


class RunStatus(StrEnum):
    """Where one execution of an agent stands. A live run is on its issue's execution path; terminal never changes."""

    QUEUED = "queued"
    RUNNING = "running"
    SCHEDULED_RETRY = "scheduled_retry"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    LIVE = nonmember(("queued", "running", "scheduled_retry"))
    TERMINAL = nonmember(("succeeded", "failed", "cancelled", "timed_out"))
    UNSUCCESSFUL = nonmember(("failed", "cancelled", "timed_out"))


class WakeupStatus(StrEnum):
    """What became of a request that an agent run."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    COALESCED = "coalesced"
    DEFERRED = "deferred_issue_execution"

    OPEN = nonmember(("queued", "claimed", "deferred_issue_execution"))
    CLOSED = nonmember(("completed", "failed", "cancelled", "timed_out", "skipped", "coalesced"))


class WakeupSource(StrEnum):
    """Which kind of event asked."""

    TIMER = "timer"
    ASSIGNMENT = "assignment"
    ON_DEMAND = "on_demand"
    AUTOMATION = "automation"


class TriggerDetail(StrEnum):
    """How the event reached us."""

    MANUAL = "manual"
    PING = "ping"
    CALLBACK = "callback"
    SYSTEM = "system"


class WakeReason(StrEnum):
    """Why an agent is woken, as the agent reads it (spec/2 B, spec/3, spec/4 section 5).

    ``INTERACTION``: somebody speaks on the issue; such a wake may pass holds and blockers (with a comment).
    ``NEEDS_FOLLOWUP``: news that a process which already runs cannot see.
    ``OWES_COMMENT``: the run must leave a comment on its issue (spec/2 F).
    ``FRESH_SESSION``: the saved task session is not resumed (spec/2 I).
    """

    ISSUE_ASSIGNED = "issue_assigned"
    ISSUE_STATUS_CHANGED = "issue_status_changed"
    ISSUE_COMMENTED = "issue_commented"
    ISSUE_REOPENED_VIA_COMMENT = "issue_reopened_via_comment"
    ISSUE_COMMENT_MENTIONED = "issue_comment_mentioned"
    ISSUE_BLOCKERS_RESOLVED = "issue_blockers_resolved"
    ISSUE_CHILDREN_COMPLETED = "issue_children_completed"
    ISSUE_CHECKED_OUT = "issue_checked_out"
    ISSUE_TREE_RESTORED = "issue_tree_restored"
    ISSUE_TREE_RESUMED = "issue_tree_resumed"
    EXECUTION_REVIEW_REQUESTED = "execution_review_requested"
    EXECUTION_APPROVAL_REQUESTED = "execution_approval_requested"
    EXECUTION_CHANGES_REQUESTED = "execution_changes_requested"
    APPROVAL_APPROVED = "approval_approved"
    HEARTBEAT_TIMER = "heartbeat_timer"
    ISSUE_ASSIGNMENT_RECOVERY = "issue_assignment_recovery"
    ISSUE_CONTINUATION_NEEDED = "issue_continuation_needed"
    PROCESS_LOST_RETRY = "process_lost_retry"
    TRANSIENT_FAILURE_RETRY = "transient_failure_retry"
    AGENT_FAILURE_RETRY = "agent_failure_retry"
    MISSING_ISSUE_COMMENT = "missing_issue_comment"
    RUN_LIVENESS_CONTINUATION = "run_liveness_continuation"

    INTERACTION = nonmember(("issue_commented", "issue_reopened_via_comment", "issue_comment_mentioned"))
    NEEDS_FOLLOWUP = nonmember(("approval_approved",))
    OWES_COMMENT = nonmember(
        ("issue_assigned", "execution_review_requested", "execution_approval_requested", "execution_changes_requested")
    )
    FRESH_SESSION = nonmember(
        ("issue_assigned", "execution_review_requested", "execution_approval_requested", "execution_changes_requested")
    )


class WakeupRowReason(StrEnum):
    """Reasons that a gate writes on the wakeup row in place of the one given (spec/2 B, H)."""

    BUDGET_BLOCKED = "budget.blocked"
    AGENT_NOT_INVOKABLE = "agent.not_invokable"
    HEARTBEAT_DISABLED = "heartbeat.disabled"
    WAKE_ON_DEMAND_DISABLED = "heartbeat.wakeOnDemand.disabled"
    TREE_HOLD_ACTIVE = "issue_tree_hold_active"
    ISSUE_NOT_FOUND = "issue_execution_issue_not_found"
    DEPENDENCIES_BLOCKED = "issue_dependencies_blocked"
    COALESCED_SAME_AGENT = "issue_execution_same_name"
    DEFERRED = "issue_execution_deferred"
    PROMOTED = "issue_execution_promoted"
    OWN_COMMENT = "issue_comment_own"


class RetryReason(StrEnum):
    """Why the control plane started a run by itself. Each one counts in the issue's retry ledger (spec/3 K.6)."""

    ASSIGNMENT_RECOVERY = "assignment_recovery"
    ISSUE_CONTINUATION_NEEDED = "issue_continuation_needed"
    PROCESS_LOST = "process_lost"
    TRANSIENT_FAILURE = "transient_failure"
    AGENT_FAILURE = "agent_failure"
    MISSING_ISSUE_COMMENT = "missing_issue_comment"
    RUN_LIVENESS_CONTINUATION = "run_liveness_continuation"


class LivenessState(StrEnum):
    """What a finished run amounted to (spec/2 G).

    ``CONTINUABLE`` may be continued by itself (spec/3 H); ``PRODUCTIVE`` rests on purpose (spec/3 E).
    """

    COMPLETED = "completed"
    ADVANCED = "advanced"
    PLAN_ONLY = "plan_only"
    EMPTY_RESPONSE = "empty_response"
    BLOCKED = "blocked"
    FAILED = "failed"
    NEEDS_FOLLOWUP = "needs_followup"

    CONTINUABLE = nonmember(("plan_only", "empty_response"))
    PRODUCTIVE = nonmember(("advanced", "completed", "blocked", "needs_followup"))


class IssueCommentStatus(StrEnum):
    """Whether a run left the comment that it owed (spec/2 F)."""

    NOT_APPLICABLE = "not_applicable"
    SATISFIED = "satisfied"
    RETRY_QUEUED = "retry_queued"
    RETRY_EXHAUSTED = "retry_exhausted"


class ErrorCode(StrEnum):
    """Codes that Everbeat itself writes on a run. An adapter may bring its own, so the column is not limited to these.

    ``TRANSIENT_UPSTREAM``: adapter codes that mean the upstream service, not the work, failed (spec/3 B).
    """

    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    ADAPTER_FAILED = "adapter_failed"
    PROCESS_LOST = "process_lost"
    PROCESS_DETACHED = "process_detached"
    AGENT_NOT_FOUND = "agent_not_found"
    AGENT_FATAL_ERROR = "agent_fatal_error"
    AGENT_REPORTED_FAILURE = "agent_reported_failure"
    AGENT_LOST = "agent_lost"
    POISON = "poison"
    STALE_EPOCH = "stale_epoch"
    ISSUE_DEPENDENCIES_BLOCKED = "issue_dependencies_blocked"
    ISSUE_NOT_FOUND = "issue_not_found"
    ISSUE_ASSIGNEE_CHANGED = "issue_assignee_changed"
    ISSUE_TERMINAL_STATUS = "issue_terminal_status"
    ISSUE_REVIEW_PARTICIPANT_CHANGED = "issue_review_participant_changed"
    ISSUE_REASSIGNED = "issue_reassigned"
    ISSUE_CANCELLED = "issue_cancelled"
    CODEX_TRANSIENT_UPSTREAM = "codex_transient_upstream"
    CLAUDE_TRANSIENT_UPSTREAM = "claude_transient_upstream"

    TRANSIENT_UPSTREAM = nonmember(("codex_transient_upstream", "claude_transient_upstream"))


class ErrorFamily(StrEnum):
    """What kind of failure an adapter reports. ``PERMANENT`` ones are never retried (spec/3 K.7).

    ``POISON`` is ours: the run was parked because its execution kills its supervisor (spec/3 K.16).
    """

    TRANSIENT_UPSTREAM = "transient_upstream"
    AUTH = "auth"
    BILLING = "billing"
    MODEL_NOT_FOUND = "model_not_found"
    CONFIG = "config"
    POISON = "poison"

    PERMANENT = nonmember(("auth", "billing", "model_not_found", "config", "poison"))


class StopReason(StrEnum):
    """Why a run stopped, kept in its result (spec/2 D); the ``issue_*`` ones come from the claim gates (spec/2 C)."""

    COMPLETED = "completed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    BUDGET_PAUSED = "budget_paused"
    PAUSED = "paused"
    PROCESS_LOST = "process_lost"
    ADAPTER_FAILED = "adapter_failed"
    ISSUE_DEPENDENCIES_BLOCKED = "issue_dependencies_blocked"
    ISSUE_NOT_FOUND = "issue_not_found"
    ISSUE_ASSIGNEE_CHANGED = "issue_assignee_changed"
    ISSUE_TERMINAL_STATUS = "issue_terminal_status"
    ISSUE_REVIEW_PARTICIPANT_CHANGED = "issue_review_participant_changed"


class TimeoutSource(StrEnum):
    """Where the timeout facts of a stopped run come from."""

    CONFIG = "config"
    DEFAULT = "default"
    DEPENDENCY_GATE = "dependency_gate"
    STALE_QUEUED_RUN_GATE = "stale_queued_run_gate"
