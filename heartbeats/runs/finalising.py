"""Ending a run: one decision about one run and its issue, under one set of locks (spec/2 E)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from heartbeats.vocabulary import LivenessState, RunStatus


@dataclass(frozen=True, kw_only=True)
class ExecutionResult:
    """What an execution came to, as the adapter or the exit record tells it.

    `session_*` are None where the adapter said nothing (the previous session carries over); `clear_session` says that
    it has none any more. `usage` are the adapter's cumulative counters: inputTokens, cachedInputTokens, outputTokens.
    """

    exit_code: int | None = None
    signal: str | None = None
    timed_out: bool = False
    error_message: str | None = None
    error_code: str | None = None
    error_family: str | None = None
    result: Mapping[str, Any] | None = None
    summary: str | None = None
    usage: Mapping[str, Any] | None = None
    provider: str | None = None
    biller: str | None = None
    model: str | None = None
    billing_type: str | None = None
    cost_usd: float | None = None
    session_id: str | None = None
    session_params: Mapping[str, Any] | None = None
    session_display_id: str | None = None
    clear_session: bool = False
    session_facts: Mapping[str, Any] = field(default_factory=dict)
    stdout_excerpt: str | None = None
    stderr_excerpt: str | None = None
    log_bytes: int | None = None
    log_sha256: str | None = None
    timeout_sec: float = 0
    timeout_configured: bool = False


@dataclass(frozen=True)
class Finalised:
    """Whether this call ended the run, and with what.

    `stale`: the epoch was over, a LateReport row was kept and nothing else changed. `already`: the run was terminal
    (cancelled meanwhile); its status stands. `follow_up_run_id` is the run that takes over the issue, if any.
    """

    won: bool
    status: RunStatus | None = None
    stale: bool = False
    already: bool = False
    liveness: LivenessState | None = None
    follow_up_run_id: UUID | None = None


def finalise_run(run_id: UUID, *, epoch: int, result: ExecutionResult, now: datetime) -> Finalised:
    """End one execution and do all that follows from it (spec/2 E 1 to 9) in one transaction.

    Locks company → agent → issue → run → wakeup. Safe to repeat. If anything in it raises, a second transaction ends
    the run with its true status and releases the issue, so that no run stays `running` for ever; only a database
    that refuses that too raises. Raises HeartbeatRun.DoesNotExist for an unknown run.
    """
    raise NotImplementedError
