"""Numbers, times and identifiers as people read them. Pure; static/js/time.js says the same in the browser."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
KIBI = 1024


def duration_words(seconds: float | None) -> str:
    """`40 ms`, `1.4 s`, `13 s`, `2 m 13 s`, `3 h 05 m`, `4 d 2 h`: two units at most. None is a dash, below 0 is 0."""
    if seconds is None:
        return "–"
    if 0 < seconds < 1:
        return f"{max(1, int(seconds * 1000))} ms"
    if 0 < seconds < 10 and not float(seconds).is_integer():
        return f"{int(seconds * 10) / 10:.1f} s"
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} m {whole % MINUTE:02d} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} m"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def span_words(seconds: float) -> str:
    """One unit, for ages: `13 s`, `2 m`, `3 h`, `4 d`."""
    whole = max(0, int(seconds))
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def relative_words(at: datetime, now: datetime) -> str:
    """`3 m ago`, `in 4 h`, `now` within two seconds."""
    seconds = (now - at).total_seconds()
    if abs(seconds) < 2:
        return "now"
    return f"{span_words(seconds)} ago" if seconds > 0 else f"in {span_words(-seconds)}"


def absolute_words(at: datetime) -> str:
    """The moment in full, UTC, to the second: the text shown on hover."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def short_id_words(value: UUID | str | None) -> str:
    """The last eight characters: time-ordered identifiers that were born together share their first ones."""
    return str(value)[-8:] if value else ""


def bytes_words(size: int | None) -> str:
    """`0 B`, `812 B`, `4.2 KiB`, `120 MiB`."""
    amount = float(size or 0)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < KIBI:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= KIBI
    return f"{amount:.1f} TiB"


def cents_words(cents: int | None) -> str:
    """`$0.42`, `$1,204.00`, `−$0.05`. None is a dash."""
    if cents is None:
        return "–"
    sign = "−" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def silence_level(seconds: float, thresholds: tuple[int, int, int]) -> str:
    """`ok`, `quiet`, `suspicious`, `critical`: the highest threshold that the age has reached (spec/3 I)."""
    reached = sum(seconds >= limit for limit in thresholds)
    return ("ok", "quiet", "suspicious", "critical")[reached]
