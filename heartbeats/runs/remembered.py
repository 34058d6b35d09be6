"""What an agent remembers between runs, and how an operator makes it forget (spec/4 section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from agents.actors import Actor
from agents.journal import activity, log_activity
from agents.models import Agent
from heartbeats.models import RuntimeState, TaskSession


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many task sessions were removed."""

    state: RuntimeState
    cleared: int


def state_of(agent: Agent) -> RuntimeState:
    """The agent's runtime state; an unsaved empty one before its first run."""
    return RuntimeState.objects.filter(agent=agent).first() or RuntimeState(
        company_id=agent.company_id, agent=agent, adapter_type=agent.adapter_type
    )


@transaction.atomic(durable=True)
def reset_sessions(actor: Actor, agent: Agent, *, task_key: str | None, now: datetime) -> Forgotten:
    """Forget the session of one task (for the current adapter), or, without a key, all sessions and the state."""
    Agent.objects.select_for_update(no_key=True).get(id=agent.id)
    sessions = TaskSession.objects.filter(agent=agent, company_id=agent.company_id)
    if task_key is not None:
        sessions = sessions.filter(adapter_type=agent.adapter_type, task_key=task_key)
    cleared, _ = sessions.delete()
    columns: dict[str, object] = {"session_id": None, "updated_at": now}
    if task_key is None:
        columns |= {"state": {}, "last_error": None}
    RuntimeState.objects.filter(agent=agent).update(**columns)
    details = {"taskKey": task_key, "clearedTaskSessions": cleared}
    log_activity(
        activity(
            actor,
            agent.company_id,
            "agent.runtime_session_reset",
            entity_type="agent",
            entity_id=agent.id,
            details=details,
        )
    )
    return Forgotten(state_of(agent), cleared)
