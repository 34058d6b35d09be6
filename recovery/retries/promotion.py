"""What becomes of a parked retry: due, stale, or called forward by a person (spec/3 C, D and K.8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agents.vocabulary import ActorType
from heartbeats.vocabulary import ErrorCode, TriggerDetail, WakeReason, WakeupSource
from issues.vocabulary import IssueStatus
from recovery.organisation import Ref

PROMOTED_MESSAGE = "Scheduled retry became due and went back to the queue"
CALLED_FORWARD_MESSAGE = "Scheduled retry was called forward by a person and went back to the queue"


class StaleReason(StrEnum):
    """Why a parked retry no longer makes sense."""

    ISSUE_CANCELLED = "issue_cancelled"
    ISSUE_REASSIGNED = "issue_reassigned"

    @property
    def code(self) -> ErrorCode:
        """The run's error code."""
        return ErrorCode(self.value)

    @property
    def sentence(self) -> str:
        """The run's and the wakeup's error text."""
        return f"Cancelled because the issue was {self._happened} before the scheduled retry became due"

    @property
    def event_message(self) -> str:
        """The warning event on the retry."""
        return f"Scheduled retry cancelled: the issue was {self._happened} before it became due"

    @property
    def _happened(self) -> str:
        return "cancelled" if self is StaleReason.ISSUE_CANCELLED else "reassigned"


@dataclass(frozen=True)
class ParkedRetry:
    """A run in `scheduled_retry`."""

    run_id: Ref
    agent_id: Ref
    due_at: datetime
    attempt: int = 1
    reason: str | None = None


@dataclass(frozen=True)
class RetriedIssue:
    """The issue that a parked retry works on, as it is now."""

    issue_id: Ref
    status: str
    assignee_agent_id: Ref | None


@dataclass(frozen=True)
class NotDue:
    """The retry keeps waiting until `due_at`."""

    due_at: datetime


@dataclass(frozen=True)
class Promote:
    """The retry becomes `queued`."""

    message: str = PROMOTED_MESSAGE


@dataclass(frozen=True)
class CancelStale:
    """The retry is cancelled with the reason's code and sentence; its lock and wakeup go with it (D)."""

    reason: StaleReason


def stale_reason(retry: ParkedRetry, issue: RetriedIssue | None) -> StaleReason | None:
    """Why this retry must not run, due or not; None when it may. A retry without issue is never stale."""
    if issue is None:
        return None
    if issue.status == IssueStatus.CANCELLED:
        return StaleReason.ISSUE_CANCELLED
    if issue.assignee_agent_id != retry.agent_id:
        return StaleReason.ISSUE_REASSIGNED
    return None


def decide_promotion(
    retry: ParkedRetry, issue: RetriedIssue | None, *, now: datetime
) -> NotDue | Promote | CancelStale:
    """Decide a parked retry at `now`: never a moment early. The caller holds the issue's and the run's lock."""
    if now < retry.due_at:
        return NotDue(retry.due_at)
    stale = stale_reason(retry, issue)
    return Promote() if stale is None else CancelStale(stale)


def person_calls_forward(*, requester: str, source: str, trigger_detail: str, reason: str, has_comment: bool) -> bool:
    """Whether a wake that meets a parked retry promotes it at once: a person's comment, or an operator's "run now"."""
    if requester != ActorType.USER:
        return False
    run_now = source == WakeupSource.ON_DEMAND and trigger_detail == TriggerDetail.MANUAL
    return run_now or (has_comment and reason in WakeReason.INTERACTION)


def stale_event_payload(retry: ParkedRetry, issue: RetriedIssue, reason: StaleReason) -> dict[str, object]:
    """The facts of the warning event that explains a cancelled retry."""
    return {
        "issueId": str(issue.issue_id),
        "issueStatus": str(issue.status),
        "reason": reason.value,
        "scheduledRetryAttempt": retry.attempt,
        "scheduledRetryAt": retry.due_at.isoformat(),
        "scheduledRetryReason": retry.reason,
        "previousRetryAgentId": str(retry.agent_id),
        "currentAssigneeAgentId": None if issue.assignee_agent_id is None else str(issue.assignee_agent_id),
    }
