"""From what an attempt left on disk to what is told to `finalise_run`."""

from __future__ import annotations

from typing import Any

from heartbeats.execution.adapters import adapter_for
from heartbeats.execution.adapters.base import Ended, Report, SetupError
from heartbeats.execution.excerpts import Excerpts, read_excerpts
from heartbeats.execution.rundir import ExitRecord
from heartbeats.execution.supervisor.attempt import Attempt, StopCause
from heartbeats.runs.told import ExecutionResult

_SPEAKING = ("summary", "usage", "usage_basis", "provider", "biller", "model", "billing_type", "cost_usd")
_SESSION = ("session_id", "session_params", "session_display_id", "clear_session")


def execution_result(attempt: Attempt, record: ExitRecord) -> ExecutionResult:
    """The result of an attempt that ended: exit record, last output, and what its adapter makes of them."""
    excerpts = read_excerpts(attempt.directory.log_path)
    stopped_by_us = StopCause.TIMEOUT in attempt.causes
    report = _report(attempt, record, excerpts, timed_out=stopped_by_us)
    message, code = _problem(report)
    return ExecutionResult(
        exit_code=record.exit_code,
        signal=record.signal,
        timed_out=stopped_by_us or report.timed_out,
        error_message=_timeout_text(attempt) if stopped_by_us else message,
        error_code=code,
        error_family=report.error_family,
        result=_result(record, report),
        started_with=attempt.orders.started_with if attempt.orders else None,
        stdout_excerpt=excerpts.stdout or None,
        stderr_excerpt=excerpts.stderr or None,
        log_bytes=record.log_bytes,
        log_sha256=record.log_sha256,
        log_truncated_at=record.truncated.at_byte if record.truncated else None,
        **{name: getattr(report, name) for name in (*_SPEAKING, *_SESSION)},
    )


def _report(attempt: Attempt, record: ExitRecord, excerpts: Excerpts, *, timed_out: bool) -> Report:
    if attempt.orders is None:
        return Report()
    ended = Ended(
        run_dir=attempt.directory.path,
        excerpts=excerpts,
        exit_code=record.exit_code,
        signal=record.signal,
        timed_out=timed_out,
    )
    try:
        return adapter_for(attempt.orders.adapter_type).report(ended)
    except SetupError:
        return Report()


def _problem(report: Report) -> tuple[str | None, str | None]:
    """What the adapter says went wrong. A code without words still is a failure, so it gets some."""
    if report.error_message or not (report.error_code or report.error_family):
        return report.error_message, report.error_code
    return f"The agent reported {report.error_code or report.error_family}", report.error_code


def _result(record: ExitRecord, report: Report) -> dict[str, Any] | None:
    told: dict[str, Any] = dict(report.result or {})
    if report.retry_not_before is not None:
        told["retryNotBefore"] = report.retry_not_before
    if record.truncated is not None:
        told["logTruncated"] = {"atByte": record.truncated.at_byte, "reason": record.truncated.reason}
    return told or None


def _timeout_text(attempt: Attempt) -> str:
    limit = attempt.orders.timeout_sec if attempt.orders else 0
    return f"Timed out after {limit:g} s"
