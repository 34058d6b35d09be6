"""How budgets stand, for screens."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from agents.budget_decisions import BudgetStatus, budget_status, remaining_amount, utilization_percent, window_of
from agents.budgets.enforcement import limit_of
from agents.budgets.observed import with_observed
from agents.budgets.scopes import paused_for
from agents.models import Agent, Approval, BudgetIncident, BudgetPolicy, Company
from agents.projects import projects
from agents.vocabulary import (
    AgentStatus,
    ApprovalStatus,
    ApprovalType,
    BudgetScope,
    BudgetWindow,
    IncidentStatus,
    PauseReason,
)


def overview(company: Company, *, now: datetime) -> dict[str, Any]:
    """Every policy of a company, what is open, and what budgets have stopped."""
    return {
        "company_id": company.id,
        "policies": policy_summaries(company, now=now),
        "active_incidents": incident_rows(company.id),
        **counts(company.id),
    }


def counts(company_id: UUID) -> dict[str, int]:
    """How much the budgets of a company have stopped, and how many questions about them wait. Three statements."""
    agents = Agent.objects.filter(company_id=company_id, status=AgentStatus.PAUSED, pause_reason=PauseReason.BUDGET)
    asked = Approval.objects.filter(company_id=company_id, type=ApprovalType.BUDGET_OVERRIDE_REQUIRED)
    return {
        "paused_agent_count": agents.count(),
        "paused_project_count": projects(company_id).filter(pause_reason=PauseReason.BUDGET).count(),
        "pending_approval_count": asked.filter(status=ApprovalStatus.PENDING).count(),
    }


def policy_summaries(company: Company, *, now: datetime, only: UUID | None = None) -> list[dict[str, Any]]:
    """The policies of a company with what was spent against them; `only` one of them."""
    rows = BudgetPolicy.objects.filter(company_id=company.id).order_by("scope_type", "created_at", "id")
    policies = list(with_observed(rows.filter(id=only) if only else rows, now=now))
    names, paused = _scope_names(company, policies), paused_for(company.id)
    return [_summary(policy, names, paused, now=now) for policy in policies]


def incident_rows(company_id: UUID, *, only: UUID | None = None) -> list[dict[str, Any]]:
    """The open incidents of a company, newest first; or `only` one, open or not."""
    rows = BudgetIncident.objects.filter(company_id=company_id).select_related("approval")
    chosen = rows.filter(id=only) if only else rows.filter(status=IncidentStatus.OPEN)
    return [_incident(incident) for incident in chosen[:200]]


def _summary(policy: Any, names: dict[UUID, str], paused: dict[UUID, str | None], *, now: datetime) -> dict[str, Any]:  # noqa: ANN401
    limit, observed = limit_of(policy), policy.observed
    window = window_of(BudgetWindow(policy.window_kind), now=now)
    return {
        "policy_id": policy.id,
        "company_id": policy.company_id,
        "scope_type": policy.scope_type,
        "scope_id": policy.scope_id,
        "scope_name": names.get(policy.scope_id, ""),
        "metric": policy.metric,
        "window_kind": policy.window_kind,
        "amount": policy.amount,
        "observed_amount": observed,
        "remaining_amount": remaining_amount(policy.amount, observed),
        "utilization_percent": utilization_percent(policy.amount, observed),
        "warn_percent": policy.warn_percent,
        "hard_stop_enabled": policy.hard_stop_enabled,
        "notify_enabled": policy.notify_enabled,
        "is_active": policy.is_active,
        "status": budget_status(limit, observed) if policy.is_active else BudgetStatus.OK,
        "paused": policy.scope_id in paused,
        "pause_reason": paused.get(policy.scope_id),
        "window_start": window.start,
        "window_end": window.end,
    }


def _scope_names(company: Company, policies: list[Any]) -> dict[UUID, str]:
    names = {company.id: company.name}
    agent_ids = [policy.scope_id for policy in policies if policy.scope_type == BudgetScope.AGENT]
    project_ids = [policy.scope_id for policy in policies if policy.scope_type == BudgetScope.PROJECT]
    if agent_ids:
        names.update(Agent.objects.filter(company=company, id__in=agent_ids).values_list("id", "name"))
    if project_ids:
        names.update(projects(company.id).filter(id__in=project_ids).values_list("id", "name"))
    return names


def _incident(incident: BudgetIncident) -> dict[str, Any]:
    names = (
        *("id", "company_id", "policy_id", "scope_type", "scope_id", "metric", "window_kind", "window_start"),
        *("window_end", "threshold_type", "amount_limit", "amount_observed", "status", "approval_id"),
        *("resolved_at", "created_at", "updated_at"),
    )
    row = {name: getattr(incident, name) for name in names}
    return {**row, "approval_status": incident.approval.status if incident.approval else None}
