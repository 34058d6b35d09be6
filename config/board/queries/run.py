"""One run: its head, where its log is, what is known of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from config.board.queries.finished import ending_of
from config.board.queries.rows import agent_of, issue_of, seconds_between, task_of
from config.board.queries.running import running_row, silent_first
from config.board.refusals import NotThere
from config.board.words.reasons import attempt_of
from heartbeats.board.run_page import LogSource, RunHead
from heartbeats.board.view_models import SUSPICIOUS_AFTER_SECONDS, Action, RunningRow
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus

# Whole outputs of a run may be megabytes; the page reads the log by offset instead.
_BULKY = ("stdout_excerpt", "stderr_excerpt", "progress")


def run_named(run_id: UUID) -> Any:  # noqa: ANN401 - an annotated HeartbeatRun
    """The run with agent, issue and wakeup. Raises NotThere. One statement."""
    rows = silent_first(HeartbeatRun.objects.filter(pk=run_id)).only().defer(*_BULKY)
    run = rows.select_related("agent", "issue", "wakeup").first()
    if run is None:
        raise NotThere
    return run


def run_head(run: Any, *, now: datetime, may_act: bool) -> RunHead:  # noqa: ANN401
    """The first lines of the page. No statement."""
    row = running_row(run, now=now)
    ended = run.status in RunStatus.TERMINAL
    return RunHead(
        run_id=run.pk,
        status=run.status,
        agent=agent_of(run),
        requested_at=run.wakeup.requested_at if run.wakeup else run.created_at,
        issue=issue_of(run),
        task=task_of(run),
        started_at=run.started_at,
        finished_at=run.finished_at,
        duration_seconds=seconds_between(run.started_at, run.finished_at),
        outcome=_outcome(run) if ended else "",
        error_code=run.error_code or "" if ended else "",
        attempt=attempt_of(
            run.retry_of_run_id, run.scheduled_retry_attempt, run.process_loss_retry_count, run.failure_retry_count
        ),
        silence=row if run.status == RunStatus.RUNNING else None,
        actions=run_actions(run, alarming=_alarming(row, run, now)) if may_act else (),
    )


def _alarming(row: RunningRow, run: HeartbeatRun, now: datetime) -> bool:
    silent = (now - row.silent_since).total_seconds() >= SUSPICIOUS_AFTER_SECONDS
    return run.status == RunStatus.RUNNING and silent and row.snoozed_until is None


def _go_on(run: HeartbeatRun) -> Action:
    sure = "Let it be silent for another half hour? Then the watchdog looks at it again."
    return Action("It may go on", reverse("let_run_go_on", args=[run.pk]), look="primary", confirm=sure)


def _outcome(run: HeartbeatRun) -> str:
    words = ending_of(run)
    return f"{words[0].upper()}{words[1:]}" if words else ""


def run_actions(run: HeartbeatRun, *, alarming: bool) -> tuple[Action, ...]:
    """What can be done with the run now. `alarming`: it has been silent for long, and nobody said that it may."""
    cancel, again = (reverse("act_on_run", args=[run.pk, verb]) for verb in ("cancel", "again"))
    if run.status == RunStatus.SCHEDULED_RETRY:
        stop = "Cancel this retry? Nothing else will continue the work by itself."
        return Action("Retry now", again, look="primary"), Action("Cancel retry", cancel, look="danger", confirm=stop)
    if run.status in RunStatus.LIVE:
        stop = f"Cancel this run? {run.agent.name} is stopped and its whole process group ended."
        stopping = Action("Cancel run", cancel, look="danger", confirm=stop)
        return (_go_on(run), stopping) if alarming else (stopping,)
    return (Action(f"Run {run.agent.name} again", again, look="primary"),)


def log_source(run: HeartbeatRun) -> LogSource:
    """Where the viewer reads. No statement."""
    base = f"/api/heartbeat-runs/{run.pk}/log"
    live = run.status == RunStatus.RUNNING or run.process_stopping
    absent = ""
    if run.status in (RunStatus.QUEUED, RunStatus.SCHEDULED_RETRY):
        absent = "This run has not started. Its output appears here as soon as it writes."
    elif run.log_ref is None and not live:
        absent = "This run wrote nothing: it ended before a process was started."
    waits = run.status in RunStatus.LIVE
    return LogSource(run.pk, base, f"{base}.txt", run.log_bytes or 0, live or waits, None, absent)
