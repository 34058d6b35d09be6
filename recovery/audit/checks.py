"""One invariant, one check: read-only SQL that returns the rows which break it (DESIGN 3, spec/6 section 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

MOST_ROWS = 100
GRACE = timedelta(seconds=120)
LOOKBACK = timedelta(days=7)


@dataclass(frozen=True)
class Moment:
    """As of when, and how patient. `grace` is how long an issue may be without a way forward (spec/6 G5).

    `since` bounds the checks that read history; states of now are checked whole. `cap` is the retry ledger's.
    """

    now: datetime
    grace: timedelta = GRACE
    lookback: timedelta = LOOKBACK
    cap: int = 8

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statements are given."""
        return {
            "now": self.now,
            "overdue": self.now - self.grace,
            "since": self.now - self.lookback,
            "cap": self.cap,
            "most": MOST_ROWS,
        }


@dataclass(frozen=True)
class Violation:
    """One row that breaks one promise."""

    check: str
    promise: str
    row: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """One line for people."""
        facts = ", ".join(f"{name}={value}" for name, value in self.row.items() if value is not None)
        return f"{self.check}: {self.promise}: {facts}"


Find = Callable[[Moment], list[dict[str, Any]]]


@dataclass(frozen=True)
class Check:
    """A name for programs, the promise in words, and how to find the rows that break it (at most 100)."""

    name: str
    promise: str
    find: Find

    def violations(self, moment: Moment) -> list[Violation]:
        """The rows of now that break the promise."""
        return [Violation(self.name, self.promise, row) for row in self.find(moment)]


def by_sql(name: str, promise: str, statement: str) -> Check:
    """A check in one statement; its columns are what is shown. Parameters: `Moment.parameters`."""

    def find(moment: Moment) -> list[dict[str, Any]]:
        with connection.cursor() as cursor:
            cursor.execute(f"{statement} limit %(most)s", moment.parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return Check(name, promise, find)
