"""Holds: an operator pauses or cancels a whole tree of issues, and takes that back."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from agents.vocabulary import ActorType
from config.common.models import CompanyModel, choices_of, one_of
from issues.vocabulary import HoldMode, HoldStatus


class TreeHold(CompanyModel):
    """One hold on the tree below `root_issue`. A pause gates every issue below it, also those created later."""

    root_issue = models.ForeignKey("issues.Issue", on_delete=models.CASCADE, related_name="tree_holds")
    mode = models.CharField(max_length=8, choices=choices_of(HoldMode))
    status = models.CharField(max_length=8, choices=choices_of(HoldStatus), default=HoldStatus.ACTIVE)
    reason = models.CharField(max_length=1000, null=True, blank=True)
    release_policy = models.JSONField(null=True, blank=True)
    metadata = models.JSONField(null=True, blank=True)
    created_by_actor_type = models.CharField(max_length=8, choices=choices_of(ActorType), default=ActorType.USER)
    created_by_agent = models.ForeignKey(
        "agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_by_user = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_by_run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    released_at = models.DateTimeField(null=True, blank=True)
    released_by_actor_type = models.CharField(max_length=8, choices=choices_of(ActorType), null=True, blank=True)
    released_by_user = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    release_reason = models.CharField(max_length=1000, null=True, blank=True)
    release_metadata = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            one_of("mode", HoldMode, name="hold_mode_known"),
            one_of("status", HoldStatus, name="hold_status_known"),
            models.CheckConstraint(
                condition=Q(status="active") | Q(released_at__isnull=False), name="hold_released_has_time"
            ),
        ]
        indexes = [Index(fields=["root_issue"], name="hold_active_pause", condition=Q(status="active", mode="pause"))]

    def __str__(self) -> str:
        return f"{self.mode} on {self.root_issue_id} ({self.status})"


class TreeHoldMember(CompanyModel):
    """An issue as it was when the hold took it."""

    hold = models.ForeignKey(TreeHold, on_delete=models.CASCADE, related_name="members")
    issue = models.ForeignKey("issues.Issue", on_delete=models.CASCADE, related_name="+")
    parent_issue_id = models.UUIDField(null=True, blank=True)
    depth = models.PositiveIntegerField(default=0)
    issue_identifier = models.CharField(max_length=32)
    issue_title = models.CharField(max_length=1000)
    issue_status = models.CharField(max_length=16)
    assignee_agent_id = models.UUIDField(null=True, blank=True)
    assignee_user_id = models.UUIDField(null=True, blank=True)
    active_run_id = models.UUIDField(null=True, blank=True)
    active_run_status = models.CharField(max_length=20, null=True, blank=True)
    skipped = models.BooleanField(default=False)
    skip_reason = models.CharField(max_length=64, null=True, blank=True)

    class Meta:
        ordering = ["depth", "created_at"]
        constraints = [UniqueConstraint(fields=["hold", "issue"], name="hold_member_once")]

    def __str__(self) -> str:
        return f"{self.issue_identifier} in {self.hold_id}"
