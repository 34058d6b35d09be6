"""`POST /agents/:id/wakeup` and `/heartbeat/invoke`: somebody asks that an agent run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import agent_for
from agents.actors import Actor
from agents.api.base import ActorView
from agents.api.describing import answers
from agents.api.idempotency import key_of
from agents.journal import activity, log_activity
from agents.models import ActivityEvent, Agent
from config.common.wire.camel import opaque
from config.common.wire.errors import Conflict, Forbidden, NotFound
from heartbeats.api.described import RUN_OR_SKIPPED
from heartbeats.api.shapes import WakeupBody, single_run
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus, TriggerDetail, WakeupSource
from heartbeats.wakeups.request import AgentNotFound, WakeupAsk, WakeupConflict, WakeupOutcome, request_wakeup
from issues.models import Issue

ONLY_ITSELF = "Agent can only invoke itself"
_SAID = {
    "issue_execution_deferred": "The issue has a live run; the wakeup waits for it.",
    "wakeup_skipped": "The wakeup was skipped.",
}


class WakeAgent(ActorView):
    """`POST /agents/:id/wakeup`."""

    @answers(RUN_OR_SKIPPED, body=WakeupBody, status=202)
    def post(self, _request: Request, ref: str) -> Response:
        """202 with the run, or with what became of the wakeup."""
        agent = invocable_agent(self, ref)
        fields = self.body(WakeupBody)
        payload = fields.get("payload") or None
        context: dict[str, Any] = {"triggeredBy": "agent" if self.actor.is_agent else "board", "actorId": self.actor.id}
        if fields.get("force_fresh_session"):
            context["forceFreshSession"] = True
        ask = WakeupAsk(
            agent_id=agent.id,
            company_id=agent.company_id,
            source=WakeupSource(fields["origin"]),
            trigger_detail=TriggerDetail(fields["trigger_detail"]),
            reason=fields.get("reason") or None,
            payload=payload,
            context=context,
            idempotency_key=fields.get("idempotency_key") or key_of(self.request),
            requested_by=self.actor,
        )
        outcome = ask_for(self, agent, ask)
        if outcome.run_id is None:
            return Response(_skipped(agent, payload, outcome), status=202)
        return Response(opaque(_run(agent, outcome.run_id)), status=202)


class InvokeAgent(ActorView):
    """`POST /agents/:id/heartbeat/invoke`: the body is ignored."""

    @answers(RUN_OR_SKIPPED, status=202)
    def post(self, _request: Request, ref: str) -> Response:
        """202 with the run, or `{"status": "skipped"}`."""
        agent = invocable_agent(self, ref)
        ask = WakeupAsk(
            agent_id=agent.id,
            company_id=agent.company_id,
            source=WakeupSource.ON_DEMAND,
            trigger_detail=TriggerDetail.MANUAL,
            context={"triggeredBy": "agent" if self.actor.is_agent else "board", "actorId": self.actor.id},
            idempotency_key=key_of(self.request),
            requested_by=self.actor,
        )
        outcome = ask_for(self, agent, ask)
        if outcome.run_id is None:
            return Response({"status": "skipped"}, status=202)
        return Response(opaque(_run(agent, outcome.run_id)), status=202)


def invocable_agent(view: ActorView, ref: str) -> Agent:
    """The agent, if the caller may start it: people who may write, and the agent itself."""
    agent = agent_for(view.actor, ref, view.company_ref, write=True)
    if view.actor.is_agent and view.actor.agent_id != agent.id:
        raise Forbidden(ONLY_ITSELF)
    return agent


def ask_for(view: ActorView, agent: Agent, ask: WakeupAsk) -> WakeupOutcome:
    """Request the wakeup and log who asked, in one transaction; conflicts become 409, a vanished agent 404."""
    with transaction.atomic(durable=True):
        outcome = _outcome(view, ask)
        if isinstance(outcome, WakeupOutcome) and outcome.run_id and not outcome.repeated:
            log_activity(_invoked(view.actor, agent, outcome.run_id))
    if isinstance(outcome, WakeupOutcome):
        return outcome
    raise outcome


def _outcome(view: ActorView, ask: WakeupAsk) -> WakeupOutcome | APIException:
    """What came of it. A refusal is returned, not raised: the row that it left must be committed."""
    try:
        return request_wakeup(ask, now=view.now)
    except WakeupConflict as refused:
        return Conflict(refused.message, details=refused.details)
    except AgentNotFound:
        return NotFound.of("Agent")


def _invoked(actor: Actor, agent: Agent, run_id: UUID) -> ActivityEvent:
    details = {"agentId": str(agent.id)}
    return activity(
        actor, agent.company_id, "heartbeat.invoked", entity_type="heartbeat_run", entity_id=run_id, details=details
    )


def _run(agent: Agent, run_id: UUID) -> dict[str, Any]:
    return single_run(HeartbeatRun.objects.get(id=run_id, company_id=agent.company_id))


def _skipped(agent: Agent, payload: Mapping[str, Any] | None, outcome: WakeupOutcome) -> dict[str, Any]:
    issue_id = str(payload.get("issueId") or "") if payload else ""
    issue = Issue.objects.filter(id=issue_id, company_id=agent.company_id).first() if len(issue_id) == 36 else None
    run = issue.execution_run if issue else None
    held = run is not None and run.status in (RunStatus.QUEUED, RunStatus.RUNNING)
    reason = "issue_execution_deferred" if held else "wakeup_skipped"
    return {
        "status": "skipped",
        "reason": reason,
        "message": f"{_SAID[reason]} ({outcome.reason})" if outcome.reason else _SAID[reason],
        "issueId": issue.id if issue else None,
        "executionRunId": run.id if run and held else None,
        "executionAgentId": run.agent_id if run and held else None,
        "executionAgentName": run.agent.name if run and held else None,
    }
