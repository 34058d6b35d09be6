"""Waking an agent because a person asked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agents.journal import activity, log_activity
from agents.models import Agent
from config.board.callers import Caller
from config.board.words.reasons import not_started_words
from config.common.wire.errors import Conflict, NotFound
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import TriggerDetail, WakeupSource, WakeupStatus
from heartbeats.wakeups.request import AgentNotFound, WakeupAsk, WakeupConflict, WakeupOutcome, request_wakeup


def wake(caller: Caller, agent: Agent, *, issue_id: UUID | None = None, task_key: str | None = None) -> str:
    """Ask that the agent run now; a parked retry of the same work is called forward. Says what became of it."""
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
    try:
        outcome = request_wakeup(ask, now=caller.now)
    except WakeupConflict as refused:
        raise Conflict(refused.message, details=refused.details) from refused
    except AgentNotFound:
        raise NotFound.of("Agent") from None
    if outcome.run_id is not None:
        details = {"agentId": str(agent.pk)}
        log_activity(
            activity(
                actor,
                agent.company_id,
                "heartbeat.invoked",
                entity_type="heartbeat_run",
                entity_id=outcome.run_id,
                details=details,
                issue_id=issue_id,
                run_id=outcome.run_id,
            )
        )
    return _said(agent, outcome)


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
