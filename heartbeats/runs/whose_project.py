"""The project that a run works for: its issue's, else the one that its wake names (spec/2 K: through run or issue)."""

from __future__ import annotations

from uuid import UUID

from heartbeats.models import HeartbeatRun
from heartbeats.wakeups.incoming import uuid_of
from issues.models import Issue, Project


def named_project(run: HeartbeatRun, issue: Issue | None) -> UUID | None:
    """What the wake names where no issue says it; not yet known to be the company's. No statement."""
    if issue is not None and issue.project_id is not None:
        return None
    return uuid_of(run.context.get("projectId"))


def project_of(run: HeartbeatRun, issue: Issue | None) -> UUID | None:
    """The project that the run's cost is booked on. No statement, unless only the wake names one."""
    if issue is not None and issue.project_id is not None:
        return issue.project_id
    named = named_project(run, issue)
    ours = named is not None and Project.objects.filter(pk=named, company_id=run.company_id).exists()
    return named if ours else None


def live_runs_by_name(project_id: UUID, company_id: UUID) -> list[UUID]:
    """The company's live runs that work for the project because their wake names it. One statement."""
    unsaid = HeartbeatRun.objects.live().filter(company_id=company_id, issue__project__isnull=True)
    return [run_id for run_id, context in unsaid.values_list("pk", "context") if _names(context, project_id)]


def _names(context: dict[str, object], project_id: UUID) -> bool:
    return uuid_of(context.get("projectId")) == project_id
