"""Money: what was spent, what may be spent, and what happened when it was too much (spec/2 K)."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from agents.vocabulary import (
    BillingType,
    BudgetScope,
    BudgetThreshold,
    BudgetWindow,
    IncidentStatus,
)
from config.common.models import CompanyModel, choices_of, one_of


class CostEvent(CompanyModel):
    """One piece of usage with its price in cents. `booked_by_run`: written by the run's finalisation, at most once."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.CASCADE, related_name="cost_events")
    run = models.ForeignKey(
        "heartbeats.HeartbeatRun", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    issue = models.ForeignKey("issues.Issue", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    project = models.ForeignKey("issues.Project", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    goal_id = models.UUIDField(null=True, blank=True)
    billing_code = models.CharField(max_length=200, null=True, blank=True)
    provider = models.CharField(max_length=100)
    biller = models.CharField(max_length=100)
    billing_type = models.CharField(max_length=24, choices=choices_of(BillingType), default=BillingType.UNKNOWN)
    model = models.CharField(max_length=200)
    input_tokens = models.BigIntegerField(default=0)
    cached_input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_cents = models.BigIntegerField(default=0)
    occurred_at = models.DateTimeField()
    booked_by_run = models.BooleanField(default=False)

    class Meta:
        ordering = ["-occurred_at"]
        constraints = [
            one_of("billing_type", BillingType, name="cost_billing_type_known"),
            models.CheckConstraint(
                condition=Q(cost_cents__gte=0, input_tokens__gte=0, cached_input_tokens__gte=0, output_tokens__gte=0),
                name="cost_not_negative",
            ),
            UniqueConstraint(fields=["run"], condition=Q(booked_by_run=True), name="cost_booked_once_per_run"),
        ]
        indexes = [
            Index(fields=["company", "occurred_at"], name="cost_by_company", include=["cost_cents"]),
            Index(fields=["agent", "occurred_at"], name="cost_by_agent", include=["cost_cents"]),
            Index(fields=["project", "occurred_at"], name="cost_by_project", include=["cost_cents"]),
        ]

    def __str__(self) -> str:
        return f"{self.cost_cents} cents, {self.model}"


class BudgetPolicy(CompanyModel):
    """A limit on billed cents for a company, an agent or a project. Amount 0 means none."""

    scope_type = models.CharField(max_length=12, choices=choices_of(BudgetScope))
    scope_id = models.UUIDField()
    metric = models.CharField(max_length=24, default="billed_cents")
    window_kind = models.CharField(
        max_length=24, choices=choices_of(BudgetWindow), default=BudgetWindow.CALENDAR_MONTH_UTC
    )
    amount = models.BigIntegerField()
    warn_percent = models.PositiveSmallIntegerField(default=80)
    hard_stop_enabled = models.BooleanField(default=True)
    notify_enabled = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "budget policies"
        constraints = [
            UniqueConstraint(
                fields=["company", "scope_type", "scope_id", "metric", "window_kind"], name="budget_policy_once"
            ),
            one_of("scope_type", BudgetScope, name="budget_scope_known"),
            one_of("window_kind", BudgetWindow, name="budget_window_known"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="budget_amount_not_negative"),
            models.CheckConstraint(condition=Q(warn_percent__range=(1, 99)), name="budget_warn_1_to_99"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} cents per {self.window_kind} for {self.scope_type}"


class BudgetIncident(CompanyModel):
    """A budget's warn line or limit was reached; a hard one has stopped the scope."""

    policy = models.ForeignKey(BudgetPolicy, on_delete=models.CASCADE, related_name="incidents")
    scope_type = models.CharField(max_length=12, choices=choices_of(BudgetScope))
    scope_id = models.UUIDField()
    metric = models.CharField(max_length=24, default="billed_cents")
    window_kind = models.CharField(max_length=24, choices=choices_of(BudgetWindow))
    window_start = models.DateTimeField()
    window_end = models.DateTimeField(null=True, blank=True)
    threshold_type = models.CharField(max_length=8, choices=choices_of(BudgetThreshold))
    amount_limit = models.BigIntegerField()
    amount_observed = models.BigIntegerField()
    status = models.CharField(max_length=12, choices=choices_of(IncidentStatus), default=IncidentStatus.OPEN)
    approval = models.ForeignKey("agents.Approval", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            UniqueConstraint(
                fields=["policy", "threshold_type", "window_start"],
                condition=Q(status=IncidentStatus.OPEN),
                name="budget_incident_open_once",
            ),
            one_of("threshold_type", BudgetThreshold, name="budget_threshold_known"),
            one_of("status", IncidentStatus, name="budget_incident_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.threshold_type} on {self.scope_type}"
