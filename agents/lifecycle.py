"""The life cycle of an agent: the only place that writes `Agent.status` and `Agent.presence`.

Every verb that stops an agent announces it in the same transaction: its runs are cancelled with it or not at all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from agents.access import locked_agent_for
from agents.actors import Actor
from agents.announcements import AgentStatusChanged, AgentStopped, agent_paused, agent_status, agent_terminated
from agents.journal import activity, emit, log_activity
from agents.models import Agent, AgentKey
from agents.policy_columns import timer_deadline
from agents.vocabulary import (
    INVOKABLE,
    NOT_INVOKABLE,
    AgentStatus,
    LiveEventType,
    PauseReason,
    Presence,
)
from config.common.clock import wire_time
from config.common.transitions import Transitions
from config.common.wire.errors import Conflict

PAUSE_TEXT = "Cancelled due to agent pause"
BUDGET_PAUSE_TEXT = "Cancelled due to budget pause"
TERMINATE_TEXT = "Cancelled because the agent was terminated"

STATUS = Transitions(
    {
        AgentStatus.ACTIVE: {"idle", "running", "error", "paused", "terminated"},
        AgentStatus.IDLE: {"active", "running", "error", "paused", "terminated"},
        AgentStatus.RUNNING: {"active", "idle", "error", "paused", "terminated"},
        AgentStatus.ERROR: {"active", "idle", "running", "paused", "terminated"},
        AgentStatus.PAUSED: {"idle", "terminated"},
        AgentStatus.PENDING_APPROVAL: {"idle", "terminated"},
        AgentStatus.TERMINATED: set(),
    }
)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def pause_agent(actor: Actor, ref: UUID | str, *, now: datetime, company_ref: str | None = None) -> Agent:
    """Pause by hand and cancel the agent's live runs. 409 for a terminated or pending agent. Locks the agent."""
    with transaction.atomic():
        agent = locked_agent_for(actor, ref, company_ref)
        if agent.status in {AgentStatus.TERMINATED, AgentStatus.PENDING_APPROVAL}:
            raise Conflict(f"Cannot pause {_words(agent.status)} agent")
        stop_by_pause(agent, PauseReason.MANUAL, PAUSE_TEXT, actor=actor, now=now)
        _log(actor, agent, "agent.paused")
    return agent


def stop_by_pause(agent: Agent, reason: PauseReason, text: str, *, actor: Actor, now: datetime) -> None:
    """Make a locked agent paused for `reason` and announce that its runs are to be cancelled with `text`.

    A paused agent stays paused and takes the new reason. Pending and terminated agents are left alone.
    """
    if mark_paused(agent, reason, now=now):
        agent_paused.tell(_stopped(agent, text, actor, now))


def mark_paused(agent: Agent, reason: PauseReason, *, now: datetime) -> bool:
    """The same without the announcement, for a caller that stops the agent's work itself. False: left alone."""
    if agent.status in {AgentStatus.TERMINATED, AgentStatus.PENDING_APPROVAL}:
        return False
    columns: dict[str, Any] = {"pause_reason": reason, "paused_at": now, "timer_due_at": None}
    if agent.status == AgentStatus.PAUSED:
        _write(agent, columns, now=now)
    else:
        _move(agent, AgentStatus.PAUSED, now=now, **columns)
    return True


def resume_agent(actor: Actor, ref: UUID | str, *, now: datetime, company_ref: str | None = None) -> Agent:
    """Lift a pause: idle again, waking nothing. 409 for terminated and pending agents. Locks the agent."""
    with transaction.atomic():
        agent = locked_agent_for(actor, ref, company_ref)
        if agent.status in {AgentStatus.TERMINATED, AgentStatus.PENDING_APPROVAL}:
            raise Conflict(f"Cannot resume {_words(agent.status)} agent")
        lift_pause(agent, now=now)
        _log(actor, agent, "agent.resumed")
    return agent


def lift_pause(agent: Agent, *, now: datetime) -> bool:
    """Make a locked, paused agent idle; True if it was paused."""
    if agent.status != AgentStatus.PAUSED:
        return False
    return _move(agent, AgentStatus.IDLE, now=now, pause_reason=None, paused_at=None, **_timer(agent, AgentStatus.IDLE))


def approve_agent(actor: Actor, ref: UUID | str, *, now: datetime, company_ref: str | None = None) -> Agent:
    """Admit an agent that waits for approval: idle. 409 for any other. Locks the agent."""
    with transaction.atomic():
        agent = locked_agent_for(actor, ref, company_ref)
        if not admit(agent, actor=actor, now=now):
            raise Conflict("Only pending approval agents can be approved")
    return agent


def admit(agent: Agent, *, actor: Actor, now: datetime) -> bool:
    """Make a locked, pending agent idle, logged; True if it was pending."""
    if agent.status != AgentStatus.PENDING_APPROVAL:
        return False
    _move(agent, AgentStatus.IDLE, now=now, **_timer(agent, AgentStatus.IDLE))
    _log(actor, agent, "agent.approved")
    return True


def terminate_agent(actor: Actor, ref: UUID | str, *, now: datetime, company_ref: str | None = None) -> Agent:
    """End an agent for good: keys revoked, live runs cancelled. Repeating changes nothing. Locks the agent."""
    with transaction.atomic():
        agent = locked_agent_for(actor, ref, company_ref)
        end(agent, actor=actor, now=now)
    return agent


def end(agent: Agent, *, actor: Actor, now: datetime) -> bool:
    """Terminate a locked agent, logged and announced; False if it was terminated already."""
    if agent.status == AgentStatus.TERMINATED:
        return False
    _move(agent, AgentStatus.TERMINATED, now=now, pause_reason=None, paused_at=None, timer_due_at=None)
    AgentKey.objects.filter(agent=agent, revoked_at__isnull=True).update(revoked_at=now, updated_at=now)
    agent_terminated.tell(_stopped(agent, TERMINATE_TEXT, actor, now))
    _log(actor, agent, "agent.terminated")
    return True


def note_run_started(agent: Agent, *, now: datetime) -> bool:
    """A run of a locked, invokable agent began: status `running`; True if the status moved."""
    if agent.status in NOT_INVOKABLE or agent.status == AgentStatus.RUNNING:
        return False
    return _move(agent, AgentStatus.RUNNING, now=now)


def settle_after_run(agent: Agent, *, outcome: str, still_running: bool, now: datetime) -> bool:
    """What a locked agent is after a run of it ended (spec/2 E 8); True if its status moved.

    Others still running: `running`; succeeded or cancelled: `idle`; else `error`. Paused, pending and terminated stay.
    `last_heartbeat_at` and the timer move in every case, and the status is announced with the outcome.
    """
    agent.last_heartbeat_at = now
    columns: dict[str, Any] = {"last_heartbeat_at": now, **_timer(agent, agent.status)}
    after = _rest_status(outcome, still_running=still_running)
    if agent.status in NOT_INVOKABLE or agent.status == after:
        _write(agent, columns, now=now)
        _announce(agent, outcome=outcome)
        return False
    return _move(agent, after, now=now, outcome=outcome, **columns)


def change_presence(
    agent: Agent, presence: Presence, *, reason: str, still_running: bool, actor: Actor, now: datetime
) -> bool:
    """Move a locked agent's presence (spec/1 A); False, and nothing written, when it is that already.

    `error` makes an invokable agent's status `error`; leaving `error` makes that `running` or `idle` again.
    """
    before = Presence(agent.presence)
    if before == presence:
        return False
    columns: dict[str, Any] = {"presence": presence, "presence_changed_at": now}
    after = _status_for_presence(agent, before, presence, still_running=still_running)
    if after == agent.status:
        _write(agent, columns, now=now)
        _announce(agent)
    else:
        _move(agent, after, now=now, **columns)
    details = {"from": before, "to": presence, "reason": reason}
    _log(actor, agent, "agent.presence_changed", details)
    log.info("agent_presence_changed", agent_id=str(agent.id), company_id=str(agent.company_id), **details)
    return True


def set_status(agent: Agent, status: AgentStatus, *, actor: Actor, now: datetime) -> None:
    """What an operator's PATCH of `status` means for a locked agent: the verb of that name. 409 when it cannot be."""
    if agent.status == status:
        return
    if status == AgentStatus.PAUSED and agent.status in INVOKABLE:
        stop_by_pause(agent, PauseReason.MANUAL, PAUSE_TEXT, actor=actor, now=now)
    elif status == AgentStatus.TERMINATED:
        end(agent, actor=actor, now=now)
    elif agent.status == AgentStatus.PAUSED and status in {AgentStatus.IDLE, AgentStatus.ACTIVE}:
        lift_pause(agent, now=now)
    elif STATUS.allows(agent.status, status) and agent.status in INVOKABLE:
        _move(agent, status, now=now)
    else:
        raise Conflict(f"Cannot make {_words(agent.status)} agent {_words(status)}")


def _rest_status(outcome: str, *, still_running: bool) -> AgentStatus:
    if still_running:
        return AgentStatus.RUNNING
    return AgentStatus.IDLE if outcome in {"succeeded", "cancelled"} else AgentStatus.ERROR


def _status_for_presence(agent: Agent, before: Presence, after: Presence, *, still_running: bool) -> AgentStatus:
    status = AgentStatus(agent.status)
    if status in NOT_INVOKABLE:
        return status
    if after == Presence.ERROR:
        return AgentStatus.ERROR
    if before == Presence.ERROR:
        return AgentStatus.RUNNING if still_running else AgentStatus.IDLE
    return status


def _timer(agent: Agent, status: str) -> dict[str, Any]:
    due = timer_deadline(
        enabled=agent.heartbeat_enabled,
        interval_sec=agent.interval_sec,
        status=status,
        created_at=agent.created_at,
        last_heartbeat_at=agent.last_heartbeat_at,
    )
    return {"timer_due_at": due}


def _move(agent: Agent, to: AgentStatus, *, now: datetime, outcome: str | None = None, **columns: Any) -> bool:  # noqa: ANN401
    before = AgentStatus(agent.status)
    won = STATUS.move(Agent.objects.filter(id=agent.id), to=to, expected={before}, updated_at=now, **columns)
    if not won:
        return False
    for name, value in {"status": to, "updated_at": now, **columns}.items():
        setattr(agent, name, value)
    _announce(agent, outcome=outcome)
    agent_status.tell(
        AgentStatusChanged(company_id=agent.company_id, agent_id=agent.id, before=before, after=to, now=now)
    )
    return True


def _write(agent: Agent, columns: dict[str, Any], *, now: datetime) -> None:
    Agent.objects.filter(id=agent.id).update(updated_at=now, **columns)
    for name, value in {"updated_at": now, **columns}.items():
        setattr(agent, name, value)


def _announce(agent: Agent, *, outcome: str | None = None) -> None:
    payload: dict[str, Any] = {"agentId": str(agent.id), "status": agent.status, "presence": agent.presence}
    payload["lastHeartbeatAt"] = wire_time(agent.last_heartbeat_at) if agent.last_heartbeat_at else None
    if outcome is not None:
        payload["outcome"] = outcome
    emit(agent.company_id, LiveEventType.AGENT_STATUS, payload)


def _stopped(agent: Agent, text: str, actor: Actor, now: datetime) -> AgentStopped:
    return AgentStopped(
        company_id=agent.company_id,
        agent_id=agent.id,
        status=AgentStatus(agent.status),
        reason=text,
        actor=actor,
        now=now,
    )


def _log(actor: Actor, agent: Agent, action: str, details: dict[str, Any] | None = None) -> None:
    log_activity(activity(actor, agent.company_id, action, entity_type="agent", entity_id=agent.id, details=details))


def _words(status: str) -> str:
    return status.replace("_", " ")
