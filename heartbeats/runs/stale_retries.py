"""Cancelling a scheduled retry that makes no sense any more (spec/3 D)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models.functions import Now

from config.common.clock import wire_time
from heartbeats.models import HeartbeatRun
from heartbeats.runs.lifecycle import Note, close_wakeup, move_run
from heartbeats.vocabulary import ErrorCode, RunStatus, WakeupStatus
from issues.models import Issue


def cancel_stale_retry(
    run: HeartbeatRun,
    *,
    code: ErrorCode,
    reason: str,
    issue_status: str | None,
    assignee_agent_id: UUID | None,
    now: datetime,
) -> bool:
    """Cancel a parked retry with its wakeup and free the issue's lock if it was this run's; True when this call won.

    The caller holds the locks of the issue and the run.
    """
    facts = {
        "issueId": str(run.issue_id) if run.issue_id else None,
        "issueStatus": issue_status,
        "scheduledRetryAttempt": run.scheduled_retry_attempt,
        "scheduledRetryAt": wire_time(run.scheduled_retry_at) if run.scheduled_retry_at else None,
        "scheduledRetryReason": run.retry_reason,
        "reason": code.value,
        "previousRetryAgentId": str(run.agent_id),
        "currentAssigneeAgentId": str(assignee_agent_id) if assignee_agent_id else None,
    }
    won = move_run(
        run,
        RunStatus.CANCELLED,
        expected={RunStatus.SCHEDULED_RETRY},
        notes=[Note(reason, level="warn", payload=facts)],
        finished_at=now,
        error=reason,
        error_code=code.value,
    )
    if won:
        close_wakeup(run, WakeupStatus.CANCELLED, now=now, error=reason)
        Issue.objects.filter(execution_run_id=run.pk).update(
            execution_run_id=None, execution_locked_at=None, updated_at=Now()
        )
    return won
