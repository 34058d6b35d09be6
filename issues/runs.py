"""The little that issues know of runs. Their table is a higher app's: it is reached as the foreign keys reach it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from issues.models import Issue

RUNNING = "running"
BULKY = ("context", "result", "usage", "progress", "stdout_excerpt", "stderr_excerpt", "error")


def runs(company_id: UUID) -> QuerySet[Any]:
    """The runs of a company."""
    model: Any = Issue._meta.get_field("execution_run").related_model
    rows: QuerySet[Any] = model._default_manager.filter(company_id=company_id)
    return rows


def lives(run: Any) -> bool:  # noqa: ANN401 - a row of a higher app
    """Whether there is a run and it is not over: terminal runs, and only those, have `finished_at`."""
    return run is not None and run.finished_at is None


def running_run_id(issue: Issue) -> UUID | None:
    """The run that works on the issue at this moment; queued and parked ones do not."""
    found: UUID | None = (
        runs(issue.company_id).filter(issue_id=issue.pk, status=RUNNING).values_list("id", flat=True).first()
    )
    return found


def any_executes(company_id: UUID, issue_ids: Collection[UUID]) -> bool:
    """Whether a run executes on one of these issues, or its process is being stopped still."""
    executing = Q(status=RUNNING) | Q(process_stopping=True)
    return bool(issue_ids) and runs(company_id).filter(executing, issue_id__in=issue_ids).exists()


def live_runs_of(company_id: UUID, issue_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """The live run of each issue that has one (there is at most one): one statement, none for no issue."""
    if not issue_ids:
        return {}
    columns = ("id", "issue_id", "status", "agent_id", "invocation_source", "trigger_detail")
    times = ("started_at", "finished_at", "created_at")
    rows = runs(company_id).filter(issue_id__in=issue_ids, finished_at__isnull=True)
    return {row.pop("issue_id"): row for row in rows.values(*columns, *times)}


def last_life(run: Any) -> datetime:  # noqa: ANN401
    """When a run last showed life: its output, its start, or else its creation."""
    moment: datetime = run.last_output_at or run.started_at or run.created_at
    return moment
