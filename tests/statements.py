"""Counting what a verb sends to PostgreSQL, BEGIN and COMMIT included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection
from django.test.utils import CaptureQueriesContext


@dataclass
class Statements:
    """The statements of one block, in order; filled when the block ends."""

    sql: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sql)

    def report(self) -> str:
        """One shortened line per statement, for the message of a failing assertion."""
        return "\n".join(f"{number}. {' '.join(sql.split())[:110]}" for number, sql in enumerate(self.sql, 1))


@contextmanager
def counted() -> Iterator[Statements]:
    """The statements of this thread's connection. Needs a test with `transaction=True`, else BEGIN is a savepoint."""
    statements = Statements()
    with CaptureQueriesContext(connection) as captured:
        yield statements
    statements.sql = [query["sql"] for query in captured.captured_queries]
