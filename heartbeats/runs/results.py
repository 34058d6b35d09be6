"""What a reader sees of a run's result: whole, cut, or summarised (spec/2 D "Result size", spec/4 16.7)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from heartbeats.readings import JsonObject, text_of
from heartbeats.runs.stop import STOP_KEYS

WHOLE_MAX_BYTES = 64 * 1024
SUMMARY_MAX_CHARS = 500
OUTPUT_MAX_CHARS = 4_096

_TEXT_KEYS = ("summary", "result", "message", "error")
_OUTPUT_KEYS = ("stdout", "stderr")
_COST_KEYS = ("costUsd", "cost_usd", "total_cost_usd")
_CONTRACT_KEYS = ("errorFamily", "retryNotBefore", "transientRetryNotBefore")


def full_view(result: Mapping[str, Any] | None) -> JsonObject | None:
    """The result for a single run: whole up to 64 KiB of JSON, beyond that its main fields, cut and marked.

    Stop reason, time limit and retry contract survive the cut.
    """
    if result is None:
        return None
    size = json_bytes(result)
    if size <= WHOLE_MAX_BYTES:
        return dict(result)
    view: JsonObject = {}
    for key in _TEXT_KEYS:
        if (text := _as_text(result.get(key))) is not None:
            view[key] = text[:SUMMARY_MAX_CHARS]
    for key in _OUTPUT_KEYS:
        if (text := _as_text(result.get(key))) is not None:
            view[key] = text[:OUTPUT_MAX_CHARS]
            if len(text) > OUTPUT_MAX_CHARS:
                view[f"{key}Truncated"] = True
    view.update(_costs(result))
    view.update(_small(result, (*STOP_KEYS, *_CONTRACT_KEYS)))
    view.update({"truncated": True, "truncationReason": "oversized_result_json", "originalSizeBytes": size})
    return view


def list_view(result: Mapping[str, Any] | None) -> JsonObject | None:
    """The short summary for lists of runs: texts up to 500 characters and costs; None if there is nothing to say."""
    given = result or {}
    view: JsonObject = {key: given[key][:SUMMARY_MAX_CHARS] for key in _TEXT_KEYS if text_of(given.get(key))}
    costs = {key: _cost(given.get(key)) for key in _COST_KEYS}
    view.update({key: cost for key, cost in costs.items() if cost is not None})
    return view or None


def issue_list_view(result: Mapping[str, Any] | None) -> JsonObject | None:
    """The summary for the runs of an issue: as for lists, with stop reason and time limit."""
    view = {**(list_view(result) or {}), **_small(result or {}, STOP_KEYS)}
    return view or None


def json_bytes(value: object) -> int:
    """The size of the value as compact JSON in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return len(text.encode("utf-8", errors="surrogatepass"))


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _costs(result: Mapping[str, Any]) -> JsonObject:
    """Every spelling of the cost, each filled from the others where it is missing."""
    known = {key: _cost(result.get(key)) for key in _COST_KEYS}
    any_cost = next((cost for cost in known.values() if cost is not None), None)
    if any_cost is None:
        return {}
    return {key: any_cost if cost is None else cost for key, cost in known.items()}


def _cost(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        cost = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(cost):
        return None
    return value if isinstance(value, int | float) else cost


def _small(result: Mapping[str, Any], keys: tuple[str, ...]) -> JsonObject:
    """The given keys, as long as their values are scalars; texts are cut."""
    view: JsonObject = {}
    for key in keys:
        value = result.get(key)
        if isinstance(value, str):
            view[key] = value[:SUMMARY_MAX_CHARS]
        elif isinstance(value, bool | int | float):
            view[key] = value
    return view
