"""Projects and their workspaces: reading, creating, changing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.access import require_company, require_company_write
from agents.actors import Actor
from agents.journal import activity, log_activity
from agents.models import Agent
from agents.vocabulary import PauseReason
from config.common.wire.errors import NotFound
from config.common.wire.views import UUID_FORM
from issues.models import Project, ProjectWorkspace

URL_KEY_CHARACTERS = 200
FIRST_WORKSPACE = "main"


def project_for(actor: Actor, ref: UUID | str, *, write: bool = False) -> Project:
    """The project if the caller may read (or change) in its company; 404 when there is none."""
    named = isinstance(ref, UUID) or UUID_FORM.fullmatch(ref)
    project = Project.objects.filter(id=ref).first() if named else None
    if project is None:
        raise NotFound.of("Project")
    (require_company_write if write else require_company)(actor, project.company_id)
    return project


def create_project(actor: Actor, company_id: UUID, fields: Mapping[str, Any]) -> Project:
    """Create a project, with its first workspace when one is given; logged."""
    with transaction.atomic():
        require_company_write(actor, company_id)
        columns = dict(fields)
        workspace = columns.pop("workspace", None)
        _require_lead(company_id, columns)
        project = Project.objects.create(company_id=company_id, url_key=url_key_of(columns["name"]), **columns)
        if workspace:
            _insert_workspace(project, {**workspace, "is_primary": True})
        _log(actor, project, "project.created", {"name": project.name})
    return project


def update_project(actor: Actor, ref: UUID | str, fields: Mapping[str, Any], *, now: datetime) -> Project:
    """Change a project. Locks it. `paused` stops its checkouts until it is resumed."""
    with transaction.atomic():
        project = project_for(actor, ref, write=True)
        Project.objects.select_for_update(no_key=True).filter(pk=project.pk).values_list("id").first()
        columns = {**fields, **_pause_columns(fields, now)}
        columns.pop("paused", None)
        _require_lead(project.company_id, columns)
        if "name" in columns:
            columns["url_key"] = url_key_of(columns["name"])
        Project.objects.filter(pk=project.pk).update(**columns, updated_at=now)
        _log(actor, project, "project.updated", {"changedKeys": sorted(fields)})
    return project_for(actor, project.pk)


def add_workspace(actor: Actor, ref: UUID | str, fields: Mapping[str, Any]) -> ProjectWorkspace:
    """Add a workspace; the first one is primary, and a new primary takes that from the present one."""
    with transaction.atomic():
        project = project_for(actor, ref, write=True)
        Project.objects.select_for_update(no_key=True).filter(pk=project.pk).values_list("id").first()
        first = not project.workspaces.exists()
        workspace = _insert_workspace(project, {**fields, "is_primary": first or fields.get("is_primary", False)})
        _log(actor, project, "project.workspace_created", {"workspaceId": str(workspace.pk)})
    return workspace


def update_workspace(
    actor: Actor, ref: UUID | str, workspace_id: UUID, fields: Mapping[str, Any], *, now: datetime
) -> ProjectWorkspace:
    """Change a workspace of the project; 404 when it is another's."""
    with transaction.atomic():
        project = project_for(actor, ref, write=True)
        Project.objects.select_for_update(no_key=True).filter(pk=project.pk).values_list("id").first()
        row = ProjectWorkspace.objects.filter(project=project, id=workspace_id)
        if not row.exists():
            raise NotFound.of("Project workspace")
        if fields.get("is_primary"):
            project.workspaces.filter(is_primary=True).exclude(id=workspace_id).update(is_primary=False)
        row.update(**fields, updated_at=now)
        _log(actor, project, "project.workspace_updated", {"workspaceId": str(workspace_id)})
        return row.get()


def url_key_of(name: str) -> str:
    """The name in lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:URL_KEY_CHARACTERS]


def _insert_workspace(project: Project, fields: Mapping[str, Any]) -> ProjectWorkspace:
    columns = {"name": FIRST_WORKSPACE, **fields}
    if columns.get("is_primary"):
        project.workspaces.filter(is_primary=True).update(is_primary=False)
    return ProjectWorkspace.objects.create(company_id=project.company_id, project=project, **columns)


def _pause_columns(fields: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    if "paused" not in fields:
        return {}
    if fields["paused"]:
        return {"paused_at": now, "pause_reason": PauseReason.MANUAL}
    return {"paused_at": None, "pause_reason": None}


def _require_lead(company_id: UUID, columns: Mapping[str, Any]) -> None:
    lead_id = columns.get("lead_agent_id")
    if lead_id and not Agent.objects.filter(company_id=company_id, id=lead_id).exists():
        raise NotFound.of("Lead agent")


def _log(actor: Actor, project: Project, action: str, details: dict[str, Any]) -> None:
    row = activity(actor, project.company_id, action, entity_type="project", entity_id=project.pk, details=details)
    log_activity(row)
