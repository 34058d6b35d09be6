"""`GET …/explain`: what moves a thing forward, or what it waits for, and since when (spec/3 K.13)."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import agent_for
from agents.api.base import ActorView
from agents.api.describing import answers
from heartbeats.api.access import run_for
from heartbeats.models import HeartbeatRun
from issues.access import issue_for
from issues.models import Issue
from recovery.api.described import EXPLANATION
from recovery.explain.gather import explain_agent_now, explain_issue_now, explain_run_now


class ExplainIssue(ActorView):
    """One issue."""

    @answers(EXPLANATION)
    def get(self, request: Request, ref: str) -> Response:  # noqa: ARG002
        """The answer."""
        known = issue_for(self.actor, ref)
        issue = Issue.objects.select_related("assignee_agent", "assignee_user").get(pk=known.pk)
        return Response(explain_issue_now(issue, now=self.now).as_dict())


class ExplainRun(ActorView):
    """One run."""

    @answers(EXPLANATION)
    def get(self, request: Request, run_id: str) -> Response:  # noqa: ARG002
        """The answer."""
        known = run_for(self.actor, run_id)
        run = HeartbeatRun.objects.select_related("agent", "issue").get(pk=known.pk)
        return Response(explain_run_now(run, now=self.now).as_dict())


class ExplainAgent(ActorView):
    """One agent."""

    @answers(EXPLANATION)
    def get(self, request: Request, ref: str) -> Response:  # noqa: ARG002
        """The answer."""
        agent = agent_for(self.actor, ref, self.company_ref)
        return Response(explain_agent_now(agent, now=self.now).as_dict())
