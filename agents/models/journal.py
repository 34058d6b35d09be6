"""The two logs that every app writes to, in the transaction that changed the state.

`ActivityEvent` is for people: who did what. `LiveEvent` is the outbox of the live feed: what screens must hear.
Both live at the bottom of the house because agents, issues, runs and recovery all write them.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from agents.vocabulary import ActorType, LiveEventType
from config.common.models import CompanyModel, choices_of, one_of


class ActivityEvent(CompanyModel):
    """One thing that somebody did: an operator, an agent, or the system."""

    actor_type = models.CharField(max_length=8, choices=choices_of(ActorType))
    actor_id = models.CharField(max_length=80)
    action = models.CharField(max_length=120)
    entity_type = models.CharField(max_length=40)
    entity_id = models.CharField(max_length=80)
    agent = models.ForeignKey("agents.Agent", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    issue = models.ForeignKey("issues.Issue", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    details = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [one_of("actor_type", ActorType, name="activity_actor_known")]
        indexes = [
            Index(fields=["company", "-created_at"], name="activity_newest"),
            Index(fields=["entity_type", "entity_id", "-created_at"], name="activity_by_entity"),
            Index(fields=["run"], name="activity_by_run", condition=Q(run__isnull=False)),
            Index(fields=["issue", "-created_at"], name="activity_by_issue", condition=Q(issue__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.entity_type} {self.entity_id}"


class LiveEvent(models.Model):
    """A committed change that screens must hear. `seq` is the company's gapless number, stamped by the relay alone."""

    id = models.BigAutoField(primary_key=True)
    company = models.ForeignKey("agents.Company", on_delete=models.CASCADE, related_name="+")
    type = models.CharField(max_length=40, choices=choices_of(LiveEventType))
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    seq = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            one_of("type", LiveEventType, name="live_event_type_known"),
            UniqueConstraint(
                fields=["company", "seq"], condition=Q(seq__isnull=False), name="live_seq_once_per_company"
            ),
        ]
        indexes = [
            Index(fields=["id"], name="live_event_unsent", condition=Q(seq__isnull=True)),
            Index(fields=["created_at"], name="live_event_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.seq or 'unsent'}"


class LiveFeed(models.Model):
    """How far a company's live feed has come: the last number given out, and the last that was pushed.

    A row of its own, and not two columns of the company, so that no writer waits for the relay.
    """

    company = models.OneToOneField("agents.Company", on_delete=models.CASCADE, primary_key=True, related_name="+")
    last_seq = models.PositiveBigIntegerField(default=0)
    pushed_seq = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.company_id} at {self.last_seq}"
