"""Ending a run: one decision about one run and its issue, under one set of locks (spec/2 E)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import OperationalError, transaction
from django.db.models.functions import Now

from agents.journal import written_together
from agents.lifecycle import settle_after_run
from heartbeats import hooks
from heartbeats.models import HeartbeatRun, LateReport
from heartbeats.runs.bounds import bound_payload
from heartbeats.runs.continuation_summary import refresh_summary
from heartbeats.runs.continuing import continue_if_only_planned
from heartbeats.runs.effective_config import run_config
from heartbeats.runs.ending import Ending, let_go, lock_for_end
from heartbeats.runs.evidence import Traces, load_traces
from heartbeats.runs.lifecycle import Note, close_wakeup, move_run
from heartbeats.runs.liveness import Liveness, LivenessFacts, classify_liveness
from heartbeats.runs.outcome import ExecutionEnd, Outcome, judge_outcome, wakeup_status_for
from heartbeats.runs.owed_comment import post_summary, settle_comment
from heartbeats.runs.releasing import release_and_promote
from heartbeats.runs.scheduling import ring
from heartbeats.runs.sessions import NO_SESSION, SessionState, next_session
from heartbeats.runs.settling import add_to_totals, book_cost, keep_task_session, release_environment
from heartbeats.runs.stop import merge_result, stop_metadata
from heartbeats.runs.told import ExecutionResult, Finalised, StartedSession, adapter_words, cleaned, late_payload
from heartbeats.runs.usage import SessionUse, Usage, settle_usage
from heartbeats.vocabulary import LivenessState, RunStatus
from heartbeats.wakeups.deferred import hand_to_retry, load_waiting

__all__ = ["ExecutionResult", "Finalised", "StartedSession", "finalise_run"]

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def finalise_run(run_id: UUID, *, epoch: int, result: ExecutionResult, now: datetime) -> Finalised:
    """End one execution and do all that follows from it (spec/2 E 1 to 9) in one transaction.

    Locks agent → issue → run → wakeup. Safe to repeat. If a rule in it raises, a second transaction ends the run with
    its true status and lets go of its issue, so that no run stays `running` for ever; the sweeps find what should have
    followed. Raises HeartbeatRun.DoesNotExist for an unknown run, and OperationalError when the database cannot serve
    (lost, locked, deadlocked): nothing happened then, repeat.
    """
    result = cleaned(result)
    try:
        with transaction.atomic(), written_together():
            return _finalise(lock_for_end(run_id), epoch, result, now)
    except (OperationalError, HeartbeatRun.DoesNotExist):
        raise
    except Exception as fault:
        log.exception("finalisation_failed", run_id=str(run_id), epoch=epoch)
        with transaction.atomic():
            return _end_only(lock_for_end(run_id), epoch, result, fault, now)


def _finalise(ending: Ending, epoch: int, result: ExecutionResult, now: datetime) -> Finalised:
    refused = _refuse(ending, epoch, result, now)
    if refused is not None:
        return refused
    run = ending.run
    session = _session_after(result)
    traces = load_traces(run, session_after=session.persisted_id if session else None)
    usage = _usage(result, session, traces)
    outcome = _outcome(run, result)
    liveness = _end(ending, outcome, result, session, usage, traces, now)
    if ending.issue is not None:
        refresh_summary(ending.issue, run, traces.continuation_summary, now=now)
    follow_up = _follow_up(ending, traces, now)
    _settle(ending, usage, session, traces, now)
    return Finalised(won=True, status=outcome.status, liveness=liveness.state, follow_up_run_id=follow_up)


def _refuse(ending: Ending, epoch: int, result: ExecutionResult, now: datetime) -> Finalised | None:
    """A stale epoch is recorded and changes nothing; of a run that was cancelled meanwhile only facts are kept."""
    run = ending.run
    if run.epoch == epoch and run.status == RunStatus.RUNNING:
        return None
    if run.epoch == epoch and run.status in RunStatus.TERMINAL:
        _note_facts_of_cancelled(ending, result, now)
        return Finalised(won=False, status=RunStatus(run.status), already=True)
    LateReport(
        company_id=run.company_id,
        run_id=run.pk,
        epoch=epoch,
        current_epoch=run.epoch,
        origin="finalise",
        payload=bound_payload(late_payload(result)),
    ).save(force_insert=True)
    return Finalised(won=False, status=RunStatus(run.status), stale=True)


def _note_facts_of_cancelled(ending: Ending, result: ExecutionResult, now: datetime) -> None:
    """Its process is gone now: what it cost counts, its slot is free. The status stands; repeating changes nothing."""
    run = ending.run
    if not run.process_stopping:
        return
    usage = _usage(result, None, None)
    columns = {**_observed(result), "usage": usage.record, "process_stopping": False}
    HeartbeatRun.objects.filter(pk=run.pk).update(**columns, updated_at=Now())
    book_cost(ending, usage, now)
    add_to_totals(run, ending.agent, usage, None, now)
    release_environment(run, now=now)
    ring(ending.agent.pk, ending.agent.host_label)


def _outcome(run: HeartbeatRun, result: ExecutionResult) -> Outcome:
    return judge_outcome(
        ExecutionEnd(
            stored_status=run.status,
            stored_error=run.error,
            stored_error_code=run.error_code,
            cancel_requested=run.cancel_requested_at is not None,
            timed_out=result.timed_out,
            exit_code=result.exit_code,
            signal=result.signal,
            error=result.error_message,
            error_code=result.error_code,
        )
    )


def _end(
    ending: Ending,
    outcome: Outcome,
    result: ExecutionResult,
    session: SessionState | None,
    usage: Usage,
    traces: Traces,
    now: datetime,
) -> Liveness:
    """Steps 1 and 2: the terminal status with everything observed, in one update; its wakeup; the lifecycle event."""
    run, agent = ending.run, ending.agent
    stop = stop_metadata(
        outcome.status,
        adapter_type=agent.adapter_type,
        adapter_config=run_config(agent, ending.issue).values,
        error_code=outcome.error_code,
        error=outcome.error,
    )
    told = {**(result.result or {}), **({"errorFamily": result.error_family} if result.error_family else {})}
    kept = merge_result(told, stop, result.summary)
    liveness = classify_liveness(_liveness_facts(ending, outcome, kept, result, traces))
    note = Note(
        f"run {outcome.status}",
        level="info" if outcome.status == RunStatus.SUCCEEDED else "error",
        payload={"status": outcome.status.value, "exitCode": result.exit_code, "signal": result.signal},
    )
    columns: dict[str, Any] = {
        **_observed(result),
        **_judged(liveness),
        "finished_at": now,
        "error": outcome.error,
        "error_code": outcome.error_code,
        "usage": usage.record,
        "result": kept,
        "session_id_after": session.persisted_id if session else None,
    }
    move_run(run, outcome.status, expected={RunStatus.RUNNING}, held_epoch=run.epoch, notes=[note], **columns)
    close_wakeup(run, wakeup_status_for(outcome.status), now=now, error=outcome.error)
    return liveness


def _liveness_facts(
    ending: Ending, outcome: Outcome, kept: dict[str, Any], result: ExecutionResult, traces: Traces
) -> LivenessFacts:
    issue, run = ending.issue, ending.run
    return LivenessFacts(
        run_status=outcome.status,
        error_code=outcome.error_code,
        issue_status=issue.status if issue else None,
        work_mode=issue.work_mode if issue else None,
        comments=traces.comments,
        result=kept,
        continuation_summary=traces.continuation_summary,
        stdout=result.stdout_excerpt,
        stderr=result.stderr_excerpt,
        evidence=traces.evidence,
        continuation_attempt=run.continuation_attempt,
    )


def _judged(liveness: Liveness) -> dict[str, Any]:
    return {
        "liveness_state": liveness.state.value,
        "liveness_reason": liveness.reason,
        "next_action": liveness.next_action,
        "last_useful_action_at": liveness.last_useful_action_at,
        "continuation_attempt": liveness.continuation_attempt,
    }


def _observed(result: ExecutionResult) -> dict[str, Any]:
    """A hole in the log that was noted while the run lived is not forgotten when its end says nothing of it."""
    cut = {} if result.log_truncated_at is None else {"log_truncated_at": result.log_truncated_at}
    return {
        **cut,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "stdout_excerpt": result.stdout_excerpt,
        "stderr_excerpt": result.stderr_excerpt,
        "log_bytes": result.log_bytes,
        "log_sha256": result.log_sha256,
    }


def _follow_up(ending: Ending, traces: Traces, now: datetime) -> UUID | None:
    """Steps 3 to 7: what the issue hears, and which run takes it over. Returns that run."""
    run, issue = ending.run, ending.issue
    own_comment = traces.latest_comment_id
    if own_comment is None and run.status == RunStatus.SUCCEEDED:
        own_comment = post_summary(ending, run.result)
    retry = hooks.schedule_bounded_retry(run, issue, now=now) if run.status == RunStatus.FAILED else None
    if issue is None:
        return retry.pk if retry else None
    if retry is not None:
        issue.execution_run_id = retry.pk
    waiting = load_waiting(issue)
    if retry is not None:
        hand_to_retry(waiting, retry, host_label=ending.agent.host_label, now=now)
    asked = settle_comment(ending, own_comment, waiting, now=now)
    live = traces.other_live_run or retry is not None or asked is not None
    promoted = release_and_promote(ending, now=now, other_live_run=live, waiting=waiting)
    taken_over = retry or asked or promoted
    if taken_over is not None:
        return taken_over.pk
    return continue_if_only_planned(ending, now=now, live_run=live)


def _settle(ending: Ending, usage: Usage, session: SessionState | None, traces: Traces, now: datetime) -> None:
    """Steps 8 and 9."""
    run, agent = ending.run, ending.agent
    add_to_totals(run, agent, usage, session, now)
    book_cost(ending, usage, now)
    if session is not None:
        keep_task_session(run, agent, session, now)
    settle_after_run(agent, outcome=run.status, still_running=traces.others_running, now=now)
    release_environment(run, now=now)
    if traces.runs_waiting:
        ring(agent.pk, agent.host_label)


def _session_after(result: ExecutionResult) -> SessionState | None:
    """The session to keep; None when the execution ended before it was known which one it had."""
    words = adapter_words(result)
    if result.started_with is None:
        return next_session(words, previous=NO_SESSION) if result.names_session else None
    started = result.started_with
    return next_session(words, previous=started.session, rotated=started.rotated)


def _usage(result: ExecutionResult, session: SessionState | None, traces: Traces | None) -> Usage:
    started = result.started_with or StartedSession()
    use = SessionUse(
        persisted_session_id=session.persisted_id if session else None,
        session_reused=started.session.exists,
        task_session_reused=started.task_session_reused,
        rotated=started.rotated,
        rotation_reason=started.rotation_reason,
    )
    return settle_usage(adapter_words(result), previous_record=traces.previous_usage if traces else None, session=use)


def _end_only(ending: Ending, epoch: int, result: ExecutionResult, fault: Exception, now: datetime) -> Finalised:
    """The second attempt: the true status, the wakeup, the locks, the agent; nothing that may have raised before."""
    run = ending.run
    if run.epoch != epoch or run.status != RunStatus.RUNNING:
        return Finalised(won=False, status=RunStatus(run.status), already=run.epoch == epoch, stale=run.epoch != epoch)
    outcome = _outcome(run, result)
    facts = {"status": outcome.status.value, "fault": type(fault).__name__}
    note = Note("run ended, but what follows from it could not be decided; a sweep will", level="error", payload=facts)
    move_run(
        run,
        outcome.status,
        expected={RunStatus.RUNNING},
        held_epoch=epoch,
        notes=[note],
        finished_at=now,
        error=outcome.error,
        error_code=outcome.error_code,
        exit_code=result.exit_code,
        signal=result.signal,
        liveness_state=LivenessState.FAILED.value if outcome.status != RunStatus.SUCCEEDED else None,
    )
    close_wakeup(run, wakeup_status_for(outcome.status), now=now, error=outcome.error)
    if ending.issue is not None:
        let_go(ending.issue, run)
    others = HeartbeatRun.objects.filter(agent_id=run.agent_id, status=RunStatus.RUNNING).exists()
    settle_after_run(ending.agent, outcome=run.status, still_running=others, now=now)
    release_environment(run, now=now)
    ring(ending.agent.pk, ending.agent.host_label)
    return Finalised(won=True, status=outcome.status)
