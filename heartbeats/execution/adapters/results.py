"""The result that a command may leave: a file, a marked line, or a last line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heartbeats.execution.adapters.base import RESULT_NAME, Report
from heartbeats.readings import JsonObject, first_text, number_of, object_of, text_of
from heartbeats.runs.bounds import bound_string
from heartbeats.runs.usage import PER_RUN

MARK = "EVERBEAT_RESULT"
MOST_RESULT_BYTES = 4 * 2**20
_KNOWN = frozenset({"summary", "result", "usage", "costUsd", "sessionId", "errorMessage", "errorCode", "errorFamily"})
_LAST_LINES = 20


def read_result(run_dir: Path, stdout: str) -> JsonObject | None:
    """The result of the command: its file wins over a line of its output. None without one; never raises."""
    return _from_file(run_dir / RESULT_NAME) or _from_output(stdout)


def report_of(result: Mapping[str, Any]) -> Report:
    """The fields that Everbeat knows, from a result as a command writes it; fields of the wrong kind are ignored."""
    inner = result.get("result")
    kept = object_of(inner) if isinstance(inner, Mapping) else ({} if inner is None else {"result": inner})
    session_id = text_of(result.get("sessionId"))
    params = object_of(result.get("sessionParams")) or ({"sessionId": session_id} if session_id else None)
    return Report(
        result=kept or None,
        summary=_text(result.get("summary")),
        error_message=_text(first_text(result.get("errorMessage"), result.get("error"))),
        error_code=_short(result.get("errorCode")),
        error_family=_short(result.get("errorFamily")),
        retry_not_before=_moment(result.get("retryNotBefore")),
        usage=object_of(result.get("usage")) or None,
        usage_basis=PER_RUN if result.get("usageBasis") == PER_RUN else None,
        cost_usd=_cost(result.get("costUsd")),
        provider=_short(result.get("provider")),
        biller=_short(result.get("biller")),
        model=_short(result.get("model")),
        billing_type=_short(result.get("billingType")),
        session_id=session_id,
        session_params=params,
        session_display_id=_short(result.get("sessionDisplayId")) or _short(session_id),
        clear_session=result.get("clearSession") is True,
    )


def _from_file(path: Path) -> JsonObject | None:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_RESULT_BYTES + 1)
    except OSError:
        return None
    return _object(data) if len(data) <= MOST_RESULT_BYTES else None


def _from_output(stdout: str) -> JsonObject | None:
    lines = [line.strip() for line in stdout.splitlines()[-_LAST_LINES:] if line.strip()]
    for line in reversed(lines):
        if line.startswith(MARK):
            return _object(line.removeprefix(MARK).lstrip(" :="))
    last = _object(lines[-1]) if lines and lines[-1].startswith("{") else None
    return last if last and _KNOWN & last.keys() else None


def _object(text: str | bytes) -> JsonObject | None:
    try:
        value = json.loads(text, parse_constant=lambda _name: None)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(value: object) -> str | None:
    text = text_of(value)
    return bound_string(text) if text else None


def _short(value: object) -> str | None:
    text = text_of(value)
    return text.replace("\0", "\ufffd")[:120] if text else None


def _moment(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)[:64]


def _cost(value: object) -> float | None:
    cost = number_of(value, -1)
    return cost if cost >= 0 else None
