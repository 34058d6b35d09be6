"""What the first of a month changes: limits of a calendar month begin anew (spec/2 K; the resuming is ours).

Without this a monthly budget would stop its scope for ever, and last month's spending would be shown as this month's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.budgets.enforcement import BUDGETS, enforce_missed
from agents.budgets.observed import month_start, refresh_spent
from agents.budgets.policies import close_incidents, resume_if_within
from agents.models import Agent, BudgetIncident, BudgetPolicy, Company, CostEvent
from agents.vocabulary import ApprovalStatus, IncidentStatus


@dataclass(frozen=True, slots=True)
class WindowsClosed:
    """What one pass did."""

    resolved: int = 0
    resumed: int = 0
    refreshed: int = 0
    stopped: int = 0


def close_ended_windows(*, now: datetime, most: int = 200) -> WindowsClosed:
    """Resolve what was open in windows that have ended, resume what those had stopped, bring totals up to date, and
    stop what is over a limit that nobody looked at.

    For a periodic sweep; each company in a transaction of its own, at most `most` policies and agents per pass.
    Repeating changes nothing.
    """
    resolved = resumed = 0
    ended = BudgetIncident.objects.filter(status=IncidentStatus.OPEN, window_end__lte=now)
    for policy_id in set(ended.order_by("id").values_list("policy_id", flat=True)[:most]):
        closed, lifted = _close(policy_id, now=now)
        resolved, resumed = resolved + closed, resumed + lifted
    refreshed = _refresh_totals(now=now, most=most)
    return WindowsClosed(resolved, resumed, refreshed, enforce_missed(now=now, most=most).stopped)


def _close(policy_id: UUID, *, now: datetime) -> tuple[int, bool]:
    with transaction.atomic():
        policy = BudgetPolicy.objects.filter(id=policy_id).first()
        if policy is None:
            return 0, False
        Company.objects.select_for_update(no_key=True).filter(id=policy.company_id).first()
        closed = close_incidents(
            policy, IncidentStatus.RESOLVED, ApprovalStatus.CANCELLED, actor=BUDGETS, now=now, ended_by=now
        )
        return closed, resume_if_within(policy, now=now)


def _refresh_totals(*, now: datetime, most: int) -> int:
    """Totals above 0 without a cost event this month are last month's."""
    this_month = CostEvent.objects.filter(occurred_at__gte=month_start(now))
    spent = Agent.objects.filter(spent_monthly_cents__gt=0)
    stale = spent.exclude(id__in=this_month.values("agent_id")).order_by("id")
    rows = list(stale.values_list("company_id", "id")[:most])
    idle = Company.objects.filter(spent_monthly_cents__gt=0).exclude(id__in=this_month.values("company_id"))
    for company_id, agent_id in [*rows, *((id_, None) for id_ in idle.values_list("id", flat=True)[:most])]:
        with transaction.atomic():
            refresh_spent(company_id, agent_id, now=now)
    return len(rows)
