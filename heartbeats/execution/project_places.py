"""The project that a run works for, with its workspaces in the order in which they are tried (spec/2 D)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F

from heartbeats.models import HeartbeatRun
from heartbeats.readings import object_of, text_of
from heartbeats.runs.effective_config import run_config
from issues.models import Project, ProjectWorkspace

ISOLATED = "isolated_workspace"
AT_HOME = "agent_default"
_PASSWORD = re.compile(r"://[^/@:\s]*:([^/@\s]{4,})@")


@dataclass(frozen=True, slots=True)
class ProjectPlaces:
    """`project` is whom the run works for; without `usable` its folders are not for this run. `isolated`: the
    issue is to have a tree of its own.
    """

    project: Project | None = None
    workspaces: tuple[ProjectWorkspace, ...] = ()
    usable: bool = True
    isolated: bool = False
    notes: tuple[str, ...] = ()


def load_places(run: HeartbeatRun) -> ProjectPlaces:
    """The issue's project, else the context's, of the run's company. At most two statements.

    The preferred workspace comes first, then the primary one, then by age.
    """
    mode = _mode(run)
    project = _project(run)
    if mode == AT_HOME:
        return ProjectPlaces(project, usable=False)
    if project is None:
        return ProjectPlaces(notes=_lost_project(run))
    rows = ProjectWorkspace.objects.filter(project_id=project.pk, company_id=run.company_id)
    ordered = rows.order_by(F("is_primary").desc(), "created_at", "id")
    preferred = _preferred(run)
    workspaces = tuple(sorted(ordered, key=lambda workspace: workspace.pk != preferred))
    notes: tuple[str, ...] = ()
    if preferred is not None and not any(workspace.pk == preferred for workspace in workspaces):
        notes = (f"Workspace: the selected workspace {preferred} is not one of the project's; using another.",)
    return ProjectPlaces(project, workspaces, isolated=mode == ISOLATED, notes=notes)


def repository_passwords(places: ProjectPlaces) -> tuple[str, ...]:
    """Passwords that stand in the addresses of the repositories; they must reach no log."""
    found = (_PASSWORD.search(workspace.repo_url or "") for workspace in places.workspaces)
    return tuple(match.group(1) for match in found if match)


def _project(run: HeartbeatRun) -> Project | None:
    issue = run.issue
    if issue is not None and issue.project_id is not None:
        return issue.project
    project_id = _uuid(run.context.get("projectId"))
    if project_id is None:
        return None
    return Project.objects.filter(pk=project_id, company_id=run.company_id).first()


def _lost_project(run: HeartbeatRun) -> tuple[str, ...]:
    named = text_of(run.context.get("projectId"))
    return (f"Workspace: the project {named} that the wake names is not one of this company's.",) if named else ()


def _mode(run: HeartbeatRun) -> str | None:
    """What the issue says comes before what the project says, and that before the agent's own configuration."""
    issue = run.issue
    overrides = object_of(issue.assignee_adapter_overrides) if issue and issue.assignee_agent_id == run.agent_id else {}
    if overrides.get("useProjectWorkspace") is False:
        return AT_HOME
    chosen = text_of(object_of(issue.execution_workspace_settings).get("mode")) if issue else None
    if chosen is not None:
        return chosen
    if issue is None:
        return None
    if issue.project is not None and issue.project.isolated_workspaces:
        return ISOLATED
    return ISOLATED if strategy_of(run_config(run.agent, run.issue).values).get("type") == "git_worktree" else None


def strategy_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """`workspaceStrategy` of an adapter configuration: type, baseRef, branchTemplate."""
    return object_of(object_of(config).get("workspaceStrategy"))


def _preferred(run: HeartbeatRun) -> UUID | None:
    if run.issue is not None and run.issue.project_workspace_id is not None:
        return run.issue.project_workspace_id
    return _uuid(run.context.get("projectWorkspaceId"))


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
