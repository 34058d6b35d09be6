"""Agents: who works, how they run, and what of their runtime policy the database decides on."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from agents.vocabulary import NOT_INVOKABLE, AdapterType, AgentRole, AgentStatus, PauseReason, Permission, Presence
from config.common.models import CompanyModel, choices_of, one_of


class AgentQuerySet(models.QuerySet["Agent"]):
    """Sets of agents that have a name."""

    def invokable(self) -> AgentQuerySet:
        """Agents that may be given work."""
        return self.exclude(status__in=NOT_INVOKABLE)


class Agent(CompanyModel):
    """A worker.

    The columns below `runtime_config` repeat what sweeps and gates decide on; `agents.configuration` keeps both in
    step. `timer_due_at` is the deadline of the next timer wake (null: none), recomputed on every write that moves it.
    """

    name = models.CharField(max_length=200)
    url_key = models.CharField(max_length=200)
    role = models.CharField(max_length=16, choices=choices_of(AgentRole), default=AgentRole.GENERAL)
    title = models.CharField(max_length=200, null=True, blank=True)
    icon = models.CharField(max_length=64, null=True, blank=True)
    status = models.CharField(max_length=20, choices=choices_of(AgentStatus), default=AgentStatus.IDLE)
    pause_reason = models.CharField(max_length=16, choices=choices_of(PauseReason), null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    reports_to = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="reports")
    capabilities = models.TextField(null=True, blank=True)

    presence = models.CharField(max_length=12, choices=choices_of(Presence), default=Presence.OFFLINE)
    presence_changed_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    reported_capabilities = models.JSONField(default=dict, blank=True)
    hardware = models.JSONField(default=dict, blank=True)

    adapter_type = models.CharField(max_length=24, choices=choices_of(AdapterType), default=AdapterType.PROCESS)
    adapter_config = models.JSONField(default=dict, blank=True)
    runtime_config = models.JSONField(default=dict, blank=True)
    host_label = models.CharField(max_length=64, blank=True, default="")
    heartbeat_enabled = models.BooleanField(default=False)
    wake_on_demand = models.BooleanField(default=True)
    max_concurrent_runs = models.PositiveSmallIntegerField(default=5)
    interval_sec = models.PositiveIntegerField(default=0)
    cooldown_sec = models.PositiveIntegerField(default=0)
    skip_timer_when_idle = models.BooleanField(default=False)
    timer_due_at = models.DateTimeField(null=True, blank=True)
    last_heartbeat_at = models.DateTimeField(null=True, blank=True)

    budget_monthly_cents = models.BigIntegerField(default=0)
    spent_monthly_cents = models.BigIntegerField(default=0)
    can_create_agents = models.BooleanField(default=False)
    metadata = models.JSONField(null=True, blank=True)

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            one_of("status", AgentStatus, name="agent_status_known"),
            one_of("presence", Presence, name="agent_presence_known"),
            one_of("adapter_type", AdapterType, name="agent_adapter_type_known"),
            models.CheckConstraint(condition=Q(max_concurrent_runs__range=(1, 10)), name="agent_slots_1_to_10"),
            models.CheckConstraint(condition=Q(budget_monthly_cents__gte=0), name="agent_budget_not_negative"),
            models.CheckConstraint(condition=~Q(reports_to=models.F("id")), name="agent_is_not_its_own_manager"),
        ]
        indexes = [
            Index(fields=["company", "url_key"], name="agent_by_url_key"),
            Index(fields=["company", "created_at"], name="agent_by_company"),
            Index(fields=["timer_due_at"], name="agent_timer_due", condition=Q(timer_due_at__isnull=False)),
            # As the sweep walks them. Without `last_seen_at`: noting that moves no index entry.
            Index(fields=["id"], name="agent_present", condition=~Q(presence=Presence.OFFLINE)),
        ]

    def __str__(self) -> str:
        return self.name


class AgentGrant(CompanyModel):
    """One right of one agent, given explicitly."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="grants")
    permission = models.CharField(max_length=40, choices=choices_of(Permission))

    class Meta:
        constraints = [
            UniqueConstraint(fields=["agent", "permission"], name="grant_once_per_agent"),
            one_of("permission", Permission, name="grant_permission_known"),
        ]

    def __str__(self) -> str:
        return f"{self.agent}: {self.permission}"


class ConfigRevision(CompanyModel):
    """What an agent's configuration was before and after a change, secrets as references or redacted."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="config_revisions")
    before = models.JSONField()
    after = models.JSONField()
    changed_keys = models.JSONField(default=list)
    source = models.CharField(max_length=32, default="update")
    created_by_agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_by_user = models.ForeignKey(
        "agents.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-created_at"]
        indexes = [Index(fields=["agent", "-created_at"], name="config_revision_newest")]

    def __str__(self) -> str:
        return f"{self.agent} at {self.created_at:%Y-%m-%d %H:%M}"
