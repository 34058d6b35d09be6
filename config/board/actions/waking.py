"""Waking an agent because a person asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework.exceptions import APIException

from agents.actors import Actor
from agents.journal import activity, log_activity
from agents.models import ActivityEvent, Agent
from config.board.callers import Caller
from config.board.words.reasons import not_started_words
from config.common.wire.errors import Conflict, NotFound
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import TriggerDetail, WakeupSource, WakeupStatus
from heartbeats.wakeups.request import AgentNotFound, WakeupAsk, WakeupConflict, WakeupOutcome, request_wakeup


def wake(caller: Caller, agent: Agent, *, issue_id: UUID | None = None, task_key: str | None = None) -> str:
    """Ask that the agent run now; a parked retry of the same work is called forward. Says what became of it.

    Who asked is logged in the same transaction (spec/1 I). Raises Conflict for what a gate refuses.
    """
    actor = caller.actor()
    work: dict[str, Any] = {"issueId": str(issue_id)} if issue_id else {"taskKey": task_key} if task_key else {}
    ask = WakeupAsk(
        agent_id=agent.pk,
        company_id=agent.company_id,
        source=WakeupSource.ON_DEMAND,
        trigger_detail=TriggerDetail.MANUAL,
        payload=work or None,
        context={"triggeredBy": "board", "actorId": actor.id, **work},
        requested_by=actor,
    )
    with transaction.atomic():
        outcome = _outcome(ask, caller.now)
        if isinstance(outcome, WakeupOutcome) and outcome.run_id is not None:
            log_activity(_invoked(actor, agent, outcome.run_id, issue_id))
    if isinstance(outcome, WakeupOutcome):
        return _said(agent, outcome)
    raise outcome


def _outcome(ask: WakeupAsk, now: datetime) -> WakeupOutcome | APIException:
    """What came of it. A refusal is returned, not raised: the row that it left must be committed."""
    try:
        return request_wakeup(ask, now=now)
    except WakeupConflict as refused:
        return Conflict(refused.message, details=refused.details)
    except AgentNotFound:
        return NotFound.of("Agent")


def _invoked(actor: Actor, agent: Agent, run_id: UUID, issue_id: UUID | None) -> ActivityEvent:
    return activity(
        actor,
        agent.company_id,
        "heartbeat.invoked",
        entity_type="heartbeat_run",
        entity_id=run_id,
        details={"agentId": str(agent.pk)},
        issue_id=issue_id,
        run_id=run_id,
    )


def _said(agent: Agent, outcome: WakeupOutcome) -> str:
    if outcome.status == WakeupStatus.SKIPPED:
        return f"{agent.name} was not woken. {not_started_words(outcome.reason, None)}"
    if outcome.status == WakeupStatus.DEFERRED:
        return f"{agent.name} is woken as soon as the live run of this issue is over."
    if outcome.status == WakeupStatus.COALESCED:
        return f"A run of {agent.name} was already on its way; it takes your request along."
    return f"{agent.name} is woken."


def wake_again(caller: Caller, run: HeartbeatRun) -> str:
    """Wake the run's agent for the same work."""
    return wake(caller, run.agent, issue_id=run.issue_id, task_key=run.task_key)
