"""Giving the work of a run that failed to a new run of the same agent: when that may be, and how it is queued."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from agents.vocabulary import NOT_INVOKABLE
from heartbeats.models import HeartbeatRun
from heartbeats.runs.ending import Ending
from heartbeats.runs.issue_ledger import ledger_of
from heartbeats.runs.lifecycle import Note
from heartbeats.runs.scheduling import queue_run, repeat_of, retry_context
from heartbeats.runs.surroundings import Surroundings
from heartbeats.vocabulary import RetryReason, WakeReason

MAX_FAILURE_RETRIES = 3


def may_run_again(ending: Ending, around: Surroundings | None = None) -> bool:
    """The agent may run, and the issue's ledger has room: two mechanisms never feed each other for ever (K.6)."""
    if ending.agent.status in NOT_INVOKABLE:
        return False
    return ending.issue is None or (around.ledger if around else ledger_of(ending.issue)).allows


def retry_lost(
    ending: Ending, *, now: datetime, run_id: UUID | None = None, around: Surroundings | None = None
) -> HeartbeatRun:
    """Queue the one retry of a run whose process was lost (spec/3 A)."""
    run = ending.run
    facts = {"wakeReason": WakeReason.PROCESS_LOST_RETRY.value, "retryReason": RetryReason.PROCESS_LOST.value}
    note = Note("Queued one retry of a run whose process was lost", level="warn", payload={"retryOfRunId": str(run.pk)})
    counts: dict[str, Any] = {
        "process_loss_retry_count": run.process_loss_retry_count + 1,
        "failure_retry_count": run.failure_retry_count,
        **({"session_id_before": around.session_name} if around else {}),
    }
    return _repeat(
        ending, WakeReason.PROCESS_LOST_RETRY, RetryReason.PROCESS_LOST, facts, note, now, run_id=run_id, **counts
    )


def retry_failure(ending: Ending, *, now: datetime) -> HeartbeatRun:
    """Queue the next retry of a run whose agent failed (spec/1 E)."""
    run = ending.run
    count = run.failure_retry_count + 1
    facts = {"wakeReason": WakeReason.AGENT_FAILURE_RETRY.value, "retryReason": RetryReason.AGENT_FAILURE.value}
    note = Note(
        f"Queued retry {count} of {MAX_FAILURE_RETRIES} after the agent failed",
        level="warn",
        payload={"retryOfRunId": str(run.pk), "attempt": count},
    )
    counts: dict[str, Any] = {"process_loss_retry_count": run.process_loss_retry_count, "failure_retry_count": count}
    return _repeat(ending, WakeReason.AGENT_FAILURE_RETRY, RetryReason.AGENT_FAILURE, facts, note, now, **counts)


def _repeat(
    ending: Ending,
    reason: WakeReason,
    retry_reason: RetryReason,
    facts: Mapping[str, Any],
    note: Note,
    now: datetime,
    *,
    run_id: UUID | None = None,
    **more: Any,  # noqa: ANN401 - further fields of NewRun
) -> HeartbeatRun:
    run, issue = ending.run, ending.issue
    held = issue is not None and issue.execution_run_id == run.pk
    new = repeat_of(
        run,
        ending.agent,
        reason=reason,
        retry_reason=retry_reason,
        context=retry_context(run, **facts),
        inherits_lock=held,
        notes=[note],
        **more,
    )
    retry = queue_run(new, now=now, run_id=run_id)
    if issue is not None and held:
        issue.execution_run_id = retry.pk
    return retry
