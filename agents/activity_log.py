"""Activity that happened elsewhere and is recorded by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.journal import log_activity
from agents.models import ActivityEvent, Agent
from agents.scrubbing import scrub_object
from agents.vocabulary import ActorType
from config.common.wire.errors import Unprocessable


def record_activity(company_id: UUID, fields: Mapping[str, Any]) -> ActivityEvent:
    """Store one activity row and announce it. Secrets in `details` are scrubbed; 422 for another company's agent."""
    agent_id, details = fields.get("agent_id"), fields.get("details")
    if agent_id is not None and not Agent.objects.filter(id=agent_id, company_id=company_id).exists():
        raise Unprocessable("agentId must be an agent of the same company")
    row = ActivityEvent(
        company_id=company_id,
        actor_type=fields.get("actor_type") or ActorType.SYSTEM,
        actor_id=fields["actor_id"],
        action=fields["action"],
        entity_type=fields["entity_type"],
        entity_id=fields["entity_id"],
        agent_id=agent_id,
        details=scrub_object(details) if details is not None else None,
    )
    with transaction.atomic():
        log_activity(row)
    return row
