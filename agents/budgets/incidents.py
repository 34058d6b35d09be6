"""What a person decides about a budget that was reached."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.access import locked_company_for, uuid_or_404
from agents.actors import Actor
from agents.budgets.observed import with_observed
from agents.budgets.policies import apply_policy, close_incidents
from agents.journal import activity, log_activity
from agents.models import BudgetIncident, BudgetPolicy
from agents.vocabulary import ApprovalStatus, IncidentStatus
from config.common.wire.errors import Conflict, NotFound, Unprocessable

TOO_LOW = "Budget must exceed the observed spend of {}"


def keep_paused(actor: Actor, company_ref: str, ref: str, note: str | None, *, now: datetime) -> BudgetIncident:
    """Leave the scope stopped until somebody raises the budget. 409 unless open. Locks the company."""
    with transaction.atomic():
        incident = _open_incident(actor, company_ref, ref)
        close_incidents(incident.policy, IncidentStatus.DISMISSED, ApprovalStatus.REJECTED, actor=actor, now=now)
        _log(actor, incident, "keep_paused", note)
    return _fresh(incident)


def raise_and_resume(
    actor: Actor, company_ref: str, ref: str, amount: int, note: str | None, *, now: datetime
) -> BudgetIncident:
    """Raise the budget above the spending (else 422) and resume what it had stopped. 409 unless open.

    Locks the company, then the scope.
    """
    with transaction.atomic():
        incident = _open_incident(actor, company_ref, ref)
        policy = with_observed(BudgetPolicy.objects.filter(id=incident.policy_id), now=now).get()
        if amount <= policy.observed:
            raise Unprocessable(TOO_LOW.format(policy.observed), details={"observedAmount": policy.observed})
        BudgetPolicy.objects.filter(id=policy.id).update(amount=amount, updated_at=now)
        policy.amount = amount
        apply_policy(actor, policy, now=now)
        _log(actor, incident, "raise_budget_and_resume", note)
    return _fresh(incident)


def _open_incident(actor: Actor, company_ref: str, ref: str) -> BudgetIncident:
    company = locked_company_for(actor, company_ref)
    wanted: UUID = uuid_or_404(ref, "Budget incident")
    incident = BudgetIncident.objects.select_related("policy").filter(id=wanted, company=company).first()
    if incident is None:
        raise NotFound.of("Budget incident")
    if incident.status != IncidentStatus.OPEN:
        raise Conflict(f"Budget incident is already {incident.status}")
    return incident


def _fresh(incident: BudgetIncident) -> BudgetIncident:
    return BudgetIncident.objects.select_related("approval").get(id=incident.id)


def _log(actor: Actor, incident: BudgetIncident, action: str, note: str | None) -> None:
    details = {"action": action, "decisionNote": note, "scopeType": incident.scope_type}
    log_activity(
        activity(
            actor,
            incident.company_id,
            "budget.incident_resolved",
            entity_type="budget_incident",
            entity_id=incident.id,
            details={**details, "scopeId": str(incident.scope_id)},
        )
    )
