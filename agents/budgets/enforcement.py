"""Acting on budgets: opening incidents, stopping what is over its limit. Repeating changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from agents.actors import Actor, system
from agents.budget_decisions import Limit, thresholds_crossed, window_of
from agents.budgets.observed import EVER, with_observed
from agents.budgets.scopes import stop_scope
from agents.journal import activity, log_activity
from agents.models import Approval, BudgetIncident, BudgetPolicy, Company
from agents.vocabulary import (
    ApprovalType,
    BudgetScope,
    BudgetThreshold,
    BudgetWindow,
    IncidentStatus,
)

BUDGETS = system("budgets")


@dataclass(frozen=True, slots=True)
class Enforced:
    """What one pass did."""

    checked: int = 0
    incidents: int = 0
    stopped: int = 0


def enforce_budgets(
    company_id: UUID, *, now: datetime, agent_id: UUID | None = None, project_id: UUID | None = None
) -> Enforced:
    """Check the budgets that cover this agent and project (without them: all of the company) and act on what is over.

    Locks the company, then the scope, only when something is over its line. One statement when nothing is.
    """
    over = [policy for policy in _policies(company_id, agent_id, project_id, now=now) if _crossed(policy)]
    if not over:
        return Enforced()
    with transaction.atomic():
        Company.objects.select_for_update(no_key=True).filter(id=company_id).first()
        again = with_observed(BudgetPolicy.objects.filter(id__in=[policy.id for policy in over]), now=now)
        done = [_act(policy, threshold, now=now) for policy in again.order_by("id") for threshold in _crossed(policy)]
    return Enforced(len(done), sum(opened for opened, _ in done), sum(stopped for _, stopped in done))


def enforce_missed(*, now: datetime, most: int = 200) -> Enforced:
    """Act on budgets that are over a line without an incident that says so: the look after a cost was lost.

    For a periodic sweep; one statement when nothing was missed. Repeating changes nothing.
    """
    told = BudgetIncident.objects.filter(policy_id=OuterRef("id"), window_start=OuterRef("since"))
    told = told.exclude(status=IncidentStatus.RESOLVED)
    stopped = Exists(told.filter(threshold_type=BudgetThreshold.HARD))
    over = with_observed(BudgetPolicy.objects.filter(is_active=True, amount__gt=0), now=now).filter(
        Q(observed__gte=F("amount"), hard_stop_enabled=True) & ~stopped
        | Q(observed__gte=F("amount") * F("warn_percent") / 100.0) & ~Exists(told)
    )
    companies = sorted(set(over.order_by("company_id").values_list("company_id", flat=True)[:most]))
    done = [enforce_budgets(company_id, now=now) for company_id in companies]
    return Enforced(*(sum(getattr(one, name) for one in done) for name in ("checked", "incidents", "stopped")))


def limit_of(policy: BudgetPolicy) -> Limit:
    """The policy as the pure rules see it. An inactive one limits nothing."""
    amount = policy.amount if policy.is_active else 0
    return Limit(amount=amount, warn_percent=policy.warn_percent, hard_stop_enabled=policy.hard_stop_enabled)


def _policies(company_id: UUID, agent_id: UUID | None, project_id: UUID | None, *, now: datetime) -> list[Any]:
    rows = BudgetPolicy.objects.filter(company_id=company_id, is_active=True, amount__gt=0)
    if agent_id is not None:
        rows = rows.filter(
            Q(scope_type=BudgetScope.COMPANY)
            | Q(scope_type=BudgetScope.AGENT, scope_id=agent_id)
            | Q(scope_type=BudgetScope.PROJECT, scope_id=project_id)
        )
    return list(with_observed(rows, now=now))


def _crossed(policy: Any) -> frozenset[BudgetThreshold]:  # noqa: ANN401 - a policy with its `observed`
    return thresholds_crossed(limit_of(policy), policy.observed)


def _act(policy: Any, threshold: BudgetThreshold, *, now: datetime) -> tuple[bool, bool]:  # noqa: ANN401
    incident = _open(policy, threshold, now=now)
    if threshold is not BudgetThreshold.HARD:
        return incident is not None, False
    scope = BudgetScope(policy.scope_type)
    stopped = stop_scope(policy.company_id, scope, policy.scope_id, actor=BUDGETS, now=now)
    if incident is not None:
        _ask_for_more(policy, incident)
        _log(BUDGETS, incident, "budget.hard_stop_reached")
    return incident is not None, stopped


def _open(policy: Any, threshold: BudgetThreshold, *, now: datetime) -> BudgetIncident | None:  # noqa: ANN401
    """A new incident; None when this window has one already, open or dismissed (somebody decided to keep it so)."""
    window = window_of(BudgetWindow(policy.window_kind), now=now)
    start = window.start or EVER
    known = BudgetIncident.objects.filter(policy_id=policy.id, threshold_type=threshold, window_start=start)
    if known.exclude(status=IncidentStatus.RESOLVED).exists():
        return None
    incident = BudgetIncident.objects.create(
        company_id=policy.company_id,
        policy_id=policy.id,
        scope_type=policy.scope_type,
        scope_id=policy.scope_id,
        metric=policy.metric,
        window_kind=policy.window_kind,
        window_start=start,
        window_end=window.end,
        threshold_type=threshold,
        amount_limit=policy.amount,
        amount_observed=policy.observed,
    )
    if threshold is BudgetThreshold.SOFT:
        _log(BUDGETS, incident, "budget.warning_reached")
    return incident


def _ask_for_more(policy: BudgetPolicy, incident: BudgetIncident) -> None:
    approval = Approval.objects.create(
        company_id=policy.company_id,
        type=ApprovalType.BUDGET_OVERRIDE_REQUIRED,
        payload={
            "incidentId": str(incident.id),
            "policyId": str(policy.id),
            "scopeType": policy.scope_type,
            "scopeId": str(policy.scope_id),
            "windowKind": policy.window_kind,
            "budgetAmount": incident.amount_limit,
            "observedAmount": incident.amount_observed,
        },
    )
    BudgetIncident.objects.filter(id=incident.id).update(approval=approval)
    incident.approval = approval


def _log(actor: Actor, incident: BudgetIncident, action: str) -> None:
    details = {
        "scopeType": incident.scope_type,
        "scopeId": str(incident.scope_id),
        "amountLimit": incident.amount_limit,
        "amountObserved": incident.amount_observed,
    }
    log_activity(
        activity(
            actor,
            incident.company_id,
            action,
            entity_type="budget_incident",
            entity_id=incident.id,
            details=details,
        )
    )
