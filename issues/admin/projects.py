"""Projects and where their work happens."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q

from agents.admin.base import CompanyAdmin
from agents.redaction import redacted
from config.common.admin import cells, words
from config.common.admin.filters import answers, scoped
from issues.models import Project, ProjectWorkspace


@admin.register(Project)
class ProjectPage(CompanyAdmin):
    """Projects."""

    related = ("lead_agent", "company")
    hidden = frozenset({"env"})
    list_display = (
        "name",
        cells.status("status", order="status"),
        cells.cell("paused", lambda project: project.pause_reason and f"by {project.pause_reason}"),
        cells.related("lead_agent", title="lead"),
        cells.flag("isolated_workspaces", title="isolated", on="yes", off="no"),
        cells.when("created_at", title="since", order="created_at"),
        cells.related("company"),
    )
    list_filter = (
        answers(
            "open",
            "archive",
            {"open": ("open", Q(archived_at__isnull=True)), "archived": ("archived", Q(archived_at__isnull=False))},
        ),
        scoped("company"),
    )
    search_fields = ("name", "url_key")
    sections = (
        (None, ("name", "url_key", "status", "description", "lead_agent", "company")),
        ("Paused", ("pause_reason", "paused_at")),
        ("Environment", (cells.cell("env", lambda project: cells.block(*words.pretty(redacted(project.env)))),)),
    )


@admin.register(ProjectWorkspace)
class ProjectWorkspacePage(CompanyAdmin):
    """Folders and repositories."""

    related = ("project", "company")
    list_display = (
        "name",
        cells.related("project"),
        cells.line("cwd", title="folder", most=60),
        cells.line("repo_url", title="repository", most=60),
        cells.flag("is_primary", title="primary", on="yes", off="no"),
        cells.related("company"),
    )
    list_filter = (scoped("project"), "is_primary", scoped("company"))
    search_fields = ("name", "project__name")
    search_ids = ("id", "project_id")
