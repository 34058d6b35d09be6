"""Writing the two logs. Every verb inserts rows in the caller's transaction and sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model

from agents.actors import Actor
from agents.models import ActivityEvent, LiveEvent
from agents.vocabulary import LiveEventType
from config.common.clock import utc_now
from config.common.wire.camel import to_json

# For statements that insert activity rows by hand: the live events of those that their CTE `logged` returns whole.
ANNOUNCE_LOGGED = """
    insert into agents_liveevent (company_id, type, payload, created_at)
    select company_id, 'activity.logged', jsonb_build_object(
        'actorType', actor_type, 'actorId', actor_id, 'action', action, 'entityType', entity_type,
        'entityId', entity_id, 'agentId', agent_id, 'runId', run_id, 'details', details), created_at
    from logged
"""
# By hand: a fifth of the time of a heartbeat with an error went into putting this one statement together.
_EMIT = "insert into agents_liveevent (company_id, type, payload, created_at) values (%s, %s, %s::jsonb, %s)"


@dataclass
class _Gathered:
    """Log rows that wait for the end of a block, by table, and the savepoints that were open when it began."""

    savepoints: list[str]
    rows: dict[type[Model], list[Model]] = field(default_factory=dict)


_gathered: ContextVar[_Gathered | None] = ContextVar("gathered_log_rows", default=None)


@contextmanager
def written_together() -> Iterator[None]:
    """Log rows that the block stores are inserted when it ends: one statement per table, however many rows.

    For verbs that act on many rows in one transaction. What the block stored cannot be read back inside it. If the
    block raises, nothing is inserted: roll back. Under a savepoint of its own a row is inserted at once, so that it
    goes where the savepoint goes. A block within a block belongs to the outer one.
    """
    if _gathered.get() is not None:
        yield
        return
    gathered = _Gathered(_open_savepoints())
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
    for model, rows in gathered.rows.items():
        model._default_manager.bulk_create(rows)


def store(rows: Iterable[Model]) -> None:
    """Insert rows of a log, which nothing updates: now, or at the end of the `written_together` around this call."""
    gathered = _gathered.get()
    for model, kept in _by_table(rows).items():
        if gathered is not None and _open_savepoints() == gathered.savepoints:
            gathered.rows.setdefault(model, []).extend(kept)
        else:
            model._default_manager.bulk_create(kept)


def gathering() -> bool:
    """Whether rows that are stored now wait for the end of a block."""
    gathered = _gathered.get()
    return gathered is not None and _open_savepoints() == gathered.savepoints


def _open_savepoints() -> list[str]:
    return list(filter(None, connection.savepoint_ids))  # None: an inner block without a savepoint of its own


def _by_table(rows: Iterable[Model]) -> dict[type[Model], list[Model]]:
    tables: dict[type[Model], list[Model]] = {}
    for row in rows:
        tables.setdefault(type(row), []).append(row)
    return tables


def emit(company_id: UUID, kind: LiveEventType, payload: Mapping[str, Any]) -> None:
    """Add one event to the company's live feed. Screens hear it if and only if this transaction commits (DESIGN 6)."""
    if gathering():
        store([live_event(company_id, kind, payload)])
        return
    with connection.cursor() as cursor:
        cursor.execute(_EMIT, [company_id, kind.value, to_json(payload).decode(), utc_now()])


def live_event(company_id: UUID, kind: LiveEventType, payload: Mapping[str, Any]) -> LiveEvent:
    """The same, unsaved: verbs that write several collect them and insert them with one statement."""
    return LiveEvent(company_id=company_id, type=kind, payload=dict(payload))


def activity(
    actor: Actor,
    company_id: UUID,
    action: str,
    *,
    entity_type: str,
    entity_id: UUID | str,
    details: Mapping[str, Any] | None = None,
    issue_id: UUID | None = None,
    run_id: UUID | None = None,
) -> ActivityEvent:
    """One activity row, unsaved. `run_id` defaults to the run that the actor speaks for; `details` is JSON already."""
    return ActivityEvent(
        company_id=company_id,
        actor_type=actor.type,
        actor_id=actor.id,
        action=action,
        entity_type=entity_type,
        entity_id=str(entity_id),
        agent_id=actor.agent_id,
        run_id=run_id or actor.run_id,
        issue_id=issue_id or (UUID(str(entity_id)) if entity_type == "issue" else None),
        details=dict(details) if details is not None else None,
    )


def log_activity(*rows: ActivityEvent) -> None:
    """Insert activity rows and their `activity.logged` live events, together: two statements, however many rows."""
    with transaction.atomic(savepoint=False):
        store([*rows, *(live_event(row.company_id, LiveEventType.ACTIVITY_LOGGED, _announced(row)) for row in rows)])


def _announced(row: ActivityEvent) -> dict[str, Any]:
    return {
        "actorType": row.actor_type,
        "actorId": row.actor_id,
        "action": row.action,
        "entityType": row.entity_type,
        "entityId": row.entity_id,
        "agentId": str(row.agent_id) if row.agent_id else None,
        "runId": str(row.run_id) if row.run_id else None,
        "details": row.details,
    }
