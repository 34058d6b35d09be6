"""Runs that did not end by themselves: lost processes and failing agents (spec/3 A, spec/1 E)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.vocabulary import NOT_INVOKABLE
from heartbeats import hooks
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.ending import Ending, let_go, lock_for_end
from heartbeats.runs.issue_ledger import ledger_of
from heartbeats.runs.lifecycle import Note, add_notes, move_run, move_wakeup, run_status_event
from heartbeats.runs.poison import count_kill
from heartbeats.runs.releasing import release_and_promote
from heartbeats.runs.scheduling import queue_run, repeat_of, retry_context
from heartbeats.runs.stopping import settle_agent, stop_live_run
from heartbeats.vocabulary import ErrorCode, RetryReason, RunStatus, WakeReason, WakeupStatus
from heartbeats.wakeups.deferred import promote_deferred
from issues.readiness import pause_hold_of
from issues.vocabulary import ISSUE_ACTIVE

MAX_PROCESS_LOSS_RETRIES = 1
MAX_FAILURE_RETRIES = 3
FAILURES_EXHAUSTED = "agent_failure_exhausted"


@dataclass(frozen=True)
class Lost:
    """Whether this call ended the run, and the run that takes over its work. `won` False: somebody was faster.

    `retry_run_id` repeats the lost run; `follow_up_run_id` is any other run that the release started.
    """

    won: bool
    retry_run_id: UUID | None = None
    follow_up_run_id: UUID | None = None


def lose_run(
    run_id: UUID,
    *,
    epoch: int,
    code: ErrorCode = ErrorCode.PROCESS_LOST,
    message: str,
    evidence: Mapping[str, Any],
    may_retry: bool,
    now: datetime,
    supervisor_lost: bool = False,
) -> Lost:
    """End a running run as `failed` with `code`; with `may_retry` and no process-loss retry spent, queue exactly one.

    `evidence` (pid, group, descendant flag, …; JSON already) goes into the event. The retry inherits the execution
    lock; the checkout stays. Without retry the issue is released (spec/2 H). Conditional on `epoch`: losing is normal.
    Nothing of the process may be left: the caller has ended its group. `supervisor_lost`: it died while nobody watched;
    after three such deaths, those of the runs that it repeats included, the run is parked (spec/3 K.16).
    """
    with transaction.atomic():
        ending = lock_for_end(run_id)
        run = ending.run
        if run.epoch != epoch or run.status != RunStatus.RUNNING:
            return Lost(won=False)
        if supervisor_lost and count_kill(run):
            code, may_retry = ErrorCode.POISON, False
            message = f"{message}; parked after its execution ended its supervisor {run.supervisor_losses} times"
        retries = may_retry and run.process_loss_retry_count < MAX_PROCESS_LOSS_RETRIES and _may_run_again(ending)
        stop_live_run(ending, RunStatus.FAILED, code=code.value, error=message, now=now, process_gone=True)
        retry = _retry_lost(ending, now) if retries else None
        facts = {"code": code.value, **evidence, "retryRunId": str(retry.pk) if retry else None}
        add_notes(run, Note(message, level="error", payload=facts))
        follow_up = None if retry else release_and_promote(ending, now=now)
        settle_agent(ending, was_running=True, now=now)
    return Lost(True, retry.pk if retry else None, follow_up.pk if follow_up else None)


def fail_agent_run(run_id: UUID, *, agent_id: UUID, code: ErrorCode, reason: str, now: datetime) -> Lost:
    """End a live run of this agent by the failure policy: up to three retries, then final and escalated (spec/1 E).

    Changes nothing (`won` False) when the run is another agent's or no longer live. A local process that still runs
    is stopped by its host. Raises HeartbeatRun.DoesNotExist for an unknown run.
    """
    with transaction.atomic():
        ending = lock_for_end(run_id)
        run = ending.run
        if run.agent_id != agent_id or run.status not in RunStatus.LIVE:
            return Lost(won=False)
        was_running = run.status == RunStatus.RUNNING
        retries = run.failure_retry_count < MAX_FAILURE_RETRIES and _may_run_again(ending)
        stop_live_run(ending, RunStatus.FAILED, code=code.value, error=reason, now=now)
        retry = _retry_failure(ending, now) if retries else None
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


def _may_run_again(ending: Ending) -> bool:
    """The agent may run, and the issue's ledger has room: two mechanisms never feed each other for ever (K.6)."""
    if ending.agent.status in NOT_INVOKABLE:
        return False
    return ending.issue is None or ledger_of(ending.issue).allows


def _retry_lost(ending: Ending, now: datetime) -> HeartbeatRun:
    run = ending.run
    facts = {"wakeReason": WakeReason.PROCESS_LOST_RETRY.value, "retryReason": RetryReason.PROCESS_LOST.value}
    note = Note("Queued one retry of a run whose process was lost", level="warn", payload={"retryOfRunId": str(run.pk)})
    return _repeat(
        ending,
        WakeReason.PROCESS_LOST_RETRY,
        RetryReason.PROCESS_LOST,
        facts,
        note,
        now,
        process_loss_retry_count=run.process_loss_retry_count + 1,
        failure_retry_count=run.failure_retry_count,
    )


def _retry_failure(ending: Ending, now: datetime) -> HeartbeatRun:
    run = ending.run
    count = run.failure_retry_count + 1
    facts = {"wakeReason": WakeReason.AGENT_FAILURE_RETRY.value, "retryReason": RetryReason.AGENT_FAILURE.value}
    note = Note(
        f"Queued retry {count} of {MAX_FAILURE_RETRIES} after the agent failed",
        level="warn",
        payload={"retryOfRunId": str(run.pk), "attempt": count},
    )
    return _repeat(
        ending,
        WakeReason.AGENT_FAILURE_RETRY,
        RetryReason.AGENT_FAILURE,
        facts,
        note,
        now,
        process_loss_retry_count=run.process_loss_retry_count,
        failure_retry_count=count,
    )


def _repeat(
    ending: Ending,
    reason: WakeReason,
    retry_reason: RetryReason,
    facts: Mapping[str, Any],
    note: Note,
    now: datetime,
    **counts: Any,  # noqa: ANN401 - further fields of NewRun
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
        **counts,
    )
    retry = queue_run(new, now=now)
    if issue is not None and held:
        issue.execution_run_id = retry.pk
    return retry


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
