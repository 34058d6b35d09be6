"""What went wrong, by agent: every occurrence, and the groups that people triage."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, UniqueConstraint

from agents.vocabulary import ErrorSeverity, TriageState
from config.common.models import CompanyModel, choices_of, one_of


class ErrorGroup(CompanyModel):
    """All errors of one agent that say the same: severity, and message with numbers, ids and paths folded."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="error_groups")
    severity = models.CharField(max_length=12, choices=choices_of(ErrorSeverity))
    fingerprint = models.CharField(max_length=64)
    message = models.TextField()
    occurrences = models.PositiveIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    last_run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    last_issue = models.ForeignKey("issues.Issue", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=16, choices=choices_of(TriageState), default=TriageState.OPEN)
    state_changed_at = models.DateTimeField(null=True, blank=True)
    state_changed_by = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [
            UniqueConstraint(fields=["agent", "severity", "fingerprint"], name="error_group_once"),
            one_of("severity", ErrorSeverity, name="error_group_severity_known"),
            one_of("state", TriageState, name="error_group_state_known"),
        ]
        indexes = [
            Index(fields=["company", "state", "-last_seen_at"], name="error_group_triage"),
        ]

    def __str__(self) -> str:
        return self.message[:80]


class AgentError(CompanyModel):
    """One error as an agent reported it, scrubbed before it was stored."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="errors")
    group = models.ForeignKey(ErrorGroup, on_delete=models.CASCADE, related_name="errors", null=True, blank=True)
    run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="errors"
    )
    issue = models.ForeignKey("issues.Issue", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    severity = models.CharField(max_length=12, choices=choices_of(ErrorSeverity))
    message = models.TextField()
    context = models.JSONField(default=dict, blank=True)
    source = models.CharField(max_length=16, default="heartbeat")

    class Meta:
        ordering = ["-created_at"]
        constraints = [one_of("severity", ErrorSeverity, name="agent_error_severity_known")]
        indexes = [
            Index(fields=["agent", "-created_at"], name="agent_error_newest"),
            Index(fields=["company", "-created_at"], name="agent_error_company_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.severity}: {self.message[:80]}"
