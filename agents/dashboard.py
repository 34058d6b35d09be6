"""A company at one glance. What issues and runs add, their apps provide (`agents.overview`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count

from agents import costs
from agents.budgets.summaries import counts
from agents.models import Agent, Approval, BudgetIncident, Company
from agents.overview import sections
from agents.vocabulary import AgentStatus, ApprovalStatus, IncidentStatus
from config.common.wire.camel import opaque

NO_TASKS = {"open": 0, "inProgress": 0, "blocked": 0, "done": 0}


def dashboard(company: Company, *, now: datetime) -> dict[str, Any]:
    """Agents, tasks, money, questions and the runs of the last fortnight, ready for the wire."""
    spending = costs.summary(company, costs.Period(), now=now)
    stopped = counts(company.id)
    incidents = BudgetIncident.objects.filter(company=company, status=IncidentStatus.OPEN).count()
    waiting = Approval.objects.filter(company=company, status=ApprovalStatus.PENDING).count()
    return {
        "companyId": company.id,
        "agents": _agents(company),
        "costs": {
            "monthSpendCents": spending["spend_cents"],
            "monthBudgetCents": spending["budget_cents"],
            "monthUtilizationPercent": spending["utilization_percent"],
        },
        "pendingApprovals": waiting,
        "budgets": {
            "activeIncidents": incidents,
            "pendingApprovals": stopped["pending_approval_count"],
            "pausedAgents": stopped["paused_agent_count"],
            "pausedProjects": stopped["paused_project_count"],
        },
        "tasks": opaque(NO_TASKS),
        "runActivity": [],
        **{name: opaque(part) for name, part in sections(company.id, now=now).items()},
    }


def _agents(company: Company) -> dict[str, int]:
    """How many are active (idle ones too), running, paused, in error."""
    rows = Agent.objects.filter(company=company).order_by().values_list("status").annotate(Count("id"))
    by_status = dict(rows)
    return {
        "active": by_status.get(AgentStatus.ACTIVE, 0) + by_status.get(AgentStatus.IDLE, 0),
        "running": by_status.get(AgentStatus.RUNNING, 0),
        "paused": by_status.get(AgentStatus.PAUSED, 0),
        "error": by_status.get(AgentStatus.ERROR, 0),
    }
