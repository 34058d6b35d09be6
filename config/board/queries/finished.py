"""Runs that ended just now, and what they triggered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject

from config.board.queries.rows import agent_of, issue_of, seconds_between, task_of
from config.board.words.outcomes import outcome_words
from heartbeats.board.view_models import FinishedRow, FinishedSection
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus

SHOWN = 12
# The newest by creation are an index scan; the latest to end are among them unless a run outlives so many others.
AMONG = 200
OUTCOME_COLUMNS = (
    "status",
    "exit_code",
    "signal",
    "error_code",
    "error",
    "liveness_state",
    "started_at",
    "finished_at",
)
_COLUMNS = ("agent__name", "issue__identifier", "issue__title", "issue__status", "task_key", *OUTCOME_COLUMNS)
_FOLLOWED = {
    RunStatus.SCHEDULED_RETRY: "a retry is scheduled",
    RunStatus.QUEUED: "a retry is queued",
    RunStatus.RUNNING: "a retry is running",
}


def finished_section(company_id: UUID, *, limit: int = SHOWN) -> FinishedSection:
    """The latest to end. One statement."""
    ended = HeartbeatRun.objects.filter(company_id=company_id, status__in=RunStatus.TERMINAL)
    newest = ended.order_by("-created_at").values("pk")[: max(AMONG, limit)]
    retry = HeartbeatRun.objects.filter(retry_of_run=OuterRef("pk")).order_by("-created_at")
    followed = retry.values_list(JSONObject(status="status"))[:1]
    rows = HeartbeatRun.objects.filter(pk__in=newest).select_related("agent", "issue").only(*_COLUMNS)
    shown = rows.annotate(followed=Subquery(followed)).order_by("-finished_at")[:limit]
    return FinishedSection(tuple(map(_row, shown)))


def _row(run: Any) -> FinishedRow:  # noqa: ANN401 - an annotated HeartbeatRun
    return FinishedRow(
        run_id=run.pk,
        agent=agent_of(run),
        status=run.status,
        finished_at=run.finished_at,
        duration_seconds=seconds_between(run.started_at, run.finished_at),
        issue=issue_of(run),
        task=task_of(run),
        note=ending_of(run),
        followup=_FOLLOWED.get(run.followed["status"], "retried") if run.followed else "",
    )


def ending_of(run: HeartbeatRun) -> str:
    """How a run ended, in a few words."""
    return outcome_words(
        run.status,
        seconds=seconds_between(run.started_at, run.finished_at),
        exit_code=run.exit_code,
        signal=run.signal,
        error_code=run.error_code,
        error=run.error,
        liveness=run.liveness_state,
    )
