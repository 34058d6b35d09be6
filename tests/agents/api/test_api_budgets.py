"""Budgets (spec/2 K, spec/4 9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from agents.announcements import ScopeStopped, scope_stopped
from agents.budgets import NewCost, book_cost_event, close_ended_windows, enforce_budgets, invocation_block
from agents.budgets.enforcement import enforce_missed
from agents.models import ActivityEvent, Agent, Approval, BudgetIncident, BudgetPolicy, Company
from agents.vocabulary import AgentStatus, BudgetScope, PauseReason
from config.common.clock import utc_now
from issues.models import Project
from tests.agents.api.conftest import House, report
from tests.factories.agents import AgentFactory, BudgetPolicyFactory, CostEventFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def stopped() -> Iterator[list[ScopeStopped]]:
    """What was announced as stopped."""
    heard: list[ScopeStopped] = []
    scope_stopped.connect(heard.append)
    yield heard
    scope_stopped.disconnect(heard.append)


def policy(house: House, amount: int, **body: Any) -> Any:
    body = {"scopeType": "agent", "scopeId": str(house.agent.id), "amount": amount, **body}
    return house.owner.post(f"/api/companies/{house.company.id}/budgets/policies", body, format="json")


def block(house: House, project_id: Any = None) -> Any:
    return invocation_block(house.company.id, house.agent.id, project_id, now=utc_now())


def test_at_the_limit_the_agent_stops_with_an_incident_and_an_approval(
    house: House, stopped: list[ScopeStopped]
) -> None:
    assert policy(house, 200).json()["status"] == "ok"
    report(house)
    assert Agent.objects.get(id=house.agent.id).status == AgentStatus.IDLE
    report(house)
    agent = Agent.objects.get(id=house.agent.id)
    assert (agent.status, agent.pause_reason) == (AgentStatus.PAUSED, PauseReason.BUDGET)
    assert [(news.scope_type, news.scope_id, news.reason) for news in stopped] == [
        (BudgetScope.AGENT, agent.id, "Cancelled due to budget pause")
    ]
    overview = house.owner.get(f"/api/companies/{house.company.id}/budgets/overview").json()
    (incident,) = overview["activeIncidents"]
    assert (incident["thresholdType"], incident["amountObserved"], incident["approvalStatus"]) == (
        "hard",
        200,
        "pending",
    )
    assert (overview["pausedAgentCount"], overview["pendingApprovalCount"]) == (1, 1)
    (summary,) = overview["policies"]
    assert (summary["status"], summary["paused"], summary["scopeName"]) == ("hard_stop", True, "Worker")
    assert Approval.objects.get().type == "budget_override_required"


def test_enforcing_again_changes_nothing(house: House, stopped: list[ScopeStopped]) -> None:
    policy(house, 100)
    report(house)
    before = ActivityEvent.objects.count()
    for _ in range(3):
        enforce_budgets(house.company.id, now=utc_now())
    assert len(stopped) == 1
    assert BudgetIncident.objects.count() == 1
    assert ActivityEvent.objects.count() == before


def test_at_the_warn_percent_there_is_a_soft_incident_and_work_goes_on(house: House) -> None:
    policy(house, 120)
    report(house)
    assert BudgetIncident.objects.get().threshold_type == "soft"
    assert Agent.objects.get(id=house.agent.id).status == AgentStatus.IDLE
    assert block(house) is None


def test_a_budget_of_zero_limits_nothing(house: House) -> None:
    policy(house, 0)
    report(house, costCents=10**12)
    assert block(house) is None


def test_raising_the_budget_resumes_what_it_had_paused(house: House) -> None:
    policy(house, 100)
    report(house)
    incident = BudgetIncident.objects.get()
    url = f"/api/companies/{house.company.id}/budget-incidents/{incident.id}/resolve"
    low = house.owner.post(url, {"action": "raise_budget_and_resume", "amount": 100}, format="json")
    assert low.status_code == 422
    missing = house.owner.post(url, {"action": "raise_budget_and_resume"}, format="json")
    assert missing.status_code == 400
    done = house.owner.post(url, {"action": "raise_budget_and_resume", "amount": 1000}, format="json")
    assert (done.status_code, done.json()["status"], done.json()["approvalStatus"]) == (200, "resolved", "approved")
    assert Agent.objects.get(id=house.agent.id).status == AgentStatus.IDLE
    assert ActivityEvent.objects.filter(action="budget.incident_resolved").count() == 1
    assert house.owner.post(url, {"action": "keep_paused"}, format="json").status_code == 409


def test_raising_the_budget_leaves_a_pause_by_hand_alone(house: House) -> None:
    policy(house, 100)
    house.owner.post(f"/api/agents/{house.agent.id}/pause")
    report(house)
    policy(house, 1000)
    agent = Agent.objects.get(id=house.agent.id)
    assert (agent.status, agent.pause_reason) == (AgentStatus.PAUSED, PauseReason.MANUAL)


def test_keeping_it_paused_opens_no_second_incident_until_the_limit_moves(house: House) -> None:
    policy(house, 100)
    report(house)
    url = f"/api/companies/{house.company.id}/budget-incidents/{BudgetIncident.objects.get().id}/resolve"
    assert house.owner.post(url, {"action": "keep_paused"}, format="json").json()["status"] == "dismissed"
    report(house)
    assert BudgetIncident.objects.count() == 1
    policy(house, 1000)
    assert Agent.objects.get(id=house.agent.id).status == AgentStatus.IDLE
    report(house, costCents=5000)
    assert BudgetIncident.objects.filter(threshold_type="hard").count() == 2


def test_one_scope_with_two_policies_resumes_only_when_both_allow(house: House) -> None:
    policy(house, 100)
    policy(house, 100, windowKind="lifetime")
    report(house)
    policy(house, 1000)
    assert Agent.objects.get(id=house.agent.id).status == AgentStatus.PAUSED
    policy(house, 1000, windowKind="lifetime")
    assert Agent.objects.get(id=house.agent.id).status == AgentStatus.IDLE


def test_monthly_budgets_are_policies(house: House) -> None:
    answer = house.owner.patch(
        f"/api/companies/{house.company.id}/budgets", {"budgetMonthlyCents": 2**33}, format="json"
    )
    assert answer.json()["budgetMonthlyCents"] == 2**33
    answer = house.owner.patch(f"/api/agents/{house.agent.id}/budgets", {"budgetMonthlyCents": 5}, format="json")
    assert answer.json()["budgetMonthlyCents"] == 5
    assert set(BudgetPolicy.objects.values_list("scope_type", "amount")) == {("company", 2**33), ("agent", 5)}
    actions = set(ActivityEvent.objects.values_list("action", flat=True))
    assert {"company.budget_updated", "agent.budget_updated"} <= actions
    assert house.agent_caller.patch(f"/api/agents/{house.agent.id}/budgets", {}, format="json").status_code == 403


def test_a_policy_needs_a_scope_of_the_company(house: House) -> None:
    assert policy(house, 1, scopeId=str(AgentFactory().id)).status_code == 404
    assert policy(house, 1, scopeType="company", scopeId=str(uuid4())).status_code == 404
    assert policy(house, 1, scopeType="project", scopeId=str(uuid4())).status_code == 404
    assert policy(house, 1, warnPercent=100).status_code == 400


def test_a_company_at_its_limit_blocks_every_agent(house: House) -> None:
    policy(house, 100, scopeType="company", scopeId=str(house.company.id))
    report(house)
    company = Company.objects.get(id=house.company.id)
    assert (company.status, company.pause_reason) == ("paused", "budget")
    found = invocation_block(house.company.id, house.ceo.id, None, now=utc_now())
    assert found is not None
    assert (found.scope_type, found.scope_id) == (BudgetScope.COMPANY, house.company.id)
    assert found.reason == "Company is paused because its budget hard-stop was reached."


def test_a_project_at_its_limit_blocks_its_own_work_only(house: House) -> None:
    project = Project.objects.create(company=house.company, name="Ours")
    policy(house, 100, scopeType="project", scopeId=str(project.id))
    report(house, projectId=str(project.id))
    project.refresh_from_db()
    assert project.pause_reason == PauseReason.BUDGET
    found = block(house, project.id)
    assert (found.scope_type, found.scope_id) == (BudgetScope.PROJECT, project.id)
    assert block(house) is None
    policy(house, 1000, scopeType="project", scopeId=str(project.id))
    assert block(house, project.id) is None


def test_the_block_holds_from_the_event_that_reached_the_limit_in_one_statement(
    house: House, django_assert_num_queries: Any
) -> None:
    BudgetPolicyFactory(company=house.company, scope_type="agent", scope_id=house.agent.id, amount=100)
    CostEventFactory(agent=house.agent, cost_cents=99)
    assert block(house) is None
    CostEventFactory(agent=house.agent, cost_cents=1)
    with django_assert_num_queries(1):
        found = block(house)
    assert found.reason == "Agent cannot start work because its budget is used up."
    next_month = datetime(utc_now().year + 1, 1, 1, tzinfo=UTC)
    assert invocation_block(house.company.id, house.agent.id, None, now=next_month) is None


def test_the_order_of_blocks_is_company_then_agent_then_project(house: House) -> None:
    project = Project.objects.create(company=house.company, name="Ours", paused_at=utc_now(), pause_reason="manual")
    assert block(house, project.id).reason == "Project is paused."
    Agent.objects.filter(id=house.agent.id).update(status="paused", pause_reason="budget")
    assert block(house, project.id).reason == "Agent is paused because its budget hard-stop was reached."
    Company.objects.filter(id=house.company.id).update(status="paused", pause_reason="manual")
    assert block(house, project.id).reason == "Company is paused."


@pytest.mark.parametrize(("cents", "thresholds", "status"), [(100, ["hard"], "paused"), (80, ["soft"], "idle")])
def test_a_look_that_was_lost_is_made_up_for(
    house: House, stopped: list[ScopeStopped], cents: int, thresholds: list[str], status: str
) -> None:
    """The process died between the commit of a cost and the look at the budgets."""
    BudgetPolicyFactory(company=house.company, scope_type="agent", scope_id=house.agent.id, amount=100)
    BudgetPolicyFactory(company=house.company, scope_type="company", scope_id=house.company.id, amount=1_000_000)
    CostEventFactory(agent=house.agent, cost_cents=cents, occurred_at=utc_now())
    assert close_ended_windows(now=utc_now()).stopped == (status == "paused")
    assert list(BudgetIncident.objects.values_list("threshold_type", flat=True)) == thresholds
    assert Agent.objects.get(id=house.agent.id).status == status
    assert len(stopped) == (status == "paused")
    assert close_ended_windows(now=utc_now()).stopped == 0
    assert BudgetIncident.objects.count() == 1


def test_a_warned_budget_whose_stop_was_lost_is_stopped_too(house: House) -> None:
    BudgetPolicyFactory(company=house.company, scope_type="agent", scope_id=house.agent.id, amount=100)
    CostEventFactory(agent=house.agent, cost_cents=80, occurred_at=utc_now())
    close_ended_windows(now=utc_now())
    CostEventFactory(agent=house.agent, cost_cents=20, occurred_at=utc_now())
    assert close_ended_windows(now=utc_now()).stopped == 1
    assert Agent.objects.get(id=house.agent.id).pause_reason == PauseReason.BUDGET


def test_what_somebody_chose_to_keep_stopped_is_not_reopened_and_looking_costs_one_statement(
    house: House, django_assert_num_queries: Any
) -> None:
    made = BudgetPolicyFactory(company=house.company, scope_type="agent", scope_id=house.agent.id, amount=100)
    CostEventFactory(agent=house.agent, cost_cents=100, occurred_at=utc_now())
    enforce_missed(now=utc_now())
    BudgetIncident.objects.filter(policy=made).update(status="dismissed")
    with django_assert_num_queries(1):
        assert enforce_missed(now=utc_now()).checked == 0


def test_a_run_is_booked_once_and_its_budgets_are_looked_at_after_commit(
    house: House, django_capture_on_commit_callbacks: Any
) -> None:
    BudgetPolicyFactory(company=house.company, scope_type="agent", scope_id=house.agent.id, amount=100)
    cost = NewCost(
        company_id=house.company.id,
        agent_id=house.agent.id,
        provider="anthropic",
        model="opus",
        occurred_at=utc_now(),
        cost_cents=100,
    )
    with django_capture_on_commit_callbacks(execute=True):
        assert book_cost_event(cost, now=utc_now()) is not None
        assert Agent.objects.get(id=house.agent.id).status == AgentStatus.IDLE
    assert Agent.objects.get(id=house.agent.id).status == AgentStatus.PAUSED
