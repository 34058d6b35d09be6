"""Where an issue's work belongs: its project and its workspace must be the company's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from config.common.wire.errors import NotFound, Unprocessable
from issues.models import Project, ProjectWorkspace


def require_places(company_id: UUID, columns: dict[str, Any], *, project_id: UUID | None = None) -> None:
    """404 for a project or workspace that the company does not have; 422 for a workspace of another project.

    `project_id` is the issue's present project, where `columns` names none.
    """
    named = columns.get("project_id")
    if named and not Project.objects.filter(company_id=company_id, id=named).exists():
        raise NotFound.of("Project")
    workspace_id = columns.get("project_workspace_id")
    if not workspace_id:
        return
    workspace = ProjectWorkspace.objects.filter(company_id=company_id, id=workspace_id).first()
    if workspace is None:
        raise NotFound.of("Project workspace")
    if workspace.project_id != (named if "project_id" in columns else project_id):
        raise Unprocessable("Project workspace must belong to the issue's project")
