"""The whole circle of a hard stop: a run's cost stops its scope, nothing of the scope wakes, more money wakes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.actors import Actor, ActorSource
from agents.budgets.policies import upsert_policy
from agents.credentials import user_actor
from agents.models import Agent, BudgetIncident, Company
from agents.vocabulary import AgentStatus, BudgetScope, PauseReason
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.finalising import ExecutionResult, finalise_run
from heartbeats.vocabulary import WakeupSource
from heartbeats.wakeups.request import WakeupAsk, WakeupConflict, request_wakeup
from issues.models import Issue, Project
from tests.factories.agents import AgentFactory, BudgetPolicyFactory, UserFactory
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
    # a wake behind a run of an agent that stopped fails with it (spec/2 H); one of a stopped scope is cancelled (J)
    assert asked.status == ("failed" if scope == BudgetScope.AGENT else "cancelled")
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
