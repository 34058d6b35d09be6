"""What was spent, added up for screens: by agent, model, provider, biller, project, and over sliding windows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from agents.budget_decisions import utilization_percent
from agents.budgets.observed import month_start
from agents.models import Company, CostEvent
from agents.vocabulary import BillingType

WINDOWS = (("5h", timedelta(hours=5)), ("24h", timedelta(hours=24)), ("7d", timedelta(days=7)))
SUBSCRIPTIONS = (BillingType.SUBSCRIPTION_INCLUDED, BillingType.SUBSCRIPTION_OVERAGE)
_TOTALS = {
    "cost_cents_sum": Coalesce(Sum("cost_cents"), 0),
    "input_tokens_sum": Coalesce(Sum("input_tokens"), 0),
    "cached_input_tokens_sum": Coalesce(Sum("cached_input_tokens"), 0),
    "output_tokens_sum": Coalesce(Sum("output_tokens"), 0),
    "api_run_count": Count("run_id", distinct=True, filter=Q(billing_type=BillingType.METERED_API)),
    "subscription_run_count": Count("run_id", distinct=True, filter=Q(billing_type__in=SUBSCRIPTIONS)),
    "last_event_at": Max("occurred_at"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time, both ends included; None is without bound."""

    since: datetime | None = None
    until: datetime | None = None

    def of(self, company_id: UUID) -> QuerySet[CostEvent]:
        """The cost events of a company in this period."""
        rows = CostEvent.objects.filter(company_id=company_id).order_by()
        if self.since is not None:
            rows = rows.filter(occurred_at__gte=self.since)
        return rows if self.until is None else rows.filter(occurred_at__lte=self.until)


def summary(company: Company, period: Period, *, now: datetime) -> dict[str, Any]:
    """Spending of the period (this month in UTC without one) against the monthly budget. One statement."""
    asked = period if period.since or period.until else Period(since=month_start(now))
    spent = asked.of(company.id).aggregate(cents=Coalesce(Sum("cost_cents"), 0))["cents"]
    return {
        "company_id": company.id,
        "spend_cents": spent,
        "budget_cents": company.budget_monthly_cents,
        "utilization_percent": utilization_percent(company.budget_monthly_cents, spent),
    }


def by_agent(company_id: UUID, period: Period) -> list[dict[str, Any]]:
    """One row per agent, dearest first."""
    return _grouped(
        period.of(company_id), agent_id=F("agent_id"), agent_name=F("agent__name"), agent_status=F("agent__status")
    )


def by_agent_model(company_id: UUID, period: Period) -> list[dict[str, Any]]:
    """One row per agent and model."""
    return _grouped(
        period.of(company_id),
        agent_id=F("agent_id"),
        agent_name=F("agent__name"),
        provider=F("provider"),
        biller=F("biller"),
        billing_type=F("billing_type"),
        model=F("model"),
    )


def by_provider(company_id: UUID, period: Period) -> list[dict[str, Any]]:
    """One row per provider and model."""
    return _grouped(
        period.of(company_id),
        provider=F("provider"),
        biller=F("biller"),
        billing_type=F("billing_type"),
        model=F("model"),
    )


def by_biller(company_id: UUID, period: Period) -> list[dict[str, Any]]:
    """One row per who sends the bill."""
    counts = {"provider_count": Count("provider", distinct=True), "model_count": Count("model", distinct=True)}
    return _grouped(period.of(company_id), counts=counts, biller=F("biller"))


def by_project(company_id: UUID, period: Period) -> list[dict[str, Any]]:
    """One row per project; usage without one is left out."""
    rows = period.of(company_id).filter(project_id__isnull=False)
    return _grouped(rows, project_id=F("project_id"), project_name=F("project__name"))


def window_spend(company_id: UUID, *, now: datetime) -> list[dict[str, Any]]:
    """One row per provider for each of the last 5 hours, 24 hours and 7 days."""
    rows: list[dict[str, Any]] = []
    for name, length in WINDOWS:
        found = _grouped(Period(since=now - length).of(company_id), provider=F("provider"), biller=F("biller"))
        hours = int(length.total_seconds() // 3600)
        rows += [{"window": name, "window_hours": hours, **row} for row in found]
    return rows


def _grouped(rows: QuerySet[CostEvent], *, counts: dict[str, Any] | None = None, **names: F) -> list[dict[str, Any]]:
    wanted = {f"by_{name}": column for name, column in names.items()}
    totals: Any = rows.values(**wanted).annotate(**_TOTALS, **(counts or {}))
    grouped = totals.order_by("-cost_cents_sum", *wanted)
    return [{_plain(name): value for name, value in row.items()} for row in grouped]


def _plain(name: str) -> str:
    return name.removeprefix("by_").removesuffix("_sum")
