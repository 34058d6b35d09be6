"""Questions that only a person may answer."""

from __future__ import annotations

from django.db import models
from django.db.models import Index

from agents.vocabulary import ApprovalStatus, ApprovalType
from config.common.models import CompanyModel, choices_of, one_of


class Approval(CompanyModel):
    """A decision that waits for a person, or how it was decided (spec/4 section 7)."""

    type = models.CharField(max_length=40, choices=choices_of(ApprovalType))
    status = models.CharField(max_length=24, choices=choices_of(ApprovalStatus), default=ApprovalStatus.PENDING)
    payload = models.JSONField(default=dict, blank=True)
    requested_by_agent = models.ForeignKey(
        "agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    requested_by_user = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_by_user = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decision_note = models.TextField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            one_of("type", ApprovalType, name="approval_type_known"),
            one_of("status", ApprovalStatus, name="approval_status_known"),
        ]
        indexes = [Index(fields=["company", "status", "-created_at"], name="approval_waiting")]

    def __str__(self) -> str:
        return f"{self.type} ({self.status})"


class ApprovalComment(CompanyModel):
    """What somebody said about an approval."""

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="comments")
    author_agent = models.ForeignKey("agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    author_user = models.ForeignKey("agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    body = models.TextField()

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.body[:80]
