"""What an execution writes while it runs: its lease, its process, its output. All of it names the epoch (DESIGN 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from agents.vocabulary import NOT_INVOKABLE
from heartbeats.models import HeartbeatRun
from heartbeats.models.run import RunQuerySet
from heartbeats.runs.lifecycle import Note, add_notes
from heartbeats.runs.news import run_status_event
from heartbeats.vocabulary import ErrorCode, RunStatus

_RENEW = """
update heartbeats_heartbeatrun r
set lease_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
from unnest(%(ids)s::uuid[], %(epochs)s::int[]) as held(id, epoch)
where r.id = held.id and r.epoch = held.epoch and r.status = 'running'
  and r.executor_host = %(host)s and r.executor_boot_id = %(boot)s
returning r.id, r.lease_expires_at
"""


@dataclass(frozen=True)
class HeldRun:
    """An execution that its host believes to hold."""

    run_id: UUID
    epoch: int


@dataclass(frozen=True)
class Renewal:
    """Which of the asked executions are still ours, with the end of their lease, and which must stop their process."""

    kept: dict[UUID, datetime]
    lost: frozenset[UUID]


def renew_leases(host: str, boot_id: str, held: Sequence[HeldRun], lease_seconds: float) -> Renewal:
    """Renew in one statement, on the database's clock.

    A run that is not running, not on this incarnation of the host, or has another epoch is `lost`: its process must
    stop.
    """
    if not held:
        return Renewal({}, frozenset())
    # in id order, like every other statement that locks several runs
    ordered = sorted(held, key=lambda run: run.run_id)
    with connection.cursor() as cursor:
        cursor.execute(
            _RENEW,
            {
                "seconds": lease_seconds,
                "ids": [run.run_id for run in ordered],
                "epochs": [run.epoch for run in ordered],
                "host": host,
                "boot": boot_id,
            },
        )
        kept = dict(cursor.fetchall())
    return Renewal(kept, frozenset(run.run_id for run in held) - kept.keys())


def record_process(
    run_id: UUID, *, epoch: int, pid: int, group_id: int | None, start_ticks: int | None, started_at: datetime
) -> bool:
    """Note the identity of the process. False: the execution is over (cancelled, paused, reaped), stop the process."""
    return (
        _of(run_id, epoch).update(
            process_pid=pid,
            process_group_id=group_id,
            process_start_ticks=start_ticks,
            process_started_at=started_at,
            updated_at=Now(),
        )
        == 1
    )


def may_start(run_id: UUID, *, epoch: int) -> bool:
    """Whether a claimed run may still be spawned: running under this epoch, its agent invokable (spec/4 16.4).

    Asked at the last moment before the process starts; a pause that comes later finds a running run and cancels it.
    """
    run = _of(run_id, epoch).select_related("agent").only("id", "agent__id", "agent__status").first()
    return run is not None and run.agent.status not in NOT_INVOKABLE


def record_output(
    run_id: UUID, *, epoch: int, at: datetime, seq: int, stream: str, total_bytes: int, log_ref: str | None = None
) -> bool:
    """Note the latest output; `seq` never goes back. False: the execution is over."""
    named = {"log_ref": log_ref, "log_store": "local_file"} if log_ref else {}
    kept = _of(run_id, epoch).update(
        last_output_at=Greatest(F("last_output_at"), at),
        last_output_seq=Greatest(F("last_output_seq"), seq),
        last_output_stream=stream,
        last_output_bytes=total_bytes,
        updated_at=Now(),
        **named,
    )
    return kept == 1


def clear_detached(run_id: UUID, *, epoch: int) -> bool:
    """A run marked `process_detached` showed activity: the mark goes, an info event says so. False: no such mark."""
    with transaction.atomic():
        marked = _of(run_id, epoch).filter(error_code=ErrorCode.PROCESS_DETACHED)
        run = marked.select_for_update(no_key=True).first()
        if run is None:
            return False
        HeartbeatRun.objects.filter(pk=run.pk).update(error=None, error_code=None, updated_at=Now())
        run.error = run.error_code = None
        add_notes(run, Note("Detached process reported activity; the run goes on"))
        run_status_event(run).save(force_insert=True)
    return True


def _of(run_id: UUID, epoch: int) -> RunQuerySet:
    return HeartbeatRun.objects.filter(pk=run_id, epoch=epoch, status=RunStatus.RUNNING)
