"""Runs that did not end by themselves: lost processes and failing agents (spec/3 A, spec/1 E)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from heartbeats import hooks
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.ending import Ending, let_go, lock_for_end
from heartbeats.runs.lifecycle import Note, add_notes, move_run, move_wakeup
from heartbeats.runs.loss import Loss, Lost, lose_locked, lose_runs
from heartbeats.runs.news import run_status_event
from heartbeats.runs.repeating import MAX_FAILURE_RETRIES, may_run_again, retry_failure
from heartbeats.runs.stopping import settle_agent, stop_live_run
from heartbeats.vocabulary import ErrorCode, RunStatus, WakeupStatus
from heartbeats.wakeups.deferred import promote_deferred
from issues.readiness import pause_hold_of
from issues.vocabulary import ISSUE_ACTIVE

FAILURES_EXHAUSTED = "agent_failure_exhausted"

__all__ = ["Loss", "Lost", "fail_agent_run", "lose_run", "lose_runs", "mark_detached", "requeue_run"]


def lose_run(loss: Loss, *, now: datetime) -> Lost:
    """End one running run as `failed` with the code of the loss; with a retry to spend, queue exactly one.

    The retry inherits the execution lock; the checkout stays. Without retry the issue is released (spec/2 H).
    Conditional on the epoch: losing is normal. Nothing of the process may be left: the caller has ended its group.
    Raises HeartbeatRun.DoesNotExist for an unknown run. Locks agent → issue → run → wakeup.
    """
    with transaction.atomic():
        ending = lock_for_end(loss.run_id)
        lost = lose_locked(ending, loss, now=now)
        if lost.won:
            settle_agent(ending, was_running=True, now=now)
    return lost


def fail_agent_run(
    run_id: UUID, *, agent_id: UUID, code: ErrorCode, reason: str, now: datetime, silent_at: datetime | None = None
) -> Lost:
    """End a live run of this agent by the failure policy: up to three retries, then final and escalated (spec/1 E).

    Changes nothing (`won` False) when the run is another agent's or no longer live. A local process that still runs
    is stopped by its host. With `silent_at` only silence speaks against it: a lease that reaches beyond that moment
    wins. Raises HeartbeatRun.DoesNotExist for an unknown run.
    """
    with transaction.atomic():
        ending = lock_for_end(run_id)
        run = ending.run
        if run.agent_id != agent_id or run.status not in RunStatus.LIVE:
            return Lost(won=False)
        if silent_at is not None and run.lease_expires_at is not None and run.lease_expires_at > silent_at:
            return Lost(won=False)
        was_running = run.status == RunStatus.RUNNING
        retries = run.failure_retry_count < MAX_FAILURE_RETRIES and may_run_again(ending)
        stop_live_run(ending, RunStatus.FAILED, code=code.value, error=reason, now=now)
        retry = retry_failure(ending, now=now) if retries else None
        facts = {
            "code": code.value,
            "failures": run.failure_retry_count + 1,
            "retryRunId": str(retry.pk) if retry else None,
        }
        add_notes(run, Note(reason, level="error", payload=facts))
        follow_up = None if retry else _give_up(ending, now)
        settle_agent(ending, was_running=was_running, now=now)
    return Lost(True, retry.pk if retry else None, follow_up.pk if follow_up else None)


def requeue_run(
    run_id: UUID, *, epoch: int, message: str, evidence: Mapping[str, Any], now: datetime, supervisor_lost: bool = False
) -> bool:
    """Give back a claimed run whose process never started: `queued` again, no retry spent (spec/3 K.17, spec/6 4).

    The next claim raises the epoch, so this execution is over. With `supervisor_lost` the loss is counted against the
    run (spec/3 K.16). Conditional on `epoch`; True when this call won.
    """
    with transaction.atomic():
        ending = lock_for_end(run_id)
        run = ending.run
        if run.epoch != epoch or run.status != RunStatus.RUNNING:
            return False
        won = move_run(
            run,
            RunStatus.QUEUED,
            expected={RunStatus.RUNNING},
            held_epoch=epoch,
            notes=[Note(message, level="warn", payload=dict(evidence))],
            executor_host=None,
            executor_boot_id=None,
            lease_expires_at=None,
            claimed_at=None,
            started_at=None,
            error=None,
            error_code=None,
            supervisor_losses=run.supervisor_losses + (1 if supervisor_lost else 0),
        )
        wakeups = WakeupRequest.objects.filter(pk=run.wakeup_id) if run.wakeup_id else WakeupRequest.objects.none()
        move_wakeup(wakeups, WakeupStatus.QUEUED, expected={WakeupStatus.CLAIMED}, claimed_at=None)
        settle_agent(ending, was_running=True, now=now, outcome=RunStatus.CANCELLED)
    return won


def mark_detached(run_id: UUID, *, epoch: int, message: str, evidence: Mapping[str, Any], now: datetime) -> bool:
    """Mark a running run whose process lives but is not watched, once; it stays `running` (spec/3 A)."""
    with transaction.atomic():
        held = HeartbeatRun.objects.filter(pk=run_id, epoch=epoch, status=RunStatus.RUNNING)
        run = held.select_for_update(no_key=True).first()
        if run is None or run.error_code == ErrorCode.PROCESS_DETACHED:
            return False
        HeartbeatRun.objects.filter(pk=run.pk).update(
            error=message, error_code=ErrorCode.PROCESS_DETACHED.value, updated_at=now
        )
        run.error, run.error_code = message, ErrorCode.PROCESS_DETACHED.value
        add_notes(run, Note(message, level="warn", payload=dict(evidence)))
        run_status_event(run).save(force_insert=True)
    return True


def _give_up(ending: Ending, now: datetime) -> HeartbeatRun | None:
    """No retry is left: whoever waits is promoted; if nobody does, the issue goes to people."""
    issue, run = ending.issue, ending.run
    if issue is None:
        return None
    let_go(issue, run)
    promoted = promote_deferred(issue, now=now)
    stranded = issue.status in ISSUE_ACTIVE and issue.assignee_agent_id == run.agent_id
    if promoted is None and stranded and pause_hold_of(issue.company_id, issue.pk) is None:
        hooks.escalate_issue(issue, run, FAILURES_EXHAUSTED, now=now)
    return promoted
