"""Why and under which time limit a run stopped: the metadata kept in its result (spec/2 D, spec/4 16.3 to 16.7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from heartbeats.readings import JsonObject, number_of, object_of, text_of
from heartbeats.vocabulary import ErrorCode, RunStatus, StopReason, TimeoutSource

_BUDGET = re.compile(r"\bbudget", re.IGNORECASE)
_PAUSE = re.compile(r"\bpause", re.IGNORECASE)

STOP_KEYS = (
    "stopReason",
    "effectiveTimeoutSec",
    "effectiveTimeoutMs",
    "timeoutConfigured",
    "timeoutSource",
    "timeoutFired",
)


def stop_reason(status: str, *, error_code: str | None, error: str | None) -> StopReason:
    """The reason for a terminal status. A cancel whose message speaks of budget or pause says so."""
    if status == RunStatus.SUCCEEDED:
        return StopReason.COMPLETED
    if status == RunStatus.TIMED_OUT:
        return StopReason.TIMEOUT
    if status == RunStatus.CANCELLED:
        return _cancel_reason(error or "")
    return StopReason.PROCESS_LOST if error_code == ErrorCode.PROCESS_LOST else StopReason.ADAPTER_FAILED


def stop_metadata(
    status: str,
    *,
    adapter_type: str,
    adapter_config: Mapping[str, Any],
    error_code: str | None = None,
    error: str | None = None,
) -> JsonObject:
    """The metadata of a run that ended with this terminal status; seconds of 0 mean no limit.

    http adapters configure milliseconds and get ``effectiveTimeoutMs`` too.
    """
    is_http = adapter_type == "http"
    key = "timeoutMs" if is_http else "timeoutSec"
    limit = max(0.0, number_of(adapter_config.get(key), 0))
    seconds = limit / 1000 if is_http else limit
    reason = stop_reason(status, error_code=error_code, error=error)
    metadata: JsonObject = {
        "stopReason": reason.value,
        "effectiveTimeoutSec": _whole_if_exact(seconds),
        "timeoutConfigured": limit > 0,
        "timeoutSource": (TimeoutSource.CONFIG if key in adapter_config else TimeoutSource.DEFAULT).value,
        "timeoutFired": reason == StopReason.TIMEOUT,
    }
    if is_http:
        metadata["effectiveTimeoutMs"] = _whole_if_exact(limit)
    return metadata


def gate_stop_metadata(reason: StopReason, source: TimeoutSource) -> JsonObject:
    """The metadata of a queued run that a claim gate cancelled: it never started, so it had no time limit."""
    return {
        "stopReason": reason.value,
        "effectiveTimeoutSec": 0,
        "timeoutConfigured": False,
        "timeoutSource": source.value,
        "timeoutFired": False,
    }


def merge_result(result: object, stop: Mapping[str, Any], summary: str | None = None) -> JsonObject:
    """The result of a run with its stop metadata. The summary fills in only where the result has none."""
    merged = {**object_of(result), **stop}
    if text_of(summary) and not text_of(merged.get("summary")):
        merged["summary"] = summary
    return merged


def _cancel_reason(message: str) -> StopReason:
    if _BUDGET.search(message):
        return StopReason.BUDGET_PAUSED
    return StopReason.PAUSED if _PAUSE.search(message) else StopReason.CANCELLED


def _whole_if_exact(number: float) -> int | float:
    return int(number) if number == int(number) else number
