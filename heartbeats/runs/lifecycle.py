"""Where a run or a wakeup changes its status: the tables of allowed moves and the only code that makes them.

Every move of a run leaves a live event, and the run events that the caller names, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from agents.journal import store
from agents.models import LiveEvent
from config.common.transitions import Transitions
from heartbeats.models import HeartbeatRun, RunEvent, WakeupRequest
from heartbeats.runs.news import Note, announced, queued_event_of, run_events, run_status_event
from heartbeats.vocabulary import RunStatus, WakeupStatus

__all__ = [
    "CALLED_FORWARD",
    "RUN_MOVES",
    "WAKEUP_MOVES",
    "Host",
    "Note",
    "add_notes",
    "call_forward",
    "close_wakeup",
    "move_run",
    "move_wakeup",
    "queue_due",
    "start_all",
]

RUN_MOVES = Transitions(
    {
        RunStatus.QUEUED: {RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED},
        RunStatus.SCHEDULED_RETRY: {RunStatus.QUEUED, RunStatus.FAILED, RunStatus.CANCELLED},
        # back to queued: the host never started it, or a planned restart gave it back (no retry is spent)
        RunStatus.RUNNING: {RunStatus.QUEUED, *RunStatus.TERMINAL},
        **dict.fromkeys(RunStatus.TERMINAL, ()),
    }
)

WAKEUP_MOVES = Transitions(
    {
        WakeupStatus.QUEUED: {WakeupStatus.CLAIMED, *WakeupStatus.CLOSED},
        # back to queued: with its run, see above
        WakeupStatus.CLAIMED: {
            WakeupStatus.QUEUED,
            WakeupStatus.COMPLETED,
            WakeupStatus.FAILED,
            WakeupStatus.CANCELLED,
            WakeupStatus.TIMED_OUT,
        },
        # coalesced: into the bounded retry of the run that it waited for
        WakeupStatus.DEFERRED: {
            WakeupStatus.QUEUED,
            WakeupStatus.COALESCED,
            WakeupStatus.FAILED,
            WakeupStatus.CANCELLED,
        },
        **dict.fromkeys(WakeupStatus.CLOSED, ()),
    }
)

CALLED_FORWARD = "Scheduled retry was called forward by a person and went back to the queue"

_TAKE_SEQ = "update heartbeats_heartbeatrun set event_seq = event_seq + %s where id = %s returning event_seq"


@dataclass(frozen=True)
class Host:
    """The incarnation of a host that takes runs, and until when it may hold them without renewing."""

    name: str
    boot_id: str
    lease_expires_at: datetime


def start_all(runs: Collection[HeartbeatRun], host: Host, *, now: datetime) -> None:
    """Queued runs, whose rows the caller has locked, begin on a host: epoch + 1, wakeup `claimed`, event, live events.

    Three statements, however many runs. Raises RuntimeError when a row was not queued: it was not locked.
    """
    columns: dict[str, Any] = {
        "executor_host": host.name,
        "executor_boot_id": host.boot_id,
        "lease_expires_at": host.lease_expires_at,
        "claimed_at": now,
        "started_at": now,
        "process_pid": None,
        "process_group_id": None,
        "process_start_ticks": None,
        "process_started_at": None,
    }
    moved = RUN_MOVES.move_all(
        HeartbeatRun.objects.filter(pk__in=[run.pk for run in runs]),
        to=RunStatus.RUNNING,
        expected={RunStatus.QUEUED},
        epoch=F("epoch") + 1,
        event_seq=F("event_seq") + 1,
        updated_at=Now(),
        **columns,
    )
    if moved != len(runs):
        raise RuntimeError(f"{len(runs)} queued runs were locked, {moved} began")
    wakeups = WakeupRequest.objects.filter(pk__in=[run.wakeup_id for run in runs if run.wakeup_id])
    WAKEUP_MOVES.move_all(
        wakeups, to=WakeupStatus.CLAIMED, expected={WakeupStatus.QUEUED}, claimed_at=now, updated_at=Now()
    )
    rows: list[RunEvent] = []
    for run in runs:
        seq, epoch = run.event_seq + 1, run.epoch + 1
        for name, value in {**columns, "status": RunStatus.RUNNING.value, "epoch": epoch, "event_seq": seq}.items():
            setattr(run, name, value)
        rows += run_events(run, [Note("run started", payload={"host": host.name, "epoch": epoch})], seq)
    store([*rows, *map(run_status_event, runs), *map(announced, rows)])


def move_run(
    run: HeartbeatRun,
    to: RunStatus,
    *,
    expected: Collection[str],
    held_epoch: int | None = None,
    notes: Collection[Note] = (),
    **columns: Any,  # noqa: ANN401 - column values
) -> bool:
    """Move one run and tell the screens, in the caller's transaction; True when this call won.

    `notes` become run events and their live events. `run`, whose row the caller has locked, is brought up to date in
    memory. Nothing is written when the run no longer has an `expected` status, or another epoch than `held_epoch`.
    """
    seq = run.event_seq + len(notes)
    won = RUN_MOVES.move(
        HeartbeatRun.objects.filter(pk=run.pk),
        to=to,
        expected=expected,
        held_epoch=held_epoch,
        **columns,
        **({"event_seq": seq} if notes else {}),
        updated_at=Now(),
    )
    if won:
        first_seq = run.event_seq + 1
        for name, value in {**columns, "status": str(to), "event_seq": seq}.items():
            setattr(run, name, value)
        _write(run, notes, first_seq, [run_status_event(run)])
    return won


def add_notes(run: HeartbeatRun, *notes: Note) -> None:
    """Append run events (gapless `seq`) and announce them: two statements, however many notes."""
    if not notes:
        return
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_SEQ, [len(notes), run.pk])
        run.event_seq = cursor.fetchone()[0]
    _write(run, notes, run.event_seq - len(notes) + 1, [])


def close_wakeup(
    run: HeartbeatRun,
    to: WakeupStatus,
    *,
    now: datetime,
    error: str | None = None,
    reason: str | None = None,
) -> bool:
    """End the wakeup that the run serves; True when it was still open. A given `reason` replaces the row's."""
    if run.wakeup_id is None:
        return False
    replaced = {} if reason is None else {"reason": reason}
    return move_wakeup(
        WakeupRequest.objects.filter(pk=run.wakeup_id),
        to,
        expected={WakeupStatus.QUEUED, WakeupStatus.CLAIMED} if to != WakeupStatus.SKIPPED else {WakeupStatus.QUEUED},
        finished_at=now,
        error=error,
        **replaced,
    )


def move_wakeup(
    rows: QuerySet[WakeupRequest],
    to: WakeupStatus,
    *,
    expected: Collection[str],
    **columns: Any,  # noqa: ANN401
) -> bool:
    """Move the one wakeup of `rows`; True when this call won."""
    return WAKEUP_MOVES.move(rows, to=to, expected=expected, **columns, updated_at=Now())


def call_forward(run: HeartbeatRun, *, message: str) -> bool:
    """A parked retry goes back to the queue (spec/3 C, K.8); the caller rings. True: it was parked."""
    note = Note(message, payload={"scheduledRetryAttempt": run.scheduled_retry_attempt})
    won = move_run(run, RunStatus.QUEUED, expected={RunStatus.SCHEDULED_RETRY}, notes=[note])
    if won:
        store([queued_event_of(run)])
    return won


def queue_due(runs: Collection[HeartbeatRun], note_of: Callable[[HeartbeatRun], Note]) -> None:
    """Parked retries, whose rows the caller has locked, go back to the queue, each with a note; the caller rings.

    Three statements, however many runs. Raises RuntimeError when a row was not parked: it was not locked (spec/3 C).
    """
    moved = RUN_MOVES.move_all(
        HeartbeatRun.objects.filter(pk__in=[run.pk for run in runs]),
        to=RunStatus.QUEUED,
        expected={RunStatus.SCHEDULED_RETRY},
        event_seq=F("event_seq") + 1,
        updated_at=Now(),
    )
    if moved != len(runs):
        raise RuntimeError(f"{len(runs)} parked retries were locked, {moved} were queued")
    rows: list[RunEvent] = []
    live: list[LiveEvent] = []
    for run in runs:
        run.status, run.event_seq = RunStatus.QUEUED.value, run.event_seq + 1
        noted = run_events(run, [note_of(run)], run.event_seq)
        rows += noted
        live += [run_status_event(run), queued_event_of(run), *map(announced, noted)]
    store([*rows, *live])


def _write(run: HeartbeatRun, notes: Iterable[Note], first_seq: int, live: list[LiveEvent]) -> None:
    rows = run_events(run, notes, first_seq)
    store([*rows, *live, *map(announced, rows)])
