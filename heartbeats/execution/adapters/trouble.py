"""What kind of trouble a tool is in, from its own words, and when it may be tried again (spec/3 B, K.7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from heartbeats.vocabulary import ErrorFamily

_EPOCH = re.compile(r"\|\s*(1\d{9})(?:\d{3})?\b")
_AFTER = re.compile(r"(?:retry|try again)[ -](?:after|in):?\s*(\d+)\s*(s|sec|m|min|h|hour)?", re.IGNORECASE)
_RESETS = re.compile(
    r"resets?\s+(?:at\s+)?(?:(?P<month>[A-Z][a-z]{2})[a-z]*\s+(?P<day>\d{1,2}),?\s+(?:at\s+)?)?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?\s*(?P<half>[ap]m)?(?:\s*\((?P<zone>[A-Za-z_+\-/0-9]+)\))?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of trouble: the words that give it away, its family, and the code that the run gets."""

    family: ErrorFamily
    code: str
    words: re.Pattern[str]


def kind_of(kinds: Sequence[Kind], texts: Sequence[str]) -> Kind | None:
    """The first kind whose words are in any of the texts."""
    return next((kind for kind in kinds if any(kind.words.search(text) for text in texts)), None)


def words(*alternatives: str) -> re.Pattern[str]:
    """A pattern that finds any of the alternatives, in any case."""
    return re.compile("|".join(alternatives), re.IGNORECASE)


def retry_not_before(texts: Sequence[str], now: datetime) -> datetime | None:
    """When the tool says that its limit ends: a time stamp, a delay, or a time of day. None when it does not say."""
    for text in texts:
        found = _from_epoch(text) or _from_delay(text, now) or _from_clock(text, now)
        if found is not None:
            return found
    return None


def _from_epoch(text: str) -> datetime | None:
    found = _EPOCH.search(text)
    return datetime.fromtimestamp(int(found.group(1)), UTC) if found else None


def _from_delay(text: str, now: datetime) -> datetime | None:
    found = _AFTER.search(text)
    if not found or len(found.group(1)) > 6:
        return None
    return now + timedelta(seconds=int(found.group(1)) * _UNITS[(found.group(2) or "s").lower()])


def _from_clock(text: str, now: datetime) -> datetime | None:
    """The next such time of day in the zone that is named, else in UTC."""
    found = _RESETS.search(text)
    if not found or not (found["half"] or found["minute"]):
        return None
    try:
        local = now.astimezone(ZoneInfo(found["zone"] or "UTC"))
        at = local.replace(hour=_hour(found), minute=int(found["minute"] or 0), second=0, microsecond=0)
        if found["month"]:
            return _on_date(at, found, now)
    except (ValueError, ZoneInfoNotFoundError):
        return None
    return (at if at > local else at + timedelta(days=1)).astimezone(UTC)


def _on_date(at: datetime, found: re.Match[str], now: datetime) -> datetime:
    dated = at.replace(month=_MONTHS.index(found["month"].lower()) + 1, day=int(found["day"]))
    past = dated < now - timedelta(days=1)
    return (dated.replace(year=dated.year + 1) if past else dated).astimezone(UTC)


def _hour(found: re.Match[str]) -> int:
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(f"no such hour: {hour} {half}")
    return hour % 12 + (12 if half == "pm" else 0)
