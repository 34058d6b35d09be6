"""The shape that every sweep has: validated settings, batches behind a cursor, counted results, poison moved aside.

A sweep selects due rows in key order, decides on each with a pure function, and acts on each in its own transaction.
A row that raises is pushed forward and flagged, and never hides the rest (spec/6 law 10, faults 41 and 42).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from recovery.organisation import Ref

Key = TypeVar("Key")

ID_LIMIT = 1_000
ERROR_LIMIT = 20
ERROR_CHARS = 500
STALE_AFTER_PERIODS = 3


@dataclass(frozen=True)
class SweepConfig:
    """Settings of one sweep. Raises ValueError that names every bad one.

    At most `batch_size` x `max_batches` rows in one pass; a row that raised is left alone for `push_first`, twice as
    long each further time, up to `push_longest`.
    """

    name: str
    period: timedelta
    batch_size: int = 100
    max_batches: int = 50
    push_first: timedelta = timedelta(minutes=1)
    push_longest: timedelta = timedelta(hours=1)
    enabled: bool = True

    def __post_init__(self) -> None:
        problems = [sentence for wrong, sentence in self._checks() if wrong]
        if problems:
            raise ValueError(f"sweep {self.name!r}: " + "; ".join(problems))

    def _checks(self) -> list[tuple[bool, str]]:
        return [
            (re.fullmatch(r"[a-z][a-z0-9_]*", self.name) is None, "name must be lower-case words"),
            (self.period <= timedelta(0), "period must be positive"),
            (not 1 <= self.batch_size <= 10_000, "batch_size must be 1 to 10000"),
            (self.max_batches < 1, "max_batches must be at least 1"),
            (self.push_first <= timedelta(0), "push_first must be positive"),
            (self.push_longest < self.push_first, "push_longest must not be shorter than push_first"),
        ]

    def is_stale(self, last_success_at: datetime | None, *, now: datetime) -> bool:
        """Whether an enabled sweep has not succeeded for three periods (spec/6 fault 8)."""
        if not self.enabled:
            return False
        return last_success_at is None or now - last_success_at > STALE_AFTER_PERIODS * self.period


@dataclass(frozen=True)
class BatchCursor(Generic[Key]):
    """Where a pass stands: rows with a key greater than `after` come next. `after` is None before the first batch."""

    after: Key | None = None
    batches: int = 0
    exhausted: bool = False

    def past(self, keys: Sequence[Key], config: SweepConfig) -> BatchCursor[Key]:
        """The cursor after a batch with these keys, in order. A short batch was the last one."""
        last = keys[-1] if keys else self.after
        return BatchCursor(last, self.batches + 1, exhausted=len(keys) < config.batch_size)

    def more(self, config: SweepConfig) -> bool:
        """Whether to take another batch in this pass."""
        return not self.exhausted and self.batches < config.max_batches

    def cut_short(self, config: SweepConfig) -> bool:
        """Whether the pass ended at its limit with rows left: the next pass goes on, and the report says so."""
        return not self.exhausted and self.batches >= config.max_batches


@dataclass(frozen=True)
class SweepResults:
    """What one pass did. `looked_at` = `acted` + all skipped + `errors`; lists are capped, counts are not."""

    looked_at: int = 0
    acted: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    errors: int = 0
    ids: tuple[Ref, ...] = ()
    error_texts: tuple[tuple[Ref, str], ...] = ()
    cut_short: bool = False
    dry_run: bool = False

    def as_dict(self) -> dict[str, object]:
        """Plain values for the sweep's row, its live event and the API."""
        return {
            "looked_at": self.looked_at,
            "acted": self.acted,
            "skipped": dict(self.skipped),
            "errors": self.errors,
            "ids": [str(row_id) for row_id in self.ids],
            "error_texts": [{"id": str(row_id), "error": text} for row_id, text in self.error_texts],
            "cut_short": self.cut_short,
            "dry_run": self.dry_run,
        }


class SweepTally:
    """Counts rows while a pass runs. Each row is counted once, by exactly one of the three verbs."""

    def __init__(self, *, dry_run: bool = False) -> None:
        self._dry_run = dry_run
        self._acted = 0
        self._errors = 0
        self._skipped: Counter[str] = Counter()
        self._ids: list[Ref] = []
        self._error_texts: list[tuple[Ref, str]] = []

    def act(self, row_id: Ref) -> None:
        """This row was acted on (or would have been, in a dry run)."""
        self._acted += 1
        if len(self._ids) < ID_LIMIT:
            self._ids.append(row_id)

    def skip(self, reason: str, rows: int = 1) -> None:
        """Rows needed nothing, or another sweep was faster; `reason` is a code."""
        if rows:
            self._skipped[str(reason)] += rows

    def fail(self, row_id: Ref, error: str) -> None:
        """This row raised. `error` must be scrubbed; it is cut to 500 characters."""
        self._errors += 1
        if len(self._error_texts) < ERROR_LIMIT:
            self._error_texts.append((row_id, error[:ERROR_CHARS]))

    def results(self, *, cut_short: bool = False) -> SweepResults:
        """The counts so far, as a value."""
        return SweepResults(
            looked_at=self._acted + self._skipped.total() + self._errors,
            acted=self._acted,
            skipped=dict(sorted(self._skipped.items())),
            errors=self._errors,
            ids=tuple(self._ids),
            error_texts=tuple(self._error_texts),
            cut_short=cut_short,
            dry_run=self._dry_run,
        )


@dataclass(frozen=True)
class RowTrouble:
    """What a sweep remembers of a row that raised: how often in a row, and until when it is left alone."""

    failures: int = 0
    retry_at: datetime | None = None

    def may_try(self, now: datetime) -> bool:
        """Whether the row is due for another try."""
        return self.retry_at is None or self.retry_at <= now

    @property
    def flagged(self) -> bool:
        """Whether an operator should see it."""
        return self.failures > 0


@dataclass(frozen=True)
class Pushed:
    """The new memory of the row, and whether this failure is the one that raises the alarm (the first)."""

    trouble: RowTrouble
    alarm: bool


def push_forward(trouble: RowTrouble, *, now: datetime, config: SweepConfig) -> Pushed:
    """Move a row that raised out of the way: 1 min, 2, 4 ... up to an hour at default settings; alarm once."""
    doublings = min(trouble.failures, 30)
    wait = min(config.push_first * 2**doublings, config.push_longest)
    return Pushed(RowTrouble(trouble.failures + 1, now + wait), alarm=not trouble.flagged)
