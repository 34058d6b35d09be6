"""What a person has seen of an issue, and put away."""

from __future__ import annotations

from django.db import models
from django.db.models import UniqueConstraint

from config.common.models import CompanyModel


class InboxMark(CompanyModel):
    """One person's marks on one issue: up to when it is read, and since when it is archived. Null: not at all."""

    issue = models.ForeignKey("issues.Issue", on_delete=models.CASCADE, related_name="inbox_marks")
    user = models.ForeignKey("agents.User", on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [UniqueConstraint(fields=["issue", "user"], name="inbox_mark_once")]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.issue_id}"
