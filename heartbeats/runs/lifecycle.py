"""Where a run or a wakeup changes its status: the tables of allowed moves and the only code that makes them.

Every move of a run leaves a live event, and the run events that the caller names, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from agents.journal import live_event
from agents.models import LiveEvent
from agents.vocabulary import LiveEventType
from config.common.clock import wire_time
from config.common.transitions import Transitions
from heartbeats.models import HeartbeatRun, RunEvent, WakeupRequest
from heartbeats.vocabulary import RunStatus, WakeupStatus

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
class Note:
    """One run event to be written: what happened, for people (`message`) and programs (`payload`, JSON already)."""

    message: str
    event_type: str = "lifecycle"
    level: str = "info"
    stream: str | None = "system"
    color: str | None = None
    payload: Mapping[str, Any] | None = field(default=None)


@dataclass(frozen=True)
class Host:
    """The incarnation of a host that takes runs, and until when it may hold them without renewing."""

    name: str
    boot_id: str
    lease_expires_at: datetime


def start_all(runs: Collection[HeartbeatRun], host: Host, *, now: datetime) -> None:
    """Queued runs, whose rows the caller has locked, begin on a host: epoch + 1, wakeup `claimed`, event, live events.

    Four statements, however many runs. Raises RuntimeError when a row was not queued: it was not locked.
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
    RunEvent.objects.bulk_create(rows)
    LiveEvent.objects.bulk_create([*map(run_status_event, runs), *map(announced, rows)])


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
    """Append run events (gapless `seq`) and announce them: three statements, however many notes."""
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


def run_status_event(run: HeartbeatRun) -> LiveEvent:
    """`heartbeat.run.status` of the run as it is in memory, unsaved (spec/4 section 10)."""
    payload = {
        "runId": str(run.pk),
        "agentId": str(run.agent_id),
        "status": str(run.status),
        "invocationSource": run.invocation_source,
        "triggerDetail": run.trigger_detail,
        "error": run.error,
        "errorCode": run.error_code,
        "startedAt": wire_time(run.started_at) if run.started_at else None,
        "finishedAt": wire_time(run.finished_at) if run.finished_at else None,
    }
    return live_event(run.company_id, LiveEventType.RUN_STATUS, payload)


def run_queued_event(
    company_id: UUID, *, run_id: UUID, agent_id: UUID, source: str, trigger_detail: str | None, wakeup_id: UUID | None
) -> LiveEvent:
    """`heartbeat.run.queued`, unsaved (spec/4 section 10)."""
    payload = {
        "runId": str(run_id),
        "agentId": str(agent_id),
        "invocationSource": str(source),
        "triggerDetail": str(trigger_detail) if trigger_detail else None,
        "wakeupRequestId": str(wakeup_id) if wakeup_id else None,
    }
    return live_event(company_id, LiveEventType.RUN_QUEUED, payload)


def run_events(run: HeartbeatRun, notes: Iterable[Note], first_seq: int) -> list[RunEvent]:
    """The rows of the notes, unsaved, numbered from `first_seq`."""
    return [
        RunEvent(
            company_id=run.company_id,
            run_id=run.pk,
            agent_id=run.agent_id,
            seq=seq,
            event_type=note.event_type,
            stream=note.stream,
            level=note.level,
            color=note.color,
            message=note.message,
            payload=dict(note.payload) if note.payload is not None else None,
        )
        for seq, note in enumerate(notes, first_seq)
    ]


def announced(row: RunEvent) -> LiveEvent:
    """`heartbeat.run.event` of a run event, unsaved (spec/4 section 10)."""
    payload = {
        "runId": str(row.run_id),
        "agentId": str(row.agent_id),
        "seq": row.seq,
        "eventType": row.event_type,
        "stream": row.stream,
        "level": row.level,
        "color": row.color,
        "message": row.message,
        "payload": row.payload,
    }
    return live_event(row.company_id, LiveEventType.RUN_EVENT, payload)


def call_forward(run: HeartbeatRun, *, message: str) -> bool:
    """A parked retry goes back to the queue (spec/3 C, K.8); the caller rings. True: it was parked."""
    note = Note(message, payload={"scheduledRetryAttempt": run.scheduled_retry_attempt})
    won = move_run(run, RunStatus.QUEUED, expected={RunStatus.SCHEDULED_RETRY}, notes=[note])
    if won:
        run_queued_event(
            run.company_id,
            run_id=run.pk,
            agent_id=run.agent_id,
            source=run.invocation_source,
            trigger_detail=run.trigger_detail,
            wakeup_id=run.wakeup_id,
        ).save(force_insert=True)
    return won


def _write(run: HeartbeatRun, notes: Iterable[Note], first_seq: int, live: list[LiveEvent]) -> None:
    rows = run_events(run, notes, first_seq)
    if rows:
        RunEvent.objects.bulk_create(rows)
    LiveEvent.objects.bulk_create([*live, *map(announced, rows)])
