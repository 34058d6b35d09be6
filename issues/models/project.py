"""Projects and the folders or repositories their work happens in."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, UniqueConstraint

from agents.vocabulary import PauseReason
from config.common.models import CompanyModel, choices_of


class Project(CompanyModel):
    """A body of work with a budget, an environment and workspaces of its own."""

    name = models.CharField(max_length=200)
    url_key = models.CharField(max_length=200, blank=True, default="")
    description = models.TextField(null=True, blank=True)
    status = models.CharField(max_length=24, default="in_progress")
    lead_agent = models.ForeignKey("agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    color = models.CharField(max_length=7, null=True, blank=True)
    env = models.JSONField(default=dict, blank=True)
    isolated_workspaces = models.BooleanField(default=False)
    pause_reason = models.CharField(max_length=16, choices=choices_of(PauseReason), null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    target_date = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        indexes = [Index(fields=["company", "name"], name="project_by_company")]

    def __str__(self) -> str:
        return self.name


class ProjectWorkspace(CompanyModel):
    """Where a project's work happens: a folder on the host, or a repository to clone."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="workspaces")
    name = models.CharField(max_length=200)
    cwd = models.CharField(max_length=1000, null=True, blank=True)
    repo_url = models.CharField(max_length=1000, null=True, blank=True)
    repo_ref = models.CharField(max_length=200, null=True, blank=True)
    is_primary = models.BooleanField(default=False)

    class Meta:
        ordering = ["-is_primary", "created_at"]
        constraints = [
            UniqueConstraint(
                fields=["project"], condition=models.Q(is_primary=True), name="project_workspace_one_primary"
            ),
        ]

    def __str__(self) -> str:
        return self.name
