"""`/companies/:id/projects` and `/projects/:id`, with their workspaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import prefetch_related_objects
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import company_for
from agents.api.base import ActorView
from agents.api.describing import PAGE, answers
from config.common.wire.camel import Opaque, OpaqueList, camel
from config.common.wire.fields import FlagField, IssueTextField, TextField, UserJSONField
from config.common.wire.pages import list_response, read_page
from config.common.wire.serializers import WireSerializer
from config.common.wire.views import path_uuid
from issues.api import described
from issues.models import Project, ProjectWorkspace
from issues.projects import add_workspace, create_project, project_for, update_project, update_workspace


class WorkspaceBody(WireSerializer):
    """POST or PATCH a workspace: a folder on the host, or a repository to clone."""

    name = TextField(min_length=1, max_length=200, required=False)
    cwd = TextField(max_length=1000, required=False, allow_null=True)
    repo_url = TextField(max_length=1000, required=False, allow_null=True)
    repo_ref = TextField(max_length=200, required=False, allow_null=True)
    is_primary = FlagField(required=False)


class _ProjectBody(WireSerializer):
    description = IssueTextField(required=False, allow_null=True, allow_blank=True)
    status = TextField(min_length=1, max_length=24, required=False)
    lead_agent_id = serializers.UUIDField(required=False, allow_null=True)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}$", required=False, allow_null=True)
    env = UserJSONField(required=False)
    isolated_workspaces = FlagField(required=False)
    target_date = serializers.DateField(required=False, allow_null=True)


class ProjectEditBody(_ProjectBody):
    """PATCH a project."""

    name = TextField(min_length=1, max_length=200, required=False)
    paused = FlagField(required=False)


class NewProjectBody(_ProjectBody):
    """POST a project."""

    name = TextField(min_length=1, max_length=200)
    workspace = WorkspaceBody(required=False, allow_null=True)


class CompanyProjects(ActorView):
    """The projects of a company."""

    @answers(described.PROJECT, named=PAGE, many=True)
    def get(self, request: Request, company_id: str) -> Response:
        """By name."""
        company = company_for(self.actor, company_id)
        cut = read_page(request).cut(Project.objects.filter(company=company).order_by("name", "id"))
        return list_response(request, cut, project_bodies)

    @answers(described.PROJECT, body=NewProjectBody, status=201)
    def post(self, _request: Request, company_id: str) -> Response:
        """Create one (201)."""
        company = company_for(self.actor, company_id, write=True)
        fields = self.body(NewProjectBody)

        def create() -> Response:
            project = create_project(self.actor, company.pk, fields)
            return Response(project_bodies([project])[0], status=201)

        return self.once(company.pk, create)


class ProjectDetail(ActorView):
    """One project."""

    @answers(described.PROJECT)
    def get(self, _request: Request, ref: str) -> Response:
        """The project with its workspaces."""
        return Response(project_bodies([project_for(self.actor, ref)])[0])

    @answers(described.PROJECT, body=ProjectEditBody)
    def patch(self, _request: Request, ref: str) -> Response:
        """Change it."""
        project = project_for(self.actor, ref, write=True)
        fields = self.body(ProjectEditBody)
        return Response(project_bodies([update_project(self.actor, project.pk, fields, now=self.now)])[0])


class ProjectWorkspaces(ActorView):
    """The workspaces of a project."""

    @answers(described.WORKSPACE, many=True)
    def get(self, _request: Request, ref: str) -> Response:
        """The primary one first."""
        project = project_for(self.actor, ref)
        return Response(OpaqueList(map(workspace_body, project.workspaces.all())))

    @answers(described.WORKSPACE, body=WorkspaceBody, status=201)
    def post(self, _request: Request, ref: str) -> Response:
        """Add one (201)."""
        project = project_for(self.actor, ref, write=True)
        fields = self.body(WorkspaceBody)

        def add() -> Response:
            workspace = add_workspace(self.actor, project.pk, fields)
            return Response(workspace_body(workspace), status=201)

        return self.once(project.company_id, add)


class ProjectWorkspaceDetail(ActorView):
    """One workspace."""

    @answers(described.WORKSPACE, body=WorkspaceBody)
    def patch(self, _request: Request, ref: str, workspace_id: str) -> Response:
        """Change it."""
        project = project_for(self.actor, ref, write=True)
        fields = self.body(WorkspaceBody)
        named = path_uuid(workspace_id, "Project workspace")
        return Response(workspace_body(update_workspace(self.actor, project.pk, named, fields, now=self.now)))


def project_bodies(projects: Sequence[Project]) -> OpaqueList:
    """Projects with their workspaces; one statement for all workspaces."""
    prefetch_related_objects(projects, "workspaces")
    return OpaqueList(map(_body, projects))


def _body(project: Project) -> Opaque:
    body = Opaque((camel(name), getattr(project, name)) for name in described.PROJECT_COLUMNS)
    workspaces: list[Any] = list(map(workspace_body, project.workspaces.all()))
    primary = next((row for row in workspaces if row["isPrimary"]), None)
    return Opaque({**body, "workspaces": workspaces, "primaryWorkspace": primary, "goalIds": [], "goals": []})


def workspace_body(workspace: ProjectWorkspace) -> Opaque:
    """A workspace on the wire."""
    return Opaque((camel(name), getattr(workspace, name)) for name in described.WORKSPACE_COLUMNS)
