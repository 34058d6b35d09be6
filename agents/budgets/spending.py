"""Recording usage. Every cost event is followed by a look at the budgets that it counts against."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from agents.budgets.enforcement import enforce_budgets
from agents.budgets.observed import refresh_spent
from agents.journal import activity, log_activity
from agents.models import CostEvent
from agents.vocabulary import BillingType
from config.common import after_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCost:
    """One piece of usage. Ids are of the same company: the caller has seen to that. `biller` defaults to provider."""

    company_id: UUID
    agent_id: UUID
    provider: str
    model: str
    occurred_at: datetime
    cost_cents: int = 0
    biller: str | None = None
    billing_type: BillingType = BillingType.UNKNOWN
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    run_id: UUID | None = None
    issue_id: UUID | None = None
    project_id: UUID | None = None
    goal_id: UUID | None = None
    billing_code: str | None = None


def record_cost_event(actor: Actor, cost: NewCost, *, now: datetime) -> CostEvent:
    """Store usage that somebody reported, log `cost.reported`, and act on the budgets in the same transaction.

    Locks the company, then the agent.
    """
    with transaction.atomic():
        event = _insert(cost, booked_by_run=False)
        details = {"costCents": cost.cost_cents, "model": cost.model, "agentId": str(cost.agent_id)}
        log_activity(
            activity(
                actor, cost.company_id, "cost.reported", entity_type="cost_event", entity_id=event.id, details=details
            )
        )
        settle_spending(cost.company_id, cost.agent_id, cost.project_id, now)
    return event


def book_cost_event(cost: NewCost, *, now: datetime) -> CostEvent | None:
    """Store the usage of a finished run inside its transaction; None if that run was booked before.

    Takes no lock: budgets are looked at after commit, since that needs the company's lock, which comes before the
    agent's. Should that look be lost, `invocation_block` still counts the event, and the next look finds it.
    """
    if cost.run_id is not None and CostEvent.objects.filter(run_id=cost.run_id, booked_by_run=True).exists():
        return None
    event = _insert(cost, booked_by_run=cost.run_id is not None)
    after_commit.call(settle_spending, cost.company_id, cost.agent_id, cost.project_id, now)
    return event


def settle_spending(company_id: UUID, agent_id: UUID, project_id: UUID | None, now: datetime) -> None:
    """Bring `spent_monthly_cents` up to date and act on the budgets. Repeating changes nothing."""
    with transaction.atomic():
        refresh_spent(company_id, agent_id, now=now)
        enforce_budgets(company_id, now=now, agent_id=agent_id, project_id=project_id)


def _insert(cost: NewCost, *, booked_by_run: bool) -> CostEvent:
    columns = asdict(cost)
    return CostEvent.objects.create(**{**columns, "biller": cost.biller or cost.provider}, booked_by_run=booked_by_run)
