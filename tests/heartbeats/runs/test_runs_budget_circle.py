"""The whole circle of a hard stop: a run's cost stops its scope, nothing of the scope wakes, more money wakes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.actors import Actor, ActorSource
from agents.budgets.policies import upsert_policy
from agents.credentials import user_actor
from agents.models import Agent, BudgetIncident, Company, CostEvent
from agents.vocabulary import AgentStatus, BudgetScope, PauseReason
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.claiming import Claimed, claim_runs
from heartbeats.runs.finalising import ExecutionResult, finalise_run
from heartbeats.vocabulary import WakeupSource
from heartbeats.wakeups.request import WakeupAsk, WakeupConflict, request_wakeup
from issues.models import Issue, Project
from tests.factories.agents import AgentFactory, BudgetPolicyFactory, CostEventFactory, UserFactory
from tests.factories.heartbeats import HeartbeatRunFactory, WakeupRequestFactory, running_run
from tests.factories.issues import ProjectFactory, assigned_to
from tests.present import present

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COSTLY = ExecutionResult(exit_code=0, summary="Done.", cost_usd=1.0, billing_type="api", provider="anthropic")

pytestmark = pytest.mark.django_db


def owner() -> Actor:
    return user_actor(UserFactory(is_superuser=True), ActorSource.SESSION)


def scope_id(scope: BudgetScope, agent: Agent, project: Project) -> Any:
    return {"company": agent.company_id, "agent": agent.pk, "project": project.pk}[scope]


def wake(agent: Agent, issue: Issue) -> None:
    ask = WakeupAsk(agent_id=agent.pk, source=WakeupSource.ON_DEMAND, payload={"issueId": str(issue.pk)})
    request_wakeup(ask, now=NOW)


@pytest.mark.parametrize("scope", list(BudgetScope))
def test_a_run_s_cost_stops_its_scope_until_the_budget_is_raised(
    scope: BudgetScope, django_capture_on_commit_callbacks: Any
) -> None:
    agent: Agent = AgentFactory(status="running")
    project: Project = ProjectFactory(company=agent.company)
    BudgetPolicyFactory(company=agent.company, scope_type=scope, scope_id=scope_id(scope, agent, project), amount=100)
    spending = running_run(agent=agent, issue=assigned_to(agent, status="in_progress", project=project))
    waiting_issue = assigned_to(agent, status="todo", project=project)
    waiting: HeartbeatRun = HeartbeatRunFactory(agent=agent, issue=waiting_issue)
    asked: WakeupRequest = WakeupRequestFactory(
        agent=agent, issue=waiting_issue, status="deferred_issue_execution", run=None
    )

    with django_capture_on_commit_callbacks(execute=True):
        assert finalise_run(spending.pk, epoch=1, result=COSTLY, now=NOW).won

    waiting.refresh_from_db()
    asked.refresh_from_db()
    assert (waiting.status, waiting.error) == ("cancelled", "Cancelled due to budget pause")
    assert present(waiting.result)["stopReason"] == "budget_paused"
    assert asked.status == "cancelled"
    assert BudgetIncident.objects.get().amount_observed == 100
    with pytest.raises(WakeupConflict) as refused:
        wake(agent, waiting_issue)
    assert refused.value.details["scopeType"] == scope
    assert WakeupRequest.objects.filter(agent=agent, status="skipped", reason="budget.blocked").count() == 1

    more = {"scope_type": scope, "scope_id": scope_id(scope, agent, project), "amount": 500}
    upsert_policy(owner(), agent.company_id, more, now=NOW)

    agent.refresh_from_db()
    assert agent.status == AgentStatus.IDLE
    assert Company.objects.get(pk=agent.company_id).status == "active"
    assert Project.objects.get(pk=project.pk).paused_at is None
    assert BudgetIncident.objects.get().status == "resolved"
    wake(agent, waiting_issue)
    assert HeartbeatRun.objects.filter(agent=agent, issue=waiting_issue, status="queued").count() == 1


def test_more_money_does_not_lift_a_pause_by_hand(django_capture_on_commit_callbacks: Any) -> None:
    agent: Agent = AgentFactory(status="running")
    BudgetPolicyFactory(company=agent.company, scope_type="agent", scope_id=agent.pk, amount=100)
    run = running_run(agent=agent)
    Agent.objects.filter(pk=agent.pk).update(status="paused", pause_reason=PauseReason.MANUAL, paused_at=NOW)
    with django_capture_on_commit_callbacks(execute=True):
        finalise_run(run.pk, epoch=1, result=COSTLY, now=NOW)
    upsert_policy(owner(), agent.company_id, {"scope_type": "agent", "scope_id": agent.pk, "amount": 500}, now=NOW)
    agent.refresh_from_db()
    assert (agent.status, agent.pause_reason) == (AgentStatus.PAUSED, PauseReason.MANUAL)


def test_what_a_cancelled_run_had_cost_counts_when_its_process_is_gone(django_capture_on_commit_callbacks: Any) -> None:
    from heartbeats.runs.cancelling import cancel_run

    agent: Agent = AgentFactory(status="running")
    BudgetPolicyFactory(company=agent.company, scope_type="agent", scope_id=agent.pk, amount=100)
    run = running_run(agent=agent, process_pid=1)
    cancel_run(run.pk, now=NOW)
    with django_capture_on_commit_callbacks(execute=True):
        assert finalise_run(run.pk, epoch=1, result=COSTLY, now=NOW).already
    agent.refresh_from_db()
    assert (agent.status, agent.pause_reason) == (AgentStatus.PAUSED, PauseReason.BUDGET)


@pytest.mark.parametrize("scope", list(BudgetScope))
def test_spending_stops_wakeups_and_claims_before_anybody_has_acted_on_it(scope: BudgetScope) -> None:
    agent: Agent = AgentFactory(status="running")
    project: Project = ProjectFactory(company=agent.company)
    BudgetPolicyFactory(company=agent.company, scope_type=scope, scope_id=scope_id(scope, agent, project), amount=100)
    spending = running_run(agent=agent, issue=assigned_to(agent, status="in_progress", project=project))
    issue = assigned_to(agent, status="todo", project=project)
    waiting: HeartbeatRun = HeartbeatRunFactory(agent=agent, issue=issue)
    elsewhere: HeartbeatRun = HeartbeatRunFactory(agent=agent, issue=assigned_to(agent, status="todo"))

    assert finalise_run(spending.pk, epoch=1, result=COSTLY, now=NOW).won  # the look at the budgets is lost here
    assert not BudgetIncident.objects.exists()
    with pytest.raises(WakeupConflict) as refused:
        wake(agent, assigned_to(agent, status="todo", project=project))
    assert refused.value.details["scopeType"] == scope
    claimed = claim(agent)

    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
    assert "budget" in present(waiting.error)
    free = scope == BudgetScope.PROJECT
    assert [run.run_id for run in claimed.runs] == ([elsewhere.pk] if free else [])


@pytest.mark.parametrize(
    ("columns", "spent_at", "stops"),
    [
        ({}, NOW, True),
        ({}, datetime(2026, 2, 28, 23, 59, tzinfo=UTC), False),
        ({"window_kind": "lifetime"}, datetime(2020, 1, 1, tzinfo=UTC), True),
        ({"amount": 101}, NOW, False),
        ({"hard_stop_enabled": False}, NOW, False),
        ({"is_active": False}, NOW, False),
    ],
)
def test_only_what_a_hard_stop_counts_in_its_window_stops(
    columns: dict[str, Any], spent_at: datetime, stops: bool
) -> None:
    agent: Agent = AgentFactory()
    limits = {"scope_type": "agent", "scope_id": agent.pk, "amount": 100, **columns}
    BudgetPolicyFactory(company=agent.company, **limits)
    CostEventFactory(company=agent.company, agent=agent, cost_cents=100, occurred_at=spent_at)
    CostEventFactory(company=agent.company, cost_cents=900, occurred_at=NOW)
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent)
    if stops:
        with pytest.raises(WakeupConflict):
            wake(agent, assigned_to(agent, status="todo"))
    else:
        wake(agent, assigned_to(agent, status="todo"))
    assert (run.pk in [one.run_id for one in claim(agent).runs]) is not stops


def test_a_run_whose_wake_names_its_project_is_the_project_s(django_capture_on_commit_callbacks: Any) -> None:
    agent: Agent = AgentFactory(status="running")
    project: Project = ProjectFactory(company=agent.company)
    BudgetPolicyFactory(company=agent.company, scope_type="project", scope_id=project.pk, amount=100)
    named = {"projectId": str(project.pk)}
    queued: HeartbeatRun = HeartbeatRunFactory(agent=agent, context=named)
    free: HeartbeatRun = HeartbeatRunFactory(agent=agent, context={"projectId": str(ProjectFactory().pk)})
    spending = running_run(agent=agent, context=named)
    with django_capture_on_commit_callbacks(execute=True):
        finalise_run(spending.pk, epoch=1, result=COSTLY, now=NOW)
    assert CostEvent.objects.get().project_id == project.pk
    queued.refresh_from_db()
    assert (queued.status, queued.error) == ("cancelled", "Cancelled due to budget pause")
    late: HeartbeatRun = HeartbeatRunFactory(agent=agent, context=named)
    assert [run.run_id for run in claim(agent).runs] == [free.pk]
    late.refresh_from_db()
    assert (late.status, present(late.result)["stopReason"]) == ("cancelled", "budget_paused")


def claim(agent: Agent) -> Claimed:
    return claim_runs(agent.pk, host="host-a", boot_id="boot", capacity=9, lease_seconds=60, now=NOW)
