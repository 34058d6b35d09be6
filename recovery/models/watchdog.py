"""Decisions about silent runs."""

from __future__ import annotations

from django.db import models
from django.db.models import Index

from config.common.models import CompanyModel, choices_of, one_of
from recovery.vocabulary import WatchdogDecisionKind


class WatchdogDecision(CompanyModel):
    """What somebody decided about a silent run, and until when it keeps the watchdog quiet."""

    run = models.ForeignKey("heartbeats.HeartbeatRun", on_delete=models.CASCADE, related_name="watchdog_decisions")
    evaluation_issue = models.ForeignKey(
        "issues.Issue", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decision = models.CharField(max_length=32, choices=choices_of(WatchdogDecisionKind))
    snoozed_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(null=True, blank=True)
    created_by_agent = models.ForeignKey(
        "agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_by_user = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_by_run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-created_at"]
        constraints = [one_of("decision", WatchdogDecisionKind, name="watchdog_decision_known")]
        indexes = [Index(fields=["run", "-created_at"], name="watchdog_decision_newest")]

    def __str__(self) -> str:
        return f"{self.decision} on {self.run_id}"
