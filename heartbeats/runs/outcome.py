"""How an execution ended, and what follows for its wakeup and its agent (spec/2 D, E)."""

from __future__ import annotations

from dataclasses import dataclass

from agents.vocabulary import NOT_INVOKABLE, AgentStatus
from heartbeats.readings import text_of
from heartbeats.vocabulary import ErrorCode, RunStatus, WakeupStatus


@dataclass(frozen=True, kw_only=True)
class ExecutionEnd:
    """What is known when an execution is over.

    The ``stored_*`` values are the run's row under its lock; ``cancel_requested``: a cancel was accepted but the row
    is not terminal yet; ``timed_out``: we stopped it at its time limit. ``exit_code`` is None for adapters without
    process; ``signal`` names the signal that ended the process, if one did.
    """

    stored_status: str
    stored_error: str | None = None
    stored_error_code: str | None = None
    cancel_requested: bool = False
    cancel_reason: str | None = None
    timed_out: bool = False
    exit_code: int | None = None
    signal: str | None = None
    error: str | None = None
    error_code: str | None = None


@dataclass(frozen=True)
class Outcome:
    """The terminal status with its message and code. ``stored``: the row says so already, and stays as it is."""

    status: RunStatus
    error: str | None = None
    error_code: str | None = None
    stored: bool = False


def judge_outcome(end: ExecutionEnd) -> Outcome:
    """Terminal never changes, an accepted cancel wins, and death by a signal that is not ours is a failure."""
    if end.stored_status in RunStatus.TERMINAL:
        return Outcome(RunStatus(end.stored_status), end.stored_error, end.stored_error_code, stored=True)
    if end.cancel_requested:
        return Outcome(RunStatus.CANCELLED, end.cancel_reason or "Cancelled", ErrorCode.CANCELLED)
    if end.timed_out:
        return Outcome(RunStatus.TIMED_OUT, text_of(end.error) or "Timed out", ErrorCode.TIMEOUT)
    if end.signal is None and end.exit_code in (None, 0) and not text_of(end.error):
        return Outcome(RunStatus.SUCCEEDED)
    code = text_of(end.error_code) or ErrorCode.ADAPTER_FAILED
    return Outcome(RunStatus.FAILED, text_of(end.error) or _unexplained(end), code)


def setup_failure(message: str) -> Outcome:
    """The outcome of an error before the adapter started: a run is never left running."""
    return Outcome(RunStatus.FAILED, message, ErrorCode.ADAPTER_FAILED)


def wakeup_status_for(run_status: str) -> WakeupStatus:
    """The status of the wakeup behind a run that ended so. Raises ValueError for a status that is not terminal."""
    if run_status not in RunStatus.TERMINAL:
        raise ValueError(f"not a terminal run status: {run_status}")
    return WakeupStatus.COMPLETED if run_status == RunStatus.SUCCEEDED else WakeupStatus(run_status)


def agent_status_after(current: str, *, others_running: bool, run_status: str) -> AgentStatus:
    """The agent's status after one of its runs ended; paused, pending and terminated ones stay what they are."""
    if current in NOT_INVOKABLE:
        return AgentStatus(current)
    if others_running:
        return AgentStatus.RUNNING
    quiet = run_status in (RunStatus.SUCCEEDED, RunStatus.CANCELLED)
    return AgentStatus.IDLE if quiet else AgentStatus.ERROR


def _unexplained(end: ExecutionEnd) -> str:
    if end.signal is not None:
        return f"Process ended by signal {end.signal}"
    return f"Process exited with code {end.exit_code}" if end.exit_code else "Adapter failed"
