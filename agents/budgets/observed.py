"""How much was spent, computed by the database from the cost events themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, DateTimeField, F, IntegerField, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from agents.budget_decisions import window_of
from agents.models import Agent, BudgetPolicy, Company, CostEvent
from agents.vocabulary import BudgetScope, BudgetWindow

EVER = datetime(1970, 1, 1, tzinfo=UTC)


def month_start(now: datetime) -> datetime:
    """When the calendar month of `now` began, in UTC."""
    return window_of(BudgetWindow.CALENDAR_MONTH_UTC, now=now).start or EVER


def with_observed(policies: QuerySet[BudgetPolicy], *, now: datetime) -> QuerySet[Any]:
    """The policies with `since` (where their window began) and `observed` (cents spent in scope and window)."""
    since = Case(
        When(window_kind=BudgetWindow.LIFETIME, then=Value(EVER)),
        default=Value(month_start(now)),
        output_field=DateTimeField(),
    )
    observed = Case(
        When(scope_type=BudgetScope.AGENT, then=_spent(agent_id=OuterRef("scope_id"))),
        When(scope_type=BudgetScope.PROJECT, then=_spent(project_id=OuterRef("scope_id"))),
        default=_spent(),
        output_field=IntegerField(),
    )
    return policies.annotate(since=since).annotate(observed=observed)


def _spent(**scope: OuterRef) -> Coalesce:
    events = CostEvent.objects.filter(company_id=OuterRef("company_id"), occurred_at__gte=OuterRef("since"), **scope)
    return Coalesce(Subquery(_total(events)), 0, output_field=IntegerField())


def _total(events: QuerySet[CostEvent]) -> QuerySet[CostEvent, Any]:
    return events.order_by().values("company_id").annotate(total=Sum("cost_cents")).values("total")


def refresh_spent(company_id: UUID, agent_id: UUID | None, *, now: datetime) -> None:
    """Set `spent_monthly_cents` of the company, then of the agent, to this month's sum. Locks both rows, in order."""
    month = CostEvent.objects.filter(company_id=company_id, occurred_at__gte=month_start(now))
    Company.objects.filter(id=company_id).update(spent_monthly_cents=_sum_of(month))
    if agent_id is not None:
        mine = Agent.objects.filter(id=agent_id, company_id=company_id)
        mine.update(spent_monthly_cents=_sum_of(month.filter(agent_id=agent_id)))


def _sum_of(events: QuerySet[CostEvent]) -> Coalesce:
    return Coalesce(Subquery(_total(events)), 0, output_field=IntegerField())


def exceeded(policies: QuerySet[BudgetPolicy], *, now: datetime) -> QuerySet[Any]:
    """The policies that are at their hard stop."""
    hard = policies.filter(is_active=True, hard_stop_enabled=True, amount__gt=0)
    return with_observed(hard, now=now).filter(observed__gte=F("amount"))
