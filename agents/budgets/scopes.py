"""Stopping and resuming what a budget limits. Callers hold the company's lock, which serialises them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from agents import lifecycle
from agents.actors import Actor
from agents.announcements import ScopeStopped, scope_stopped
from agents.models import Agent, Company
from agents.projects import pause_project, project_exists, projects, resume_project
from agents.vocabulary import AgentStatus, BudgetScope, CompanyStatus, PauseReason
from config.common.wire.errors import NotFound


def require_scope(company_id: UUID, scope_type: BudgetScope, scope_id: UUID) -> None:
    """404 unless the company has (or is) this scope."""
    found = {
        BudgetScope.COMPANY: lambda: scope_id == company_id,
        BudgetScope.AGENT: lambda: Agent.objects.filter(id=scope_id, company_id=company_id).exists(),
        BudgetScope.PROJECT: lambda: project_exists(company_id, scope_id),
    }
    if not found[scope_type]():
        raise NotFound.of(scope_type.value.capitalize())


def stop_scope(company_id: UUID, scope_type: BudgetScope, scope_id: UUID, *, actor: Actor, now: datetime) -> bool:
    """Pause the scope with reason `budget` and announce that its work is to be cancelled; False if it was paused."""
    stop = {BudgetScope.COMPANY: _stop_company, BudgetScope.AGENT: _stop_agent, BudgetScope.PROJECT: _stop_project}
    if not stop[scope_type](company_id, scope_id, now):
        return False
    scope_stopped.tell(
        ScopeStopped(
            company_id=company_id,
            scope_type=scope_type,
            scope_id=scope_id,
            reason=lifecycle.BUDGET_PAUSE_TEXT,
            actor=actor,
            now=now,
        )
    )
    return True


def resume_scope(company_id: UUID, scope_type: BudgetScope, scope_id: UUID, *, now: datetime) -> bool:
    """Lift a pause whose reason is `budget`, and no other; True if there was one."""
    if scope_type == BudgetScope.PROJECT:
        return resume_project(company_id, scope_id, now=now)
    if scope_type == BudgetScope.COMPANY:
        rows = Company.objects.filter(id=company_id, status=CompanyStatus.PAUSED, pause_reason=PauseReason.BUDGET)
        return rows.update(status=CompanyStatus.ACTIVE, pause_reason=None, paused_at=None, updated_at=now) == 1
    agent = _locked_agent(company_id, scope_id)
    if agent is None or agent.pause_reason != PauseReason.BUDGET:
        return False
    return lifecycle.lift_pause(agent, now=now)


def paused_for(company_id: UUID) -> dict[UUID, str | None]:
    """Every paused scope of the company with the reason of its pause, by id. Three statements."""
    paused: dict[UUID, str | None] = {}
    companies = Company.objects.filter(id=company_id, status=CompanyStatus.PAUSED)
    agents = Agent.objects.filter(company_id=company_id, status=AgentStatus.PAUSED)
    stopped: tuple[QuerySet[Any], ...] = (companies, agents, projects(company_id).filter(paused_at__isnull=False))
    for rows in stopped:
        paused.update(rows.values_list("id", "pause_reason"))
    return paused


def _stop_company(company_id: UUID, _scope_id: UUID, now: datetime) -> bool:
    rows = Company.objects.filter(id=company_id, status=CompanyStatus.ACTIVE)
    columns = {"pause_reason": PauseReason.BUDGET, "paused_at": now, "updated_at": now}
    return rows.update(status=CompanyStatus.PAUSED, **columns) == 1


def _stop_agent(company_id: UUID, agent_id: UUID, now: datetime) -> bool:
    agent = _locked_agent(company_id, agent_id)
    if agent is None or agent.status == AgentStatus.PAUSED:
        return False
    # its work ends with the scope's, wakeups before runs: else they fail behind the runs instead of being cancelled
    return lifecycle.mark_paused(agent, PauseReason.BUDGET, now=now)


def _stop_project(company_id: UUID, project_id: UUID, now: datetime) -> bool:
    return pause_project(company_id, project_id, now=now)


def _locked_agent(company_id: UUID, agent_id: UUID) -> Agent | None:
    return Agent.objects.select_for_update(no_key=True).filter(id=agent_id, company_id=company_id).first()
