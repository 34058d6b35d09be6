"""What a run's record and the screens are told about it: the rows, unsaved (spec/4 section 10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agents.journal import live_event
from agents.models import LiveEvent
from agents.vocabulary import LiveEventType
from config.common.clock import wire_time
from heartbeats.models import HeartbeatRun, RunEvent


@dataclass(frozen=True)
class Note:
    """One run event to be written: what happened, for people (`message`) and programs (`payload`, JSON already)."""

    message: str
    event_type: str = "lifecycle"
    level: str = "info"
    stream: str | None = "system"
    color: str | None = None
    payload: Mapping[str, Any] | None = field(default=None)


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


def queued_event_of(run: HeartbeatRun) -> LiveEvent:
    """`heartbeat.run.queued` of a run that exists, unsaved."""
    return run_queued_event(
        run.company_id,
        run_id=run.pk,
        agent_id=run.agent_id,
        source=run.invocation_source,
        trigger_detail=run.trigger_detail,
        wakeup_id=run.wakeup_id,
    )


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
