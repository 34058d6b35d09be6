"""`/agents/:id/runtime-state` and `/agents/:id/task-sessions`."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import agent_for, require_configuration
from agents.api.base import ActorView
from agents.api.describing import answers
from agents.models import Agent
from agents.redaction import redacted
from config.common.wire.camel import opaque
from config.common.wire.pages import MOST_ROWS, Page, list_response
from heartbeats.api.described import RUNTIME_STATE, TASK_SESSION
from heartbeats.api.shapes import ResetSessionBody
from heartbeats.models import RuntimeState, TaskSession
from heartbeats.runs.remembered import reset_sessions, state_of


class AgentRuntimeState(ActorView):
    """`GET /agents/:id/runtime-state`."""

    @answers(RUNTIME_STATE)
    def get(self, _request: Request, ref: str) -> Response:
        """Totals, and the session that was used last."""
        agent = agent_for(self.board_only(), ref, self.company_ref)
        session = TaskSession.objects.filter(agent=agent).order_by("-updated_at").first()
        return Response(_state(state_of(agent), session))


class ResetSession(ActorView):
    """`POST /agents/:id/runtime-state/reset-session`."""

    @answers(RUNTIME_STATE, body=ResetSessionBody)
    def post(self, _request: Request, ref: str) -> Response:
        """Forget one task's session, or all."""
        agent = agent_for(self.board_only(), ref, self.company_ref, write=True)
        require_configuration(self.actor, agent)
        done = reset_sessions(self.actor, agent, task_key=self.body(ResetSessionBody).get("task_key"), now=self.now)
        return Response(_state(done.state, None) | {"sessionId": None, "clearedTaskSessions": done.cleared})


class AgentTaskSessions(ActorView):
    """`GET /agents/:id/task-sessions`."""

    @answers(TASK_SESSION, many=True)
    def get(self, request: Request, ref: str) -> Response:
        """Newest first; secrets in session parameters are masked."""
        agent: Agent = agent_for(self.board_only(), ref, self.company_ref)
        rows = TaskSession.objects.filter(agent=agent).order_by("-updated_at")
        return list_response(request, Page(MOST_ROWS).cut(rows), lambda found: [_session(row) for row in found])


def _session(row: TaskSession) -> dict[str, Any]:
    return {
        "id": row.id,
        "company_id": row.company_id,
        "agent_id": row.agent_id,
        "adapter_type": row.adapter_type,
        "task_key": row.task_key,
        "session_params_json": opaque(redacted(row.session_params)),
        "session_display_id": row.session_display_id,
        "last_run_id": row.last_run_id,
        "last_error": row.last_error,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _state(state: RuntimeState, session: TaskSession | None) -> dict[str, Any]:
    return {
        "agent_id": state.agent_id,
        "company_id": state.company_id,
        "adapter_type": state.adapter_type,
        "session_id": state.session_id,
        "state_json": opaque(redacted(state.state)),
        "last_run_id": state.last_run_id,
        "last_run_status": state.last_run_status,
        "total_input_tokens": state.total_input_tokens,
        "total_output_tokens": state.total_output_tokens,
        "total_cached_input_tokens": state.total_cached_input_tokens,
        "total_cost_cents": state.total_cost_cents,
        "last_error": state.last_error,
        "created_at": state.created_at,
        "updated_at": state.updated_at,
        "session_display_id": session.session_display_id if session else None,
        "session_params_json": opaque(redacted(session.session_params)) if session else None,
    }
