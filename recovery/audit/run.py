"""Asking every invariant at once, of one snapshot, without writing (DESIGN 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from config.common.clock import database_now
from recovery.audit import issues, logs, runs
from recovery.audit.checks import GRACE, Check, Moment, Violation

CHECKS: tuple[Check, ...] = (*runs.CHECKS, *issues.CHECKS, *logs.CHECKS)


def audit(
    *,
    now: datetime | None = None,
    grace: timedelta = GRACE,
    only: Collection[str] = (),
    lookback: timedelta | None = None,
) -> list[Violation]:
    """Every violation, check by check; an empty list is the good news. Writes nothing and locks nothing.

    `now` defaults to the database's time. `only` names checks (all without it); raises KeyError for an unknown one.
    """
    unknown = set(only) - {check.name for check in CHECKS}
    if unknown:
        raise KeyError(f"no such check: {', '.join(sorted(unknown))}")
    with _one_snapshot():
        moment = Moment(now or database_now(), grace, cap=settings.AUTOMATIC_RUNS_PER_ISSUE)
        if lookback is not None:
            moment = Moment(moment.now, grace, lookback, moment.cap)
        chosen = [check for check in CHECKS if not only or check.name in only]
        return [violation for check in chosen for violation in check.violations(moment)]


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """All checks see the same moment, and the database refuses writes. Inside a transaction: that one's view."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        yield
