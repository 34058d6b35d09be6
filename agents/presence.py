"""What an operator does about presence (spec/1 I)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.apps import apps
from django.db import transaction

from agents.access import locked_agent_for
from agents.actors import Actor
from agents.lifecycle import change_presence
from agents.vocabulary import Presence

OPERATOR = "operator"


def clear_agent_error(actor: Actor, agent_id: UUID, *, presence: Presence, now: datetime) -> bool:
    """Set the presence of an agent whose last word was an error, audited in the same transaction.

    False, and nothing written, when it is in `error` no more. Locks the agent. 404 for an unknown agent, 403 for one
    that this actor may not change.
    """
    with transaction.atomic():
        agent = locked_agent_for(actor, agent_id)
        if agent.presence != Presence.ERROR:
            return False
        runs = apps.get_model("heartbeats", "HeartbeatRun")._default_manager  # of a higher app, so asked for by name
        running = runs.filter(agent_id=agent.pk, status="running").exists()
        return change_presence(agent, presence, reason=OPERATOR, still_running=running, actor=actor, now=now)
