"""Wakeup requests: somebody asked that an agent run, and what became of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from agents.vocabulary import ActorType
from config.common.models import CompanyModel, choices_of, one_of
from heartbeats.vocabulary import TriggerDetail, WakeupSource, WakeupStatus


class WakeupQuerySet(models.QuerySet["WakeupRequest"]):
    """Sets of wakeups that have a name."""

    def open(self) -> WakeupQuerySet:
        """Requests that still wait for something."""
        return self.filter(status__in=WakeupStatus.OPEN)

    def deferred(self) -> WakeupQuerySet:
        """Requests that wait until the issue's live run is over."""
        return self.filter(status=WakeupStatus.DEFERRED)


class WakeupRequest(CompanyModel):
    """One request, also one that was skipped, coalesced or deferred: the table answers "why did (n't) my agent wake?".

    `run` serves the request (queued for it or coalesced into). `context` is what a deferred request will hand over.
    """

    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="wakeups")
    issue = models.ForeignKey("issues.Issue", on_delete=models.SET_NULL, null=True, blank=True, related_name="wakeups")
    run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    source = models.CharField(max_length=16, choices=choices_of(WakeupSource))
    trigger_detail = models.CharField(max_length=16, choices=choices_of(TriggerDetail), null=True, blank=True)
    reason = models.CharField(max_length=120, null=True, blank=True)
    wake_reason = models.CharField(max_length=120, null=True, blank=True)
    task_key = models.CharField(max_length=200, null=True, blank=True)
    wake_comment = models.ForeignKey(
        "issues.IssueComment", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    payload = models.JSONField(null=True, blank=True)
    context = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=32, choices=choices_of(WakeupStatus))
    coalesced_count = models.PositiveIntegerField(default=0)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    requested_by_type = models.CharField(max_length=8, choices=choices_of(ActorType), default=ActorType.SYSTEM)
    requested_by_id = models.CharField(max_length=80, null=True, blank=True)
    requested_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(null=True, blank=True)

    objects = WakeupQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            one_of("status", WakeupStatus, name="wakeup_status_known"),
            one_of("source", WakeupSource, name="wakeup_source_known"),
            one_of("trigger_detail", TriggerDetail, name="wakeup_trigger_known", null=True),
            one_of("requested_by_type", ActorType, name="wakeup_requester_known"),
            UniqueConstraint(
                fields=["company", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="wakeup_idempotency_key_once",
            ),
            UniqueConstraint(
                fields=["agent", "issue"],
                condition=Q(status="deferred_issue_execution", issue__isnull=False),
                name="wakeup_one_deferred_per_agent_and_issue",
            ),
        ]
        indexes = [
            Index(fields=["agent", "-requested_at"], name="wakeup_newest"),
            Index(
                fields=["issue", "requested_at"],
                name="wakeup_open_on_issue",
                condition=Q(status__in=["queued", "claimed", "deferred_issue_execution"], issue__isnull=False),
            ),
            Index(fields=["issue", "-requested_at"], name="wakeup_by_issue", condition=Q(issue__isnull=False)),
            Index(
                fields=["agent", "issue", "requested_at"],
                name="wakeup_passed_over",
                condition=Q(status="skipped", reason="agent.not_invokable"),
            ),
            Index(fields=["run"], name="wakeup_by_run", condition=Q(run__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.reason or self.source} ({self.status})"
