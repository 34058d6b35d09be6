"""`POST tasks/{id}/report`: how a remote run goes, and how it ended (spec/1 D, E)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from agents.errors import ReportedError, record_error
from agents.models import Agent
from agents.scrubbing import scrub, scrub_object, scrub_text
from agents.vocabulary import ErrorSeverity
from config.common.wire.errors import NotFound, StaleEpoch, TaskError, Unauthorized
from heartbeats.execution import logs, rundir
from heartbeats.execution.excerpts import read_excerpts
from heartbeats.intake.error_reports import Caller
from heartbeats.intake.leasing import renew
from heartbeats.models import HeartbeatRun, LateReport
from heartbeats.runs.bounds import bound_payload
from heartbeats.runs.ending import Ending, lock_for_end
from heartbeats.runs.finalising import finalise_run
from heartbeats.runs.losing import fail_agent_run
from heartbeats.runs.settling import book_cost
from heartbeats.runs.told import ExecutionResult, adapter_words
from heartbeats.runs.usage import SessionUse, settle_usage
from heartbeats.vocabulary import ErrorCode, RunStatus

SOURCE = "task_report"
NO_REASON = "The agent reported a failure without a reason"
NOT_YOURS = "This task is not yours to work on"
_NO_SESSION = SessionUse(persisted_session_id=None, session_reused=False, task_session_reused=False, rotated=False)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class ReportStatus(StrEnum):
    """How a run is, in the words of the agent."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    EXHAUSTED = "exhausted"


class Standing(StrEnum):
    """Whether a caller may still speak for a run."""

    HOLDS = "holds"
    STALE = "stale"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """What an agent says of a run; None where it did not say."""

    status: ReportStatus
    progress: Mapping[str, Any] | None = None
    summary: str | None = None
    result: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] | None = None
    session_id: str | None = None
    cost_usd: float | None = None
    errors: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of a report. `retried` is None unless the run failed."""

    retried: bool | None = None


def standing_of(run_status: str, run_epoch: int, *, held_epoch: int | None) -> Standing:
    """Whether the caller holds the run. `held_epoch` is that of its run token; None when it came with its key."""
    if run_status == RunStatus.RUNNING and held_epoch in (None, run_epoch):
        return Standing.HOLDS
    return Standing.STOP if held_epoch is None else Standing.STALE


def take_report(
    caller: Caller, task_id: UUID, report: TaskReport, *, held_epoch: int | None, now: datetime
) -> Reported:
    """Act on a report. Raises NotFound, TaskError (`stop`) or StaleEpoch; then the run is unchanged.

    Locks agent → issue → run. A report that comes too late is kept for people.
    """
    own_run_or_refuse(caller, task_id)
    answer = Reported()
    with transaction.atomic(durable=True):
        ending = _lock(caller, task_id)
        standing = standing_of(ending.run.status, ending.run.epoch, held_epoch=held_epoch)
        if standing is not Standing.HOLDS:
            _keep_late(ending.run, report, held_epoch)
        else:
            answer = _act(ending, report, now)
    refuse_unless_held(standing)
    if report.status in (ReportStatus.COMPLETED, ReportStatus.EXHAUSTED):
        _finalise(ending.run, report, now)
    return answer


def own_run_or_refuse(caller: Caller, task_id: UUID) -> None:
    """NotFound for a run that the company does not have, TaskError for another agent's. Takes no lock: owners stay."""
    owner = HeartbeatRun.objects.filter(id=task_id, company_id=caller.company_id).values_list("agent_id", flat=True)
    agent_id = owner.first()
    if agent_id is None:
        raise NotFound.of("Task")
    if agent_id != caller.agent_id:
        raise TaskError(NOT_YOURS)


def refuse_unless_held(standing: Standing) -> None:
    """The answer to a caller who may not speak for the run; both kinds say `stop`."""
    if standing is Standing.STALE:
        stale = StaleEpoch()
        stale.details = {**stale.details, "action": "stop"}
        raise stale
    if standing is Standing.STOP:
        raise TaskError(NOT_YOURS)


def _lock(caller: Caller, task_id: UUID) -> Ending:
    try:
        return lock_for_end(task_id, caller.company_id)
    except (Agent.DoesNotExist, HeartbeatRun.DoesNotExist):
        raise Unauthorized from None


def _act(ending: Ending, report: TaskReport, now: datetime) -> Reported:
    """What a report of a held run writes before the verb that ends the run, in its transaction."""
    run = ending.run
    for message in filter(None, report.errors):
        record_error(
            ReportedError(ErrorSeverity.ERROR, message),
            company_id=run.company_id,
            agent_id=run.agent_id,
            source=SOURCE,
            run_id=run.pk,
            issue_id=run.issue_id,
            now=now,
        )
    _note_progress(run, report)
    renew(run.pk, epoch=run.epoch)
    if report.status is not ReportStatus.FAILED:
        return Reported()
    _keep_outcome(ending, report, now)
    reason = scrub_text(next(filter(None, report.errors), NO_REASON))
    lost = fail_agent_run(run.pk, agent_id=run.agent_id, code=ErrorCode.AGENT_REPORTED_FAILURE, reason=reason, now=now)
    return Reported(retried=lost.retry_run_id is not None)


def _note_progress(run: HeartbeatRun, report: TaskReport) -> None:
    if report.progress is not None:
        HeartbeatRun.objects.filter(pk=run.pk).update(progress=scrub_object(report.progress), updated_at=Now())


def _keep_outcome(ending: Ending, report: TaskReport, now: datetime) -> None:
    """What a failed run said and cost: a failure is paid for like a success."""
    run = ending.run
    said = scrub_object(report.result or {})
    if report.summary:
        said.setdefault("summary", scrub_text(report.summary))
    told = ExecutionResult(usage=report.usage, cost_usd=report.cost_usd)
    usage = settle_usage(adapter_words(told), previous_record=None, session=_NO_SESSION)
    run.result = said or None
    HeartbeatRun.objects.filter(pk=run.pk).update(result=run.result, usage=usage.record, **_observed(run))
    book_cost(ending, usage, now)


def _finalise(run: HeartbeatRun, report: TaskReport, now: datetime) -> None:
    """End the run as a success. Raises as for a lost race when somebody ended it first."""
    outcome = {"exhausted": True} if report.status is ReportStatus.EXHAUSTED else {}
    session = scrub_text(report.session_id) if report.session_id else None
    result = ExecutionResult(
        exit_code=0,
        result={**scrub_object(report.result or {}), **outcome} or None,
        summary=scrub_text(report.summary) if report.summary else None,
        usage=scrub_object(report.usage) if report.usage is not None else None,
        cost_usd=report.cost_usd,
        session_id=session,
        session_params={"sessionId": session} if session else None,
        session_display_id=session[:128] if session else None,
        **_observed(run),
    )
    if not finalise_run(run.pk, epoch=run.epoch, result=result, now=now).won:
        raise TaskError(NOT_YOURS)


def _observed(run: HeartbeatRun) -> dict[str, Any]:
    """The end of the log and its hash, where this host has it."""
    directory = rundir.locate(settings.RUNS_DIR, run.log_ref) if run.log_ref else None
    if directory is None:
        return {}
    excerpts = read_excerpts(directory.log_path)
    return {
        "stdout_excerpt": excerpts.stdout or None,
        "stderr_excerpt": excerpts.stderr or None,
        "log_bytes": directory.log_size(),
        "log_sha256": logs.sha256(directory.log_path),
    }


def _repeats(run: HeartbeatRun, report: TaskReport) -> bool:
    if report.status is ReportStatus.FAILED:
        return run.error_code == ErrorCode.AGENT_REPORTED_FAILURE
    return run.status == RunStatus.SUCCEEDED and report.status is not ReportStatus.RUNNING


def _keep_late(run: HeartbeatRun, report: TaskReport, held_epoch: int | None) -> None:
    """Keep what came too late, unless it repeats the report that ended the run: its answer was lost, nothing else."""
    if _repeats(run, report):
        return
    log.warning("late_report", run_id=str(run.pk), status=run.status, epoch=run.epoch, held_epoch=held_epoch)
    said = {name: getattr(report, name) for name in ("status", "summary", "result", "usage", "cost_usd", "errors")}
    LateReport(
        company_id=run.company_id,
        run_id=run.pk,
        epoch=held_epoch if held_epoch is not None else run.epoch,
        current_epoch=run.epoch,
        origin=SOURCE,
        payload=bound_payload(scrub({name: value for name, value in said.items() if value is not None})),
    ).save(force_insert=True)
