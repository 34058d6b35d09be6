"""Times, sizes and identifiers as the admin writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3_600, 86_400
SHOWN_CHARS = 2_000
KIBI = 1_024


def span(seconds: float) -> str:
    """`13 s`, `2 m`, `5 h`, `3 d`: the largest unit that fits, cut."""
    whole = max(0, int(seconds))
    for length, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if whole >= length:
            return f"{whole // length} {unit}"
    return f"{whole} s"


def relative(at: datetime, now: datetime) -> str:
    """`3 m ago`, `in 4 h`, `now`."""
    seconds = (now - at).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def duration(seconds: float) -> str:
    """`0.4 s`, `13 s`, `2 m 13 s`, `3 h 05 m`."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{int(seconds)} s"
    if seconds < HOUR:
        return f"{int(seconds) // MINUTE} m {int(seconds) % MINUTE:02d} s"
    return f"{int(seconds) // HOUR} h {int(seconds) % HOUR // MINUTE:02d} m"


def absolute(at: datetime) -> str:
    """The moment in full, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def short_id(value: object) -> str:
    """The last eight characters: time-ordered ids that were born together share their first ones."""
    return str(value)[-8:]


def size(count: int) -> str:
    """`812 B`, `4.2 KiB`, `120.0 MiB`."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < KIBI:
            return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= KIBI
    return f"{amount:.1f} GiB"


def money(cents: int) -> str:
    """`$0.42`, `$1,204.00`."""
    return f"{'−' if cents < 0 else ''}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def pretty(value: object) -> tuple[str, str | None]:
    """JSON as people read it, cut at 2,000 characters; then also a sentence with the whole size."""
    return cut(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def cut(text: str) -> tuple[str, str | None]:
    """The first 2,000 characters, and what was left out, in words (None when nothing)."""
    if len(text) <= SHOWN_CHARS:
        return text, None
    return text[:SHOWN_CHARS], f"first {SHOWN_CHARS:,} of {len(text):,} characters"


def several(count: int, one: str, many: str | None = None) -> str:
    """`1 run`, `12 runs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
