"""Giving a run back to the queue: its host could not start it, or not keep it. No retry is spent (spec/6 row 4)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from heartbeats.models import HeartbeatRun
from heartbeats.runs.losing import requeue_run

MOST_UNSTARTED = 1


def give_back_unstarted(run_id: UUID, *, epoch: int, now: datetime) -> bool:
    """A claim whose process was never started goes back to the queue, once; False when it did so before, or is over.

    The caller has made sure that no process of it runs or will.
    """
    if not HeartbeatRun.objects.filter(pk=run_id, supervisor_losses__lt=MOST_UNSTARTED).exists():
        return False
    return requeue_run(
        run_id,
        epoch=epoch,
        message="claimed, but never started; queued again",
        evidence={"evidence": "never_started", "epoch": epoch},
        now=now,
        supervisor_lost=True,
    )


def give_back_unserved(run_id: UUID, *, epoch: int, now: datetime) -> bool:
    """A claim that could not be started because the database failed goes back to the queue; False when it is over.

    The caller has made sure that no process of it runs or will. Raises DatabaseError while the database still fails.
    """
    return requeue_run(
        run_id,
        epoch=epoch,
        message="not started because the database failed; queued again",
        evidence={"evidence": "database_failed", "epoch": epoch},
        now=now,
    )


def give_back_stopped(run_id: UUID, *, epoch: int, now: datetime) -> bool:
    """An execution that its host stopped for want of a lease goes back to the queue; False when it is over."""
    try:
        return requeue_run(
            run_id,
            epoch=epoch,
            message="stopped because its lease could not be renewed; queued again",
            evidence={"evidence": "lease_not_renewed", "epoch": epoch},
            now=now,
        )
    except HeartbeatRun.DoesNotExist:
        return False
