"""What an execution tells when it is over, and what it is told back (spec/2 D, E)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

from heartbeats.readings import JsonObject
from heartbeats.runs.bounds import storable
from heartbeats.runs.sessions import NO_SESSION, SessionState
from heartbeats.vocabulary import LivenessState, RunStatus


@dataclass(frozen=True, kw_only=True)
class StartedSession:
    """The session that the execution resumed (`runs.sessions.choose_session`), and whether it was rotated before."""

    session: SessionState = NO_SESSION
    task_session_reused: bool = False
    rotated: bool = False
    rotation_reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExecutionResult:
    """What an execution came to, as the adapter or the exit record tells it.

    `signal` is the signal that ended the process when we did not send it because of a time limit. `session_*` are None
    where the adapter said nothing (the previous session carries over); `clear_session` says that there is none any
    more. `usage` are the adapter's counters: inputTokens, cachedInputTokens, outputTokens; the totals of the session so
    far, unless `usage_basis` is `per_run`. `result` is the adapter's result object (also `retryNotBefore`).
    `log_truncated_at` is the byte of the log at which output was first left out. `started_with` is None when the
    execution ended before its session was chosen: then no saved session changes.
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
    usage_basis: str | None = None
    provider: str | None = None
    biller: str | None = None
    model: str | None = None
    billing_type: str | None = None
    cost_usd: float | None = None
    session_id: str | None = None
    session_params: Mapping[str, Any] | None = None
    session_display_id: str | None = None
    clear_session: bool = False
    started_with: StartedSession | None = None
    stdout_excerpt: str | None = None
    stderr_excerpt: str | None = None
    log_bytes: int | None = None
    log_sha256: str | None = None
    log_truncated_at: int | None = None

    @property
    def names_session(self) -> bool:
        """Whether the adapter said anything about its session."""
        named = (self.session_id, self.session_params, self.session_display_id)
        return self.clear_session or any(value is not None for value in named)


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


def cleaned(result: ExecutionResult) -> ExecutionResult:
    """The same without what PostgreSQL cannot hold: NUL, lone surrogates, numbers that are none."""
    told = {field.name: getattr(result, field.name) for field in fields(result) if field.name != "started_with"}
    return replace(result, **{name: _clean(value) for name, value in told.items()})


def adapter_words(result: ExecutionResult) -> JsonObject:
    """The result in the adapter's own words; what it did not say is absent, not null."""
    said = {
        "usage": result.usage,
        "usageBasis": result.usage_basis,
        "costUsd": result.cost_usd,
        "provider": result.provider,
        "biller": result.biller,
        "model": result.model,
        "billingType": result.billing_type,
        "sessionId": result.session_id,
        "sessionParams": result.session_params,
        "sessionDisplayId": result.session_display_id,
        "clearSession": result.clear_session or None,
    }
    return {key: value for key, value in said.items() if value is not None}


def late_payload(result: ExecutionResult) -> JsonObject:
    """What a late report keeps for people."""
    return {
        **adapter_words(result),
        "exitCode": result.exit_code,
        "signal": result.signal,
        "timedOut": result.timed_out,
        "errorMessage": result.error_message,
        "errorCode": result.error_code,
        "summary": result.summary,
        "result": result.result,
    }


def _clean(value: object) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
