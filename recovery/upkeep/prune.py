"""Throwing away what nobody reads any more, a bounded number of rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction

from agents.budgets import close_ended_windows
from recovery.sweeps.rows import SweepPass


@dataclass(frozen=True)
class Expiry:
    """Rows of `table` older than `keep` (by `column`) that also satisfy `also` go."""

    what: str
    table: str
    column: str
    keep: timedelta
    key: str = "id"
    also: str = "true"


EXPIRIES = (
    # An event without number has not been pushed: it goes only when no relay has run for a week.
    Expiry("live_events", "agents_liveevent", "created_at", timedelta(days=1), also="seq is not null"),
    Expiry("live_events_never_sent", "agents_liveevent", "created_at", timedelta(days=7)),
    Expiry("idempotency_records", "agents_idempotencyrecord", "created_at", timedelta(days=1)),
    Expiry("sweep_runs", "recovery_sweeprun", "started_at", timedelta(days=3)),
    # A row that no sweep selects any more is never tried again, so nothing else would forget it.
    Expiry("poison_rows", "recovery_poisonrow", "retry_at", timedelta(days=1)),
)


def prune(work: SweepPass) -> None:
    """Delete expired rows, oldest first, each batch in a transaction of its own; `skip_locked`, so nobody waits.

    Budget windows that have ended are closed too, so that last month's stop does not outlive its month.
    """
    for expiry in EXPIRIES:
        work.counts[expiry.what] += _count(expiry, work) if work.dry_run else _delete(expiry, work)
    if not work.dry_run:
        closed = close_ended_windows(now=work.now)
        work.counts["budget_windows_closed"] += closed.resolved
        work.counts["budget_scopes_resumed"] += closed.resumed


def _delete(expiry: Expiry, work: SweepPass) -> int:
    total = 0
    for _ in range(work.config.max_batches):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_delete_sql(expiry), [work.now - expiry.keep, work.config.batch_size])
            deleted: int = cursor.rowcount
        total += deleted
        if deleted < work.config.batch_size:
            return total
    work.cut_short = True
    return total


def _count(expiry: Expiry, work: SweepPass) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select count(*) from {expiry.table} where {expiry.column} < %s and {expiry.also}",  # noqa: S608
            [work.now - expiry.keep],
        )
        found: int = cursor.fetchone()[0]
        return found


def _delete_sql(expiry: Expiry) -> str:
    chosen = (
        f"select {expiry.key} from {expiry.table} where {expiry.column} < %s and {expiry.also} "  # noqa: S608
        f"order by {expiry.column} limit %s for update skip locked"
    )
    return f"delete from {expiry.table} where {expiry.key} in ({chosen})"  # noqa: S608 - constants of this module
