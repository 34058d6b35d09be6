"""The rows about workspaces: an issue's own worktree, and what was done to folders for a run."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction

from heartbeats.execution.adapters.started import PLACE_NAME, read_object
from heartbeats.execution.rundir import RunDir
from heartbeats.execution.workspaces import OwnTree
from heartbeats.models import ExecutionWorkspace, WorkspaceOperation
from heartbeats.models.environment import WorkspaceStatus
from heartbeats.readings import list_of, number_of, object_of, text_of
from heartbeats.runs.bounds import storable
from issues.models import Issue

GIT_WORKTREE = "git_worktree"
_MOST_OPERATIONS = 50

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def own_tree(issue: Issue, *, branch: str, base_ref: str | None, repo_url: str | None, now: datetime) -> OwnTree:
    """The worktree of an issue on this host: the one that it has or had, else a new row for the one that git will make.

    One that was closed is opened again, on its old branch. Three statements at most. Two runs of one issue never start
    at once, and the folder is the issue's alone.
    """
    named = {"company_id": issue.company_id, "source_issue_id": issue.pk, "host": settings.HOST_ID}
    path = str(_trees(issue.company_id) / f"{issue.identifier.lower()}-{issue.pk}")
    rows = ExecutionWorkspace.objects.filter(**named, strategy=GIT_WORKTREE)
    row = rows.order_by("status", "-created_at").first()
    if row is None:
        row = ExecutionWorkspace.objects.create(
            **named,
            project_id=issue.project_id,
            strategy=GIT_WORKTREE,
            name=branch[:200],
            cwd=path,
            repo_url=repo_url,
            base_ref=base_ref,
            branch_name=branch,
            last_used_at=now,
        )
    else:
        rows.filter(pk=row.pk).update(status=WorkspaceStatus.ACTIVE, closed_at=None, last_used_at=now, updated_at=now)
    if issue.execution_workspace_id != row.pk:
        Issue.objects.filter(pk=issue.pk, company_id=issue.company_id).update(execution_workspace_id=row.pk)
    return OwnTree(path, row.branch_name or branch, row.base_ref, str(row.pk), row.cwd)


def tree_of(row: ExecutionWorkspace) -> str | None:
    """The top of an issue's worktree: `cwd` may be a folder in it. None for a folder that Everbeat did not make."""
    trees, cwd = _trees(row.company_id), Path(row.cwd)
    inside = cwd.relative_to(trees).parts if cwd.is_relative_to(trees) else ()
    return str(trees / inside[0]) if inside and ".." not in inside else None


def _trees(company_id: UUID) -> Path:
    return Path(settings.WORKSPACES_DIR) / str(company_id) / "worktrees"


def keep_place(directory: RunDir, *, company_id: UUID, run_id: UUID) -> int:
    """Write down what the run's prelude did to folders, once; how many operations that were. Never raises."""
    told = read_object(directory.path / PLACE_NAME)
    given = [object_of(one) for one in list_of(told.get("operations"))[:_MOST_OPERATIONS]]
    row_id = _uuid(told.get("executionWorkspaceId"))
    rows = [_operation(directory, index, one, company_id, run_id, row_id) for index, one in enumerate(given)]
    try:
        with transaction.atomic():
            if row_id and text_of(told.get("cwd")):
                mine = ExecutionWorkspace.objects.filter(pk=row_id, company_id=company_id, host=settings.HOST_ID)
                mine.update(cwd=storable(told["cwd"])[:1000])
            WorkspaceOperation.objects.bulk_create(rows, ignore_conflicts=True)
    except DatabaseError:
        log.exception("workspace_not_recorded", run_id=str(run_id))
        return 0
    return len(rows)


def _operation(
    directory: RunDir, index: int, told: Mapping[str, Any], company_id: UUID, run_id: UUID, workspace_id: UUID | None
) -> WorkspaceOperation:
    """The id is made of the attempt's name, so that writing twice writes once."""
    code = told.get("exitCode")
    return WorkspaceOperation(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"{directory.name}/{index}"),
        company_id=company_id,
        run_id=run_id,
        workspace_id=workspace_id,
        phase=str(told.get("phase") or "git")[:40],
        command=storable(str(told.get("command") or "")),
        cwd=storable(str(told.get("cwd") or ""))[:1000],
        status=str(told.get("status") or "failed")[:16],
        exit_code=code if isinstance(code, int) else None,
        started_at=_moment(told.get("startedAt")),
        finished_at=_moment(told.get("finishedAt")),
        output_excerpt=storable(str(told.get("output") or "")),
    )


def _moment(value: object) -> datetime:
    return datetime.fromtimestamp(max(0.0, number_of(value, 0)), UTC)


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
