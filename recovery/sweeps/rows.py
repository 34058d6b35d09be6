"""The rows of one pass: batches behind a cursor, each row under its own guard and in its own transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.db import Error, OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from agents.scrubbing import scrub_text
from recovery.models import PoisonRow
from recovery.sweeps.cycle import BatchCursor, RowTrouble, SweepConfig, SweepTally, push_forward
from recovery.vocabulary import SweepName

Key = TypeVar("Key", bound=Hashable)

BUSY = "busy"
POISON = "poison"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Done:
    """The row was acted on (in a dry run: would be). `what` is a counter's name."""

    what: str
    company_id: UUID | None = None


@dataclass(frozen=True)
class Left:
    """The row needed nothing, or somebody was faster; `reason` is a counter's name."""

    reason: str


RowResult = Done | Left


@dataclass
class SweepPass:
    """What a sweep is given: the moment (database time), what is known of the pass before, and where to count.

    `previous_at` is the last success. In a `dry_run` a sweep decides and counts as always, and writes nothing.
    """

    sweep: SweepName
    now: datetime
    config: SweepConfig
    tally: SweepTally
    dry_run: bool = False
    previous_at: datetime | None = None
    late_in_a_row: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    companies: Counter[UUID] = field(default_factory=Counter)
    details: dict[str, object] = field(default_factory=dict)
    cut_short: bool = False
    trouble: dict[UUID, RowTrouble] | None = None

    def note(self, row_id: UUID, result: RowResult) -> None:
        """Count one row that did not raise."""
        if isinstance(result, Left):
            self.tally.skip(result.reason)
            return
        self.tally.act(row_id)
        self.counts[result.what] += 1
        if result.company_id is not None:
            self.companies[result.company_id] += 1

    def over(
        self,
        select: Callable[[Key | None, int], Sequence[Key]],
        act: Callable[[UUID], RowResult],
        *,
        row_id: Callable[[Key], UUID] | None = None,
    ) -> None:
        """Take batches of keys and act on each row. `select(after, limit)` returns keys in ascending order.

        `act` runs in a transaction of its own, which commits what it did. A row that raises is pushed forward and
        flagged; the rest go on. `row_id` finds the row's id in a key that is more than the id.
        """
        cursor: BatchCursor[Key] = BatchCursor()
        while cursor.more(self.config):
            keys = select(cursor.after, self.config.batch_size)
            for key in keys:
                self.one(_as_uuid(key) if row_id is None else row_id(key), act)
            cursor = cursor.past(keys, self.config)
        self.cut_short = self.cut_short or cursor.cut_short(self.config)

    def one(self, row_id: UUID, act: Callable[[UUID], RowResult]) -> None:
        """Act on one row under guard, in one transaction. Only the loss of the database itself gets out."""
        self.guarded(row_id, partial(_in_transaction, act))

    def guarded(self, row_id: UUID, act: Callable[[UUID], RowResult]) -> None:
        """The same for an `act` that waits for processes: it calls verbs with transactions of their own."""
        if not self.may_try(row_id):
            self.tally.skip(POISON)
            return
        try:
            result = act(row_id)
        except Exception as error:  # whatever one row does, the others are not to suffer (spec/6 fault 41)
            self._failed(row_id, error)
        else:
            self.note(row_id, result)
            self.healed(row_id)

    def together(
        self,
        row_ids: Sequence[UUID],
        act: Callable[[Sequence[UUID]], Mapping[UUID, RowResult]],
        alone: Callable[[UUID], RowResult],
    ) -> None:
        """Act on several rows in one transaction, which `act` opens itself or is given. It has to be short.

        Should `act` raise, its transaction is rolled back and each row is acted on `alone`, under its own guard, so
        that one bad row holds up nobody. So is a row that `act` gives no answer for.
        """
        trying = [row_id for row_id in row_ids if self.may_try(row_id)]
        self.tally.skip(POISON, len(row_ids) - len(trying))
        results = self._try_together(trying, act) if len(trying) > 1 else {}
        for row_id in trying:
            if row_id in results:
                self.note(row_id, results[row_id])
                self.healed(row_id)
            else:
                self.one(row_id, alone)

    def _try_together(
        self, row_ids: Sequence[UUID], act: Callable[[Sequence[UUID]], Mapping[UUID, RowResult]]
    ) -> Mapping[UUID, RowResult]:
        try:
            with transaction.atomic():
                return act(row_ids)
        except Exception as error:  # as for one row: whoever raised is found when each is tried alone
            if isinstance(error, Error) and not connection.is_usable():
                raise
            log.warning("sweep_batch_failed", sweep=self.sweep, rows=len(row_ids), error=scrub_text(repr(error)))
            return {}

    def may_try(self, row_id: UUID) -> bool:
        """False for a row that raised lately and was pushed forward."""
        trouble = self._trouble().get(row_id)
        return trouble is None or trouble.may_try(self.now)

    def _trouble(self) -> dict[UUID, RowTrouble]:
        if self.trouble is None:
            rows = PoisonRow.objects.filter(sweep=self.sweep).values_list("row_id", "failures", "retry_at")
            self.trouble = {row_id: RowTrouble(failures, retry_at) for row_id, failures, retry_at in rows}
        return self.trouble

    def _failed(self, row_id: UUID, error: Exception) -> None:
        if isinstance(error, Error) and not connection.is_usable():
            raise error
        if isinstance(error, OperationalError) and isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            self.tally.skip(BUSY)
            return
        text = scrub_text(f"{type(error).__name__}: {error}")
        self.tally.fail(row_id, text)
        pushed = push_forward(self._trouble().get(row_id, RowTrouble()), now=self.now, config=self.config)
        tell = log.error if pushed.alarm else log.warning
        tell("sweep_row_failed", sweep=self.sweep, row_id=str(row_id), error=text, exc_info=pushed.alarm and error)
        if not self.dry_run:
            self._trouble()[row_id] = pushed.trouble
            _remember(self.sweep, row_id, pushed.trouble, text)

    def healed(self, row_id: UUID) -> None:
        """A row that did not raise is no poison any more."""
        if not self.dry_run and self._trouble().pop(row_id, None) is not None:
            PoisonRow.objects.filter(sweep=self.sweep, row_id=row_id).delete()


def _in_transaction(act: Callable[[UUID], RowResult], row_id: UUID) -> RowResult:
    with transaction.atomic():
        return act(row_id)


def _remember(sweep: SweepName, row_id: UUID, trouble: RowTrouble, text: str) -> None:
    assert trouble.retry_at is not None
    row = PoisonRow(sweep=sweep, row_id=row_id, failures=trouble.failures, retry_at=trouble.retry_at, error=text)
    columns = ["failures", "retry_at", "error", "updated_at"]
    PoisonRow.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["sweep", "row_id"], update_fields=columns
    )


def _as_uuid(key: Any) -> UUID:  # noqa: ANN401 - a key that is the id itself
    if not isinstance(key, UUID):
        raise TypeError(f"a key that is no id needs row_id: {key!r}")
    return key
