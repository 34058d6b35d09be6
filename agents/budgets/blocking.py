"""Whether money lets a run start: asked before every wakeup and every claim, so it is one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, Subquery

from agents import budget_decisions
from agents.budget_decisions import ScopeFacts
from agents.budgets.observed import exceeded
from agents.models import Agent, BudgetPolicy
from agents.projects import projects
from agents.vocabulary import AgentStatus, BudgetScope, CompanyStatus, PauseReason

# What one scope has spent since its window began, as a scalar over the policy `b` and the parameter `month`.
_SPENT = """(
    select coalesce(sum(e.cost_cents), 0) from agents_costevent e where e.company_id = b.company_id and {of}
       and e.occurred_at >= case b.window_kind when 'lifetime' then '-infinity' else %(month)s::timestamptz end)"""
# Rows (scope_type, scope_id) of the policies `b` at their hard stop by their cost events, for gates that are one
# statement. `{company}` and `{scopes}` are SQL: an id, and an array of ids. The parameter `month`: `month_start(now)`.
USED_UP = f"""
    select b.scope_type, b.scope_id from agents_budgetpolicy b
    where b.company_id = {{company}} and b.scope_id = any({{scopes}})
      and b.is_active and b.hard_stop_enabled and b.amount > 0
      and b.amount <= case b.scope_type when 'agent' then {_SPENT.format(of="e.agent_id = b.scope_id")}
                                        when 'project' then {_SPENT.format(of="e.project_id = b.scope_id")}
                                        else {_SPENT.format(of="true")} end
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class BudgetBlock:
    """Why money, or a paused company or project, keeps a run from starting. `reason` is what clients show."""

    reason: str
    scope_type: BudgetScope
    scope_id: UUID


def invocation_block(company_id: UUID, agent_id: UUID, project_id: UUID | None, *, now: datetime) -> BudgetBlock | None:
    """The first block in the order of spec/4 9, or None; None too for an agent the company does not have.

    Spending is summed from the cost events, so a limit holds from the event that reached it on, also before anything
    was paused for it. Takes no lock. One statement.
    """
    row = _facts(company_id, agent_id, project_id, now=now)
    if row is None:
        return None
    block = budget_decisions.invocation_block(
        company=ScopeFacts(
            paused=row["company__status"] != CompanyStatus.ACTIVE,
            pause_reason=_reason(row["company__pause_reason"]),
            exceeded=BudgetScope.COMPANY in row["used_up"],
        ),
        agent=ScopeFacts(
            paused=row["status"] == AgentStatus.PAUSED,
            pause_reason=_reason(row["pause_reason"]),
            exceeded=BudgetScope.AGENT in row["used_up"],
        ),
        project=_project_facts(row) if project_id else None,
    )
    if block is None:
        return None
    ids = {BudgetScope.COMPANY: company_id, BudgetScope.AGENT: agent_id, BudgetScope.PROJECT: project_id or company_id}
    return BudgetBlock(block.text, block.scope, ids[block.scope])


def _facts(company_id: UUID, agent_id: UUID, project_id: UUID | None, *, now: datetime) -> dict[str, Any] | None:
    scope = Q(scope_type=BudgetScope.COMPANY, scope_id=company_id) | Q(scope_type=BudgetScope.AGENT, scope_id=agent_id)
    if project_id is not None:
        scope |= Q(scope_type=BudgetScope.PROJECT, scope_id=project_id)
    policies = BudgetPolicy.objects.filter(scope, company_id=OuterRef("company_id"))
    project = projects(company_id).filter(id=project_id)
    rows = Agent.objects.filter(id=agent_id, company_id=company_id).annotate(
        used_up=ArraySubquery(exceeded(policies, now=now).values("scope_type")),
        project_paused_at=Subquery(project.values("paused_at")[:1]),
        project_pause_reason=Subquery(project.values("pause_reason")[:1]),
    )
    names = ("status", "pause_reason", "company__status", "company__pause_reason", "used_up")
    row: dict[str, Any] | None = rows.values(*names, "project_paused_at", "project_pause_reason").first()
    return row


def _project_facts(row: dict[str, Any]) -> ScopeFacts:
    return ScopeFacts(
        paused=row["project_paused_at"] is not None,
        pause_reason=_reason(row["project_pause_reason"]),
        exceeded=BudgetScope.PROJECT in row["used_up"],
    )


def _reason(value: str | None) -> PauseReason | None:
    return PauseReason(value) if value else None
