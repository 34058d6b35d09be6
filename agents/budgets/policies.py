"""Setting limits, and what follows at once: a raised one resumes what it had stopped, a lowered one stops."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.access import locked_company_for
from agents.actors import Actor
from agents.budgets.enforcement import enforce_budgets
from agents.budgets.observed import exceeded
from agents.budgets.scopes import require_scope, resume_scope
from agents.journal import activity, log_activity
from agents.models import Agent, Approval, BudgetIncident, BudgetPolicy, Company
from agents.vocabulary import ApprovalStatus, BudgetScope, BudgetWindow, IncidentStatus


def upsert_policy(actor: Actor, company_ref: UUID | str, fields: Mapping[str, Any], *, now: datetime) -> BudgetPolicy:
    """Create or change the one policy of this scope and window, logged, and act on it. Locks company, then scope."""
    with transaction.atomic():
        company = locked_company_for(actor, company_ref)
        scope = BudgetScope(fields["scope_type"])
        require_scope(company.id, scope, fields["scope_id"])
        policy = _write(company.id, fields)
        log_activity(_row(actor, policy, "budget.policy_upserted"))
        apply_policy(actor, policy, now=now)
    return policy


def set_monthly_budget(
    actor: Actor, company_id: UUID, scope: BudgetScope, scope_id: UUID, cents: int, *, now: datetime
) -> BudgetPolicy:
    """Set the calendar-month limit of a company or agent; 0 means none. The caller has authorised it.

    Locks the company, then the agent: call it before anything else locks an agent.
    """
    with transaction.atomic():
        Company.objects.select_for_update(no_key=True).filter(id=company_id).first()
        fields = {
            "scope_type": scope,
            "scope_id": scope_id,
            "window_kind": BudgetWindow.CALENDAR_MONTH_UTC,
            "amount": cents,
        }
        policy = _write(company_id, fields)
        log_activity(_row(actor, policy, f"{scope}.budget_updated", entity=scope))
        apply_policy(actor, policy, now=now)
    return policy


def apply_policy(actor: Actor, policy: BudgetPolicy, *, now: datetime) -> None:
    """Act on a policy that changed. Caller holds the company's lock."""
    if policy.metric == "billed_cents" and policy.window_kind == BudgetWindow.CALENDAR_MONTH_UTC:
        _mirror(policy)
    over = exceeded(BudgetPolicy.objects.filter(id=policy.id), now=now).exists()
    if not over:
        close_incidents(policy, IncidentStatus.RESOLVED, ApprovalStatus.APPROVED, actor=actor, now=now)
        # What somebody chose to keep stopped is over too: reaching the new limit is news again.
        kept = BudgetIncident.objects.filter(policy=policy, status=IncidentStatus.DISMISSED)
        kept.update(status=IncidentStatus.RESOLVED, updated_at=now)
        resume_if_within(policy, now=now)
    enforce_budgets(policy.company_id, now=now)


def resume_if_within(policy: BudgetPolicy, *, now: datetime) -> bool:
    """Lift the budget's pause of the scope unless another policy of it is still used up."""
    same_scope = BudgetPolicy.objects.filter(
        company_id=policy.company_id, scope_type=policy.scope_type, scope_id=policy.scope_id
    )
    if exceeded(same_scope, now=now).exists():
        return False
    return resume_scope(policy.company_id, BudgetScope(policy.scope_type), policy.scope_id, now=now)


def close_incidents(
    policy: BudgetPolicy,
    status: IncidentStatus,
    decision: ApprovalStatus,
    *,
    actor: Actor,
    now: datetime,
    ended_by: datetime | None = None,
) -> int:
    """Close what is open on this policy (whose window has `ended_by` then) and answer the approvals that asked.

    Returns how many incidents were closed. Caller holds the company's lock.
    """
    rows = BudgetIncident.objects.filter(policy=policy, status=IncidentStatus.OPEN)
    if ended_by is not None:
        rows = rows.filter(window_end__lte=ended_by)
    asked = list(rows.values_list("approval_id", flat=True))
    Approval.objects.filter(id__in=asked, status=ApprovalStatus.PENDING).update(
        status=decision, decided_by_user_id=actor.user_id, decided_at=now, updated_at=now
    )
    return rows.update(status=status, resolved_at=now, updated_at=now)


def _write(company_id: UUID, fields: Mapping[str, Any]) -> BudgetPolicy:
    key_names = ("scope_type", "scope_id", "metric", "window_kind")
    key = {name: fields[name] for name in key_names if name in fields}
    values = {name: value for name, value in fields.items() if name not in key_names}
    policy, _ = BudgetPolicy.objects.update_or_create(
        **{"metric": "billed_cents", "window_kind": BudgetWindow.CALENDAR_MONTH_UTC, **key},
        company_id=company_id,
        defaults=values,
    )
    return policy


def _mirror(policy: BudgetPolicy) -> None:
    amount = policy.amount if policy.is_active else 0
    if policy.scope_type == BudgetScope.COMPANY:
        Company.objects.filter(id=policy.company_id).update(budget_monthly_cents=amount)
    elif policy.scope_type == BudgetScope.AGENT:
        mine = Agent.objects.filter(id=policy.scope_id, company_id=policy.company_id)
        mine.update(budget_monthly_cents=amount)


def _row(actor: Actor, policy: BudgetPolicy, action: str, *, entity: str = "budget_policy") -> Any:  # noqa: ANN401
    entity_id = policy.id if entity == "budget_policy" else policy.scope_id
    details = {"scopeType": policy.scope_type, "scopeId": str(policy.scope_id), "amount": policy.amount}
    return activity(actor, policy.company_id, action, entity_type=entity, entity_id=entity_id, details=details)
