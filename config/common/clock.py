"""The only places that read a clock, and how a moment is written down."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connections


def utc_now() -> datetime:
    """The time of this process, aware, UTC. For the outermost edges only; everything below takes `now`."""
    return datetime.now(UTC)


def database_now(using: str = "default") -> datetime:
    """The time of the database, aware, UTC: the one clock that judges leases (DESIGN 5).

    Real time, not the start of the transaction, so that it moves inside a long one. Costs one statement.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    moment: datetime = row[0]
    return moment.astimezone(UTC)


def require_aware(moment: datetime) -> datetime:
    """The same moment; raises ValueError for a naive one, which would compare wrongly with database times."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"a time without a zone is ambiguous: {moment!r}")
    return moment


def wire_time(moment: datetime) -> str:
    """ISO-8601 in UTC with exactly three decimals and `Z`, cut, not rounded (spec/4 0). Naive raises ValueError."""
    # The database hands out UTC already: a list of a thousand rows holds thousands of these.
    utc = moment if moment.tzinfo is UTC else require_aware(moment).astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"
