"""Reading an upstream's "not before": ISO 8601, or epoch seconds or milliseconds. Garbage is ignored (spec/3 B)."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_EPOCH_MILLISECONDS_FROM = 100_000_000_000
"""As seconds this lies in the year 5138, as milliseconds in 1973: nothing we are told is between."""


def parse_not_before(value: object) -> datetime | None:
    """The moment that `value` names, aware and in UTC, or None when it names none. Never raises.

    Accepts aware or naive datetimes and ISO texts (naive means UTC) and epoch numbers, also as text.
    """
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_epoch(value)
    if isinstance(value, str):
        return _from_text(value.strip())
    return None


def _from_text(text: str) -> datetime | None:
    number = _as_number(text)
    if number is not None:
        return _from_epoch(number)
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError:
        return None


def _as_number(text: str) -> float | None:
    if not text.isascii() or not text.replace(".", "", 1).isdigit() or len(text.split(".")[0]) < 9:
        return None
    return float(text)


def _from_epoch(number: float) -> datetime | None:
    try:
        if not math.isfinite(number) or number <= 0:
            return None
        seconds = number / 1000 if number >= _EPOCH_MILLISECONDS_FROM else number
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _in_utc(moment: datetime) -> datetime | None:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None
