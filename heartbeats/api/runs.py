"""`/companies/:id/heartbeat-runs`, `/companies/:id/live-runs` and everything under `/heartbeat-runs/:id`."""

from __future__ import annotations

from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import company_for, company_id_for
from agents.api.base import ActorView
from agents.api.describing import answers
from agents.models import ActivityEvent
from agents.scrubbing import scrub
from config.common.wire.camel import OpaqueList, opaque
from config.common.wire.errors import NotFound
from config.common.wire.pages import MOST_ROWS, Cut, Page, list_response
from config.common.wire.views import UUID_FORM
from heartbeats.api import described
from heartbeats.api.access import run_for
from heartbeats.api.run_list import listed, newest_runs
from heartbeats.api.shapes import (
    LIVE_COLUMNS,
    EventsQuery,
    LiveRunsQuery,
    LogQuery,
    RunListQuery,
    single_run,
)
from heartbeats.api.silence import output_silence
from heartbeats.execution import logs, rundir
from heartbeats.models import HeartbeatRun
from heartbeats.runs.operating import cancel_run_for
from heartbeats.vocabulary import RunStatus
from issues.models import Issue

EXHAUSTED = "Bounded retry exhausted"
DEFAULT_LIMIT = 200


class CompanyRuns(ActorView):
    """The runs of a company."""

    @answers(described.RUN, query=RunListQuery, many=True)
    def get(self, request: Request, company_id: str) -> Response:
        """Newest first; all of them up to 1,000 without `limit`."""
        company = company_id_for(self.actor, company_id)
        query = self.query(RunListQuery)
        page = Page(_limit(query.get("limit")))
        rows = newest_runs(company, query.get("agent_id"), limit=page.limit + 1)
        return list_response(request, Cut(page, rows[: page.limit], more=len(rows) > page.limit), listed)


def _limit(text: str | None) -> int:
    if text is None:
        return MOST_ROWS
    return min(max(int(text), 1), MOST_ROWS) if text.isascii() and text.isdigit() and len(text) < 10 else DEFAULT_LIMIT


class CompanyLiveRuns(ActorView):
    """What runs and waits now."""

    @answers(described.LIVE_RUN, query=LiveRunsQuery, many=True)
    def get(self, _request: Request, company_id: str) -> Response:
        """Queued and running first; padded with the newest finished ones up to `minCount`."""
        company = company_for(self.actor, company_id)
        query = self.query(LiveRunsQuery)
        rows = HeartbeatRun.objects.filter(company=company)
        return Response(live_rows(rows, self, least=query["min_count"], most=query["limit"]))


def live_rows(rows: QuerySet[HeartbeatRun], view: ActorView, *, least: int = 0, most: int = 0) -> list[dict[str, Any]]:
    """Live rows of the set with their silence, padded up to `least`, at most `most` (0: 1,000)."""
    newest = rows.select_related("agent").order_by("-created_at", "-id")
    live = list(newest.filter(status__in=(RunStatus.QUEUED, RunStatus.RUNNING))[: most or MOST_ROWS])
    missing = min(least, most or least) - len(live)
    done = list(newest.filter(status__in=RunStatus.TERMINAL)[:missing]) if missing > 0 else []
    silences = output_silence([*live, *done], now=view.now)
    return OpaqueList([_live_row(run) | {"outputSilence": silences.get(run.id)} for run in chain(live, done)])


def _live_row(run: HeartbeatRun) -> dict[str, Any]:
    row = {name: getattr(run, column, None) for name, column in LIVE_COLUMNS}
    return row | {"agentName": run.agent.name}


class RunDetail(ActorView):
    """One run."""

    @answers(described.RUN_DETAIL)
    def get(self, _request: Request, run_id: str) -> Response:
        """The run with its silence and, where retries ran out, the sentence that says so."""
        run = run_for(self.actor, run_id)
        said = run.events.filter(event_type="lifecycle", message__startswith=EXHAUSTED).order_by("-seq")
        return Response(
            opaque(
                single_run(run)
                | {
                    "retryExhaustedReason": said.values_list("message", flat=True).first(),
                    "outputSilence": output_silence([run], now=self.now).get(run.id),
                }
            )
        )


class CancelRun(ActorView):
    """`POST /heartbeat-runs/:id/cancel`."""

    @answers(described.RUN_DETAIL)
    def post(self, _request: Request, run_id: str) -> Response:
        """Cancel a live run; a finished one is answered unchanged."""
        run = run_for(self.board_only(), run_id, write=True)
        cancel_run_for(self.actor, run.id, company_id=run.company_id, now=self.now)
        return Response(opaque(single_run(run_for(self.actor, run_id))))


class RunEvents(ActorView):
    """What happened to a run, in order."""

    @answers(described.EVENT, query=EventsQuery, many=True)
    def get(self, _request: Request, run_id: str) -> Response:
        """Events after `afterSeq`, oldest first; secrets in payloads are masked."""
        run = run_for(self.actor, run_id)
        query = self.query(EventsQuery)
        rows = run.events.filter(seq__gt=query["after_seq"]).order_by("seq")[: query["limit"]]
        return Response(OpaqueList([_event(event) for event in rows]))


def _event(event: Any) -> dict[str, Any]:  # noqa: ANN401 - a RunEvent
    return {
        "id": event.id,
        "companyId": event.company_id,
        "runId": event.run_id,
        "agentId": event.agent_id,
        "seq": event.seq,
        "eventType": event.event_type,
        "stream": event.stream,
        "level": event.level,
        "color": event.color,
        "message": event.message,
        "payload": scrub(event.payload) if event.payload is not None else None,
        "createdAt": event.created_at,
    }


def log_of(run: HeartbeatRun) -> rundir.RunDir:
    """Where this run's log is stored, if this host can see it; else 404."""
    stored = rundir.locate(settings.RUNS_DIR, run.log_ref) if run.log_ref else None
    if stored is None:
        raise NotFound("Run log not found")
    return stored


class RunLog(ActorView):
    """A page of a run's log."""

    @answers(described.LOG_PAGE, query=LogQuery)
    def get(self, _request: Request, run_id: str) -> Response:
        """Whole NDJSON lines from `offset`; `nextOffset` only when there is more."""
        run = run_for(self.actor, run_id)
        query = self.query(LogQuery)
        try:
            page = logs.read_log(log_of(run).log_path, query["offset"], query["limit_bytes"])
        except FileNotFoundError:
            raise NotFound("Run log not found") from None
        body: dict[str, Any] = {"runId": run.id, "store": run.log_store, "logRef": run.log_ref, "content": page.content}
        if page.next_offset is not None:
            body["nextOffset"] = page.next_offset
        body["endOffset"] = page.end_offset
        return Response(body, headers={"Cache-Control": "no-cache, no-store"})


class RunLogText(ActorView):
    """The whole log as plain text, for downloads."""

    @answers(described.TEXT, media="text/plain")
    def get(self, _request: Request, run_id: str) -> StreamingHttpResponse:
        """Streamed; never in memory."""
        run = run_for(self.actor, run_id)
        path = log_of(run).log_path
        if not path.exists():
            raise NotFound("Run log not found")
        answer = StreamingHttpResponse(logs.plain_text(path), content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="run-{run.id}.log"'
        return answer


class RunIssues(ActorView):
    """Which issues a run touched."""

    @answers(described.TOUCHED, many=True)
    def get(self, _request: Request, run_id: str) -> Response:
        """The issue it ran for first, then those in its activity; an unknown run has none."""
        run = HeartbeatRun.objects.filter(id=run_id).first() if UUID_FORM.fullmatch(run_id) else None
        if run is None or not self.actor.sees(run.company_id):
            return Response([])
        return Response(OpaqueList(_touched(run)))


def _touched(run: HeartbeatRun) -> list[dict[str, Any]]:
    named = Q(id=run.issue_id) | Q(id__in=_issues_in_activity(run))
    rows = Issue.objects.filter(named, company_id=run.company_id, hidden_at__isnull=True)
    found = [
        {
            "issueId": issue.id,
            "identifier": issue.identifier,
            "title": issue.title,
            "status": issue.status,
            "priority": issue.priority,
        }
        for issue in rows.order_by("number")
    ]
    return sorted(found, key=lambda row: row["issueId"] != run.issue_id)


def _issues_in_activity(run: HeartbeatRun) -> list[UUID]:
    rows = ActivityEvent.objects.filter(run=run, issue__isnull=False).values_list("issue_id", flat=True).distinct()
    return list(rows)


class RunWorkspaceOperations(ActorView):
    """What was done to a run's workspace."""

    @answers(described.OPERATION, many=True)
    def get(self, _request: Request, run_id: str) -> Response:
        """In order."""
        run = run_for(self.actor, run_id)
        return Response(list(run.workspace_operations.order_by("started_at").values(*described.OPERATION_COLUMNS)))
