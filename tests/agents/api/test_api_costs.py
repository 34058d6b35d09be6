"""Costs (spec/4 9)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from agents.models import ActivityEvent, Agent, Company, CostEvent
from config.common.clock import utc_now
from issues.models import Project
from tests.agents.api.conftest import House, report, usage
from tests.factories.agents import AgentFactory, CostEventFactory

pytestmark = pytest.mark.django_db


def test_reporting_usage_answers_the_event_and_moves_the_totals(house: House) -> None:
    answer = report(house, inputTokens=5)
    body = answer.json()
    assert (answer.status_code, body["biller"], body["billingType"]) == (201, "anthropic", "unknown")
    assert Agent.objects.get(id=house.agent.id).spent_monthly_cents == 100
    assert Company.objects.get(id=house.company.id).spent_monthly_cents == 100
    assert ActivityEvent.objects.filter(action="cost.reported").count() == 1


def test_usage_of_last_month_is_no_spending_of_this_month(house: House) -> None:
    report(house, occurredAt=(utc_now() - timedelta(days=40)).isoformat())
    assert Company.objects.get(id=house.company.id).spent_monthly_cents == 0


def test_an_agent_reports_its_own_costs_only(house: House) -> None:
    url = f"/api/companies/{house.company.id}/cost-events"
    assert house.agent_caller.post(url, usage(house), format="json").status_code == 201
    other = house.agent_caller.post(url, usage(house, agentId=str(house.ceo.id)), format="json")
    assert (other.status_code, other.json()["error"]) == (403, "Agent can only report its own costs")


def test_usage_points_at_nothing_of_another_company(house: House) -> None:
    foreign = AgentFactory()
    project = Project.objects.create(company=foreign.company, name="Theirs")
    assert report(house, agentId=str(foreign.id)).status_code == 404
    assert report(house, projectId=str(project.id)).status_code == 422
    assert report(house, heartbeatRunId=str(uuid4())).status_code == 422
    assert report(house, costCents=-1).status_code == 400
    assert CostEvent.objects.count() == 0


def test_a_repeated_report_is_counted_once(house: House) -> None:
    body = usage(house)
    url = f"/api/companies/{house.company.id}/cost-events"
    first, again = (house.owner.post(url, body, format="json", HTTP_IDEMPOTENCY_KEY="k").json() for _ in range(2))
    assert first == again
    assert CostEvent.objects.count() == 1


def test_the_summary_and_its_bounds(house: House) -> None:
    report(house, costCents=250)
    Company.objects.filter(id=house.company.id).update(budget_monthly_cents=1000)
    url = f"/api/companies/{house.company.id}/costs/summary"
    assert house.owner.get(url).json() == {
        "companyId": str(house.company.id),
        "spendCents": 250,
        "budgetCents": 1000,
        "utilizationPercent": 25.0,
    }
    assert house.owner.get(url, {"to": "2020-01-01T00:00:00Z"}).json()["spendCents"] == 0
    assert house.owner.get(url, {"from": "yesterday"}).status_code == 400


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("by-agent", "agentName"),
        ("by-agent-model", "model"),
        ("by-provider", "provider"),
        ("by-biller", "biller"),
        ("by-project", "projectName"),
        ("window-spend", "window"),
    ],
)
def test_breakdowns_add_up_and_cost_one_statement(
    house: House, name: str, key: str, django_assert_max_num_queries: Any
) -> None:
    project = Project.objects.create(company=house.company, name="Ours")
    CostEventFactory.create_batch(3, agent=house.agent, project=project)
    CostEventFactory(agent=AgentFactory())
    house.owner.get("/api/companies")
    with django_assert_max_num_queries(6):
        rows = house.owner.get(f"/api/companies/{house.company.id}/costs/{name}").json()
    assert rows
    assert all(row["costCents"] == 300 and row[key] for row in rows)


def test_quota_windows_are_for_the_board(house: House) -> None:
    url = f"/api/companies/{house.company.id}/costs/quota-windows"
    assert house.owner.get(url).json() == []
    assert house.agent_caller.get(url).status_code == 403
