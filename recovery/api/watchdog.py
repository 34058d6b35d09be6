"""`/heartbeat-runs/:id/watchdog-decisions` (spec/4 section 3)."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ActorView
from agents.api.describing import answers
from heartbeats.api.access import run_for
from recovery.api.described import DECISION
from recovery.api.shapes import DecisionBody, decision_shape
from recovery.silence.decisions import Verdict, decide_about
from recovery.vocabulary import WatchdogDecisionKind


class WatchdogDecisions(ActorView):
    """What people, or the agent of the evaluation issue, say about a silent run."""

    @answers(DECISION, body=DecisionBody, status=201)
    def post(self, request: Request, run_id: str) -> Response:  # noqa: ARG002
        """Record one."""
        run = run_for(self.actor, run_id)
        body = self.body(DecisionBody)
        verdict = Verdict(
            kind=WatchdogDecisionKind(body["decision"]),
            until=body.get("snoozed_until"),
            reason=body.get("reason"),
            evaluation_issue_id=body.get("evaluation_issue_id"),
        )
        return self.once(
            run.company_id,
            lambda: Response(decision_shape(decide_about(self.actor, run, verdict, now=self.now)), status=201),
        )
