"""What operators do to an agent, and its keys (spec/4 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from agents import lifecycle
from agents.access import agent_for
from agents.api.base import ActorView
from agents.api.describing import OBJECT, OBJECTS, OK, answers
from agents.api.shapes.agents import AgentShape, KeyShape, NewKeyBody, issued_key
from agents.keys import agent_keys, issue_agent_key, revoke_agent_key
from agents.models import Agent
from agents.vocabulary import NOT_INVOKABLE
from config.common.clock import wire_time


class AgentVerb(ActorView):
    """One verb on one agent; the body is ignored."""

    verb: ClassVar[Callable[..., Agent]]

    @answers(AgentShape)
    def post(self, _request: Request, ref: str) -> Response:
        """Do it and answer with the agent."""
        agent = type(self).verb(self.board_only(), ref, now=self.now, company_ref=self.company_ref)
        return Response(AgentShape(agent).data)


class PauseAgent(AgentVerb):
    """`POST /agents/:id/pause`."""

    verb = staticmethod(lifecycle.pause_agent)


class ResumeAgent(AgentVerb):
    """`POST /agents/:id/resume`."""

    verb = staticmethod(lifecycle.resume_agent)


class ApproveAgent(AgentVerb):
    """`POST /agents/:id/approve`."""

    verb = staticmethod(lifecycle.approve_agent)


class TerminateAgent(AgentVerb):
    """`POST /agents/:id/terminate`."""

    verb = staticmethod(lifecycle.terminate_agent)


class AgentKeys(ActorView):
    """The keys of an agent."""

    @answers(KeyShape, many=True)
    def get(self, _request: Request, ref: str) -> Response:
        """Newest first, without their tokens."""
        return Response(KeyShape(agent_keys(self.board_only(), ref, company_ref=self.company_ref), many=True).data)

    @answers(OBJECT, body=NewKeyBody, status=201)
    def post(self, _request: Request, ref: str) -> Response:
        """Make one; its token is shown this once."""
        agent = agent_for(self.board_only(), ref, self.company_ref, write=True)
        name = self.body(NewKeyBody)["name"]

        def issue() -> Response:
            issued = issue_agent_key(self.actor, agent.id, name)
            return Response(issued_key(issued.key, issued.token), status=201)

        return self.once(agent.company_id, issue, secret=True)


class AgentKeyDetail(ActorView):
    """One key."""

    @answers(OK)
    def delete(self, _request: Request, ref: str, key: str) -> Response:
        """Revoke it."""
        revoke_agent_key(self.board_only(), ref, key, now=self.now, company_ref=self.company_ref)
        return Response({"ok": True})


class SchedulerHeartbeats(ActorView):
    """`GET /instance/scheduler-heartbeats`: whose timer the clock watches."""

    @answers(OBJECTS)
    def get(self, _request: Request) -> Response:
        """Every agent that has a timer or a heartbeat; those that the clock may wake come first."""
        self.admin_only()
        rows = Agent.objects.select_related("company").order_by("company__name", "name")[:1000]
        listed = [_scheduler_row(agent) for agent in rows]
        return Response(sorted(listed, key=lambda row: not row["schedulerActive"]))


def _scheduler_row(agent: Agent) -> dict[str, object]:
    active = agent.heartbeat_enabled and agent.interval_sec > 0 and agent.status not in NOT_INVOKABLE
    return {
        "id": agent.id,
        "companyId": agent.company_id,
        "companyName": agent.company.name,
        "companyIssuePrefix": agent.company.issue_prefix,
        "agentName": agent.name,
        "agentUrlKey": agent.url_key,
        "role": agent.role,
        "title": agent.title,
        "status": agent.status,
        "adapterType": agent.adapter_type,
        "intervalSec": agent.interval_sec,
        "heartbeatEnabled": agent.heartbeat_enabled,
        "schedulerActive": active,
        "lastHeartbeatAt": wire_time(agent.last_heartbeat_at) if agent.last_heartbeat_at else None,
    }
