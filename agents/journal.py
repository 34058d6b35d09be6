"""Writing the two logs. Both verbs insert rows in the caller's transaction and send nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from agents.models import ActivityEvent, LiveEvent
from agents.vocabulary import LiveEventType


def emit(company_id: UUID, kind: LiveEventType, payload: Mapping[str, Any]) -> LiveEvent:
    """Add one event to the company's live feed. Screens hear it if and only if this transaction commits (DESIGN 6)."""
    return LiveEvent.objects.create(company_id=company_id, type=kind, payload=dict(payload))


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
        ActivityEvent.objects.bulk_create(rows)
        LiveEvent.objects.bulk_create(
            live_event(row.company_id, LiveEventType.ACTIVITY_LOGGED, _announced(row)) for row in rows
        )


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
