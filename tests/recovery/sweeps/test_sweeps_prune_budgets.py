"""The hourly upkeep ends what a budget stopped in a month that is over (spec/2 K)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.actors import system
from agents.budgets import NewCost, record_cost_event
from agents.models import Agent
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory, BudgetPolicyFactory


@pytest.mark.django_db(transaction=True)
def test_a_budget_stop_does_not_outlive_its_month() -> None:
    may = datetime(2026, 5, 31, 23, tzinfo=UTC)
    agent = AgentFactory()
    BudgetPolicyFactory(company=agent.company, scope_type="agent", scope_id=agent.id, amount=100)
    cost = NewCost(
        company_id=agent.company_id, agent_id=agent.id, provider="p", model="m", occurred_at=may, cost_cents=100
    )
    record_cost_event(system(), cost, now=may)
    assert Agent.objects.get(id=agent.id).status == "paused"

    report = run_sweep(sweep_named(SweepName.PRUNE), now=may + timedelta(hours=2))

    assert Agent.objects.get(id=agent.id).status == "idle"
    assert report.counts["budget_scopes_resumed"] == 1
