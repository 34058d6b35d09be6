"""Where runs happen: hosts, workspaces on them, and the leases that runs hold on their environment."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from config.common.models import CompanyModel, choices_of, one_of


class LeaseStatus(StrEnum):
    """A run's hold on its environment."""

    ACTIVE = "active"
    RELEASED = "released"
    FAILED = "failed"


class WorkspaceStatus(StrEnum):
    """Whether a workspace may be used again."""

    ACTIVE = "active"
    CLOSED = "closed"


class Host(models.Model):
    """A machine that executes runs, as its supervisor last reported it. Hosts serve all companies."""

    name = models.CharField(max_length=200, primary_key=True)
    boot_id = models.CharField(max_length=80)
    labels = models.JSONField(default=list, blank=True)
    capacity = models.PositiveIntegerField(default=64)
    supervisor_pid = models.IntegerField(null=True, blank=True)
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class EnvironmentLease(CompanyModel):
    """A run's right to its environment; released when the run ends, `failed` when it was lost."""

    run = models.ForeignKey("heartbeats.HeartbeatRun", on_delete=models.CASCADE, related_name="environment_leases")
    issue = models.ForeignKey("issues.Issue", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    workspace = models.ForeignKey(
        "heartbeats.ExecutionWorkspace", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    provider = models.CharField(max_length=24, default="local")
    status = models.CharField(max_length=12, choices=choices_of(LeaseStatus), default=LeaseStatus.ACTIVE)
    acquired_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    failure_reason = models.CharField(max_length=200, null=True, blank=True)

    class Meta:
        ordering = ["-acquired_at"]
        constraints = [
            one_of("status", LeaseStatus, name="lease_status_known"),
            models.CheckConstraint(
                condition=Q(status="active") | Q(released_at__isnull=False), name="lease_ended_has_time"
            ),
            UniqueConstraint(fields=["run"], condition=Q(status="active"), name="lease_one_active_per_run"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} for {self.run_id} ({self.status})"


class ExecutionWorkspace(CompanyModel):
    """A folder in which an issue's runs happen, for instance an isolated git worktree that is used again."""

    project = models.ForeignKey("issues.Project", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    source_issue = models.ForeignKey("issues.Issue", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    strategy = models.CharField(max_length=24, default="project")
    name = models.CharField(max_length=200)
    host = models.CharField(max_length=200, blank=True, default="")
    cwd = models.CharField(max_length=1000)
    repo_url = models.CharField(max_length=1000, null=True, blank=True)
    base_ref = models.CharField(max_length=200, null=True, blank=True)
    branch_name = models.CharField(max_length=250, null=True, blank=True)
    status = models.CharField(max_length=12, choices=choices_of(WorkspaceStatus), default=WorkspaceStatus.ACTIVE)
    last_used_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-last_used_at"]
        constraints = [
            one_of("status", WorkspaceStatus, name="workspace_status_known"),
            UniqueConstraint(fields=["host", "cwd"], condition=Q(status="active"), name="workspace_folder_once"),
        ]
        indexes = [Index(fields=["source_issue"], name="workspace_of_issue", condition=Q(source_issue__isnull=False))]

    def __str__(self) -> str:
        return self.name


class WorkspaceOperation(CompanyModel):
    """Something done to a workspace for a run: clone, worktree, provision; with its outcome."""

    run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.CASCADE, null=True, blank=True, related_name="workspace_operations"
    )
    workspace = models.ForeignKey(
        ExecutionWorkspace, on_delete=models.SET_NULL, null=True, blank=True, related_name="operations"
    )
    phase = models.CharField(max_length=40)
    command = models.TextField(null=True, blank=True)
    cwd = models.CharField(max_length=1000, null=True, blank=True)
    status = models.CharField(max_length=16, default="succeeded")
    exit_code = models.IntegerField(null=True, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    output_excerpt = models.TextField(null=True, blank=True)

    class Meta:
        ordering = ["started_at"]

    def __str__(self) -> str:
        return f"{self.phase} ({self.status})"
