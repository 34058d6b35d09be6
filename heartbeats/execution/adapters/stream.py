"""Reading the JSON lines that coding tools print, and what such a stream says once it is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from heartbeats.readings import JsonObject, count_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a tool's output says. `failed`: the tool itself calls its end a failure; `concluded`: it came to an end.

    `errors` are its own words about what went wrong, in order. `resets_at` is when it says a limit ends (Unix seconds).
    """

    session_id: str | None = None
    text: str | None = None
    errors: tuple[str, ...] = ()
    failed: bool = False
    concluded: bool = False
    usage: Mapping[str, int] | None = None
    cost_usd: float | None = None
    model: str | None = None
    billing_type: str | None = None
    resets_at: float | None = None
    clear_session: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def events(output: str) -> Iterator[JsonObject]:
    """Every line that is a JSON object; anything else is a tool's small talk. Never raises."""
    for line in output.splitlines():
        text = line.strip()
        if not text.startswith("{"):
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def tokens(input_tokens: object, cached: object, output: object) -> dict[str, int]:
    """The three counters, under the names of the run's usage; nonsense counts as none."""
    return {
        "inputTokens": count_of(input_tokens),
        "cachedInputTokens": count_of(cached),
        "outputTokens": count_of(output),
    }


def added(total: Mapping[str, int] | None, more: Mapping[str, int]) -> dict[str, int]:
    """The sum of two sets of counters."""
    before = total or {}
    return {name: before.get(name, 0) + count for name, count in more.items()}
