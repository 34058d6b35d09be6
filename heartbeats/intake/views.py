"""`/api/v1/agent`: heartbeats and errors."""

from __future__ import annotations

import random
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.authentication import Credential, bearer_of
from agents.api.idempotency import HEADER, MOST_CHARACTERS, answer_once
from config.common.clock import utc_now
from config.common.wire.views import AgentWireView
from heartbeats.intake.authentication import StrictAgentAuthentication, admit_for_heartbeat_recovery
from heartbeats.intake.error_reports import Caller, take_error
from heartbeats.intake.heartbeat import Heard, HeartbeatReport, hear
from heartbeats.intake.pacing import next_pause, strain_now
from heartbeats.intake.shapes import (
    AcknowledgedShape,
    ErrorBody,
    HeartbeatAnswer,
    HeartbeatBody,
    RefusalEnvelope,
    error_of,
    heartbeat_of,
)

REFUSALS: dict[int, type[RefusalEnvelope]] = dict.fromkeys((400, 401, 413, 415, 429, 500, 503), RefusalEnvelope)
CONFLICTS: dict[int, type[RefusalEnvelope]] = {**REFUSALS, 409: RefusalEnvelope}
TASK_REFUSALS: dict[int, type[RefusalEnvelope]] = {**CONFLICTS, 404: RefusalEnvelope}
RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    {"type": "integer", "minimum": 1},
    OpenApiParameter.HEADER,
    response=[429, 503],
    description="Seconds to wait before the next try. 429: this key calls too often.",
)
# Spread only, nothing secret.
_draw = random.SystemRandom().random


class StrictView(AgentWireView):
    """An endpoint that an agent in presence `error` may not use."""

    authentication_classes = (StrictAgentAuthentication,)
    permission_classes = ()

    @cached_property
    def now(self) -> datetime:
        """The time of this request."""
        return utc_now()

    @property
    def caller(self) -> Caller:
        """The agent that calls."""
        agent = self.credential.agent
        assert agent is not None, "strict authentication admits agents only"
        return Caller(agent.id, agent.company_id)

    @property
    def credential(self) -> Credential:
        """What proved the caller."""
        proof: object = self.request.auth
        assert isinstance(proof, Credential)
        return proof


class HeartbeatView(AgentWireView):
    """How an agent is. The one endpoint that also admits an agent in presence `error`.

    The framework authenticates nothing here: the transaction of the heartbeat does, in the statement that locks the
    agent. A body that is wrong is told so only to somebody who is known.
    """

    failure_code = "HEARTBEAT_ERROR"
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="heartbeat",
        tags=["agent"],
        parameters=[RETRY_AFTER],
        auth=[{"agentKey": []}],  # type: ignore[list-item]
        request=HeartbeatBody,
        responses={200: HeartbeatAnswer, **REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """Report status, and be told what is new."""
        token, now = bearer_of(request), utc_now()
        report = self._report(token, now)
        return Response(answer_of(hear(token, report, now=now)))

    def _report(self, token: str | None, now: datetime) -> HeartbeatReport:
        try:
            return heartbeat_of(self.body(HeartbeatBody))
        except Exception:
            with transaction.atomic():
                admit_for_heartbeat_recovery(token, now=now)
            raise


class ErrorsView(StrictView):
    """Errors that are only recorded."""

    failure_code = "ERROR_INGEST_ERROR"

    @extend_schema(
        operation_id="reportError",
        tags=["agent"],
        request=ErrorBody,
        parameters=[
            RETRY_AFTER,
            OpenApiParameter(
                HEADER,
                {"type": "string", "maxLength": MOST_CHARACTERS},
                OpenApiParameter.HEADER,
                description="A repeat with the same key and body is answered and recorded once.",
            ),
        ],
        responses={200: AcknowledgedShape, **CONFLICTS},
    )
    def post(self, request: Request) -> Response:
        """Record an error."""
        body = self.body(ErrorBody)

        def work() -> Response:
            take_error(self.caller, error_of(body), task_id=body.get("task_id"), now=self.now)
            return Response({"acknowledged": True})

        return answer_once(request, self.caller.company_id, work)


def answer_of(heard: Heard) -> dict[str, Any]:
    """The answer to a heartbeat, with the optional parts only where they say something."""
    base = settings.TIMINGS.renew_every
    answer: dict[str, Any] = {
        "acknowledged": True,
        "next_heartbeat_sec": next_pause(base, draw=_draw(), strain=strain_now()),
    }
    if heard.critical_waits:
        answer["has_high_priority_tasks"] = True
    if heard.stop_task_ids:
        answer["stop_task_ids"] = heard.stop_task_ids
    if heard.failed is not None:
        answer["failed_tasks"] = {"attempted": len(heard.failed.run_ids), "failed": heard.failed.failed}
    return answer
