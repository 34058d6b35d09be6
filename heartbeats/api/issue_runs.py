"""The runs of one issue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ActorView
from agents.api.describing import answers, or_null
from config.common.wire.camel import OpaqueList, camel, opaque
from config.common.wire.pages import MOST_ROWS
from heartbeats.api import described
from heartbeats.api.runs import EXHAUSTED, live_rows
from heartbeats.api.shapes import issue_run_row, single_run
from heartbeats.api.silence import output_silence
from heartbeats.models import EnvironmentLease, HeartbeatRun, RunEvent
from heartbeats.vocabulary import RunStatus
from issues.access import issue_for
from issues.models import Issue
from issues.vocabulary import IssueStatus

_NOT_HERE = ("issueId", "companyId")


class IssueLiveRuns(ActorView):
    """`GET /issues/:id/live-runs`."""

    @answers(described.LIVE_RUN, many=True)
    def get(self, _request: Request, ref: str) -> Response:
        """Queued and running ones."""
        issue = issue_for(self.actor, ref)
        rows = live_rows(HeartbeatRun.objects.filter(issue=issue, company_id=issue.company_id), self)
        return Response(OpaqueList([{k: v for k, v in row.items() if k not in _NOT_HERE} for row in rows]))


class IssueActiveRun(ActorView):
    """`GET /issues/:id/active-run`."""

    @answers(or_null(described.RUN_DETAIL))
    def get(self, _request: Request, ref: str) -> Response | HttpResponse:
        """The run that holds the execution lock, else the assignee's running run here, else null."""
        issue = issue_for(self.actor, ref)
        run = active_run(issue)
        if run is None:
            return HttpResponse(b"null", content_type="application/json")  # an empty body would be no answer
        silence = output_silence([run], now=self.now).get(run.id)
        facts = {"agentName": run.agent.name, "adapterType": run.adapter_type, "outputSilence": silence}
        return Response(opaque(single_run(run) | facts))


def active_run(issue: Issue) -> HeartbeatRun | None:
    """What works on the issue now (spec/4 3): the lock counts only while its run is queued or running, and is here."""
    here = HeartbeatRun.objects.select_related("agent").filter(issue=issue, company_id=issue.company_id)
    if issue.execution_run_id:
        locked = here.filter(id=issue.execution_run_id, status__in=(RunStatus.QUEUED, RunStatus.RUNNING)).first()
        if locked is not None:
            return locked
    if issue.status != IssueStatus.IN_PROGRESS or issue.assignee_agent_id is None:
        return None
    return here.filter(agent_id=issue.assignee_agent_id, status=RunStatus.RUNNING).order_by("-created_at").first()


class IssueRuns(ActorView):
    """`GET /issues/:id/runs`."""

    @answers(described.ISSUE_RUN, many=True)
    def get(self, _request: Request, ref: str) -> Response:
        """Every run of the issue, newest first."""
        issue = issue_for(self.actor, ref)
        rows = HeartbeatRun.objects.filter(issue=issue, company_id=issue.company_id).order_by("-created_at", "-id")
        runs = list(rows[:MOST_ROWS])
        leases, exhausted = leases_of(runs), exhausted_reasons(runs)
        more = {run.pk: {"environmentLease": leases.get(run.pk), **exhausted.get(run.pk, {})} for run in runs}
        return Response(OpaqueList([issue_run_row(run) | more[run.pk] for run in runs]))


def leases_of(runs: Sequence[HeartbeatRun]) -> dict[UUID, dict[str, Any]]:
    """The newest environment lease of each run that had one. One statement."""
    rows = EnvironmentLease.objects.filter(run__in=runs).order_by("run_id", "-acquired_at").distinct("run_id")
    return {row.run_id: {camel(name): getattr(row, name) for name in described.LEASE_COLUMNS} for row in rows}


def exhausted_reasons(runs: Sequence[HeartbeatRun]) -> dict[UUID, dict[str, str | None]]:
    """`retryExhaustedReason` of the runs whose bounded retries ran out. One statement."""
    said = RunEvent.objects.filter(run__in=runs, event_type="lifecycle", message__startswith=EXHAUSTED)
    rows = said.order_by("run_id", "-seq").distinct("run_id").values_list("run_id", "message")
    return {run_id: {"retryExhaustedReason": message} for run_id, message in rows}
