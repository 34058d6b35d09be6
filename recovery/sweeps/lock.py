"""One pass of a sweep at a time, by a PostgreSQL advisory lock: it needs no Redis and cannot outlive its holder."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import structlog
from django.db import connection

from recovery.vocabulary import SweepName

_SPACE = 0x45766265  # "Evbe": the first of two lock numbers, so that other users of advisory locks are not met

# The lock, the clock before and after taking it, the switch and what is known of earlier passes: one statement.
_OPEN = """
select pg_try_advisory_lock(%(space)s, %(number)s), clock_timestamp(), s.enabled, s.last_succeeded_at, s.late_in_a_row,
       (select max(r.started_at) from recovery_sweeprun r where r.sweep = %(sweep)s)
from (select 1) as one left join recovery_sweepstate s on s.sweep = %(sweep)s
"""
_PEEK = _OPEN.replace("pg_try_advisory_lock(%(space)s, %(number)s)", "true")
_CLOSE = "select pg_advisory_unlock(%s, %s)"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Opening:
    """What a pass knows when it begins. `now` is the database's time; `mine` False: another pass is under way.

    `last_recorded_at` is the start of the newest `SweepRun` row.
    """

    mine: bool
    now: datetime
    enabled: bool
    last_succeeded_at: datetime | None
    late_in_a_row: int
    last_recorded_at: datetime | None


@contextmanager
def one_pass_at_a_time(sweep: SweepName) -> Iterator[Opening]:
    """Hold the sweep's lock for the block. Never waits: look at `mine`. One statement to open, one to close."""
    opening = _ask(_OPEN, sweep)
    session = connection.connection
    try:
        yield opening
    finally:
        if opening.mine:
            _let_go(session, sweep)


def without_lock(sweep: SweepName) -> Opening:
    """The same facts for a dry run, which disturbs nobody."""
    return _ask(_PEEK, sweep)


def lock_number(sweep: SweepName) -> int:
    """The second lock number: the same on every host and in every release."""
    return zlib.crc32(sweep.encode()) & 0x7FFF_FFFF


def _ask(statement: str, sweep: SweepName) -> Opening:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"space": _SPACE, "number": lock_number(sweep), "sweep": sweep})
        mine, now, enabled, succeeded, late, recorded = cursor.fetchone()
    return Opening(mine, now.astimezone(UTC), enabled is not False, succeeded, late or 0, recorded)


def _let_go(session: Any, sweep: SweepName) -> None:  # noqa: ANN401 - the driver's connection
    """Unlock in the very session that holds the lock: the pass may have been given another one of the pool since."""
    try:
        session.execute(_CLOSE, [_SPACE, lock_number(sweep)])
    except psycopg.Error as problem:
        # A session that is gone has let go by itself.
        log.warning("sweep_lock_not_released", sweep=sweep, error=str(problem).strip())


IDLE_ROW_EVERY = timedelta(minutes=1)


def worth_a_row(opening: Opening, *, now: datetime, eventful: bool) -> bool:
    """Whether a pass leaves a `SweepRun`: always when something happened, else at most once a minute."""
    if eventful or opening.last_recorded_at is None:
        return True
    return now - opening.last_recorded_at >= IDLE_ROW_EVERY
