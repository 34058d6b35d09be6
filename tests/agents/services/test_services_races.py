"""What two callers who come at once get: one of them wins, and neither does it twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from agents import approvals, lifecycle
from agents.actors import ActorSource, system
from agents.budgets import NewCost, close_ended_windows, record_cost_event
from agents.companies import create_company
from agents.credentials import user_actor
from agents.models import ActivityEvent, Agent, Approval, BudgetIncident, Company, CostEvent, IdempotencyRecord
from agents.secrets import resolve_bindings, store_secret
from config.common.clock import utc_now
from config.common.wire.errors import Unprocessable
from tests.agents.api.conftest import board_client
from tests.factories.agents import (
    AgentFactory,
    ApprovalFactory,
    BudgetPolicyFactory,
    CompanyFactory,
    CostEventFactory,
    MemberFactory,
    UserFactory,
)

together = pytest.mark.django_db(transaction=True)


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Every job in a thread of its own, released together; their answers, or what they raised."""
    gate = threading.Barrier(len(jobs))
    answers: list[Any] = [None] * len(jobs)

    def run(index: int, job: Callable[[], Any]) -> None:
        gate.wait(timeout=10)
        try:
            answers[index] = job()
        except Exception as error:
            answers[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return answers


@together
def test_of_two_approvals_at_once_one_wins() -> None:
    member = MemberFactory()
    actor = user_actor(member.user, ActorSource.BOARD_KEY)
    approval = ApprovalFactory(company=member.company, type="hire_agent", payload={"name": "Once"})
    job = lambda: approvals.approve(actor, str(approval.id), None, now=utc_now())  # noqa: E731
    assert sorted(decision.won for decision in at_once(job, job, job)) == [False, False, True]
    assert Agent.objects.filter(name="Once").count() == 1


@together
def test_repeats_that_race_create_one_thing_and_get_one_answer() -> None:
    member = MemberFactory()
    clients = [board_client(member.user) for _ in range(3)]
    url = f"/api/companies/{member.company_id}/agents"

    def create(client: Any) -> Callable[[], Any]:
        return lambda: client.post(url, {"name": "Once"}, format="json", HTTP_IDEMPOTENCY_KEY="k").json()

    answers = at_once(*map(create, clients))
    assert answers[0] == answers[1] == answers[2]
    assert Agent.objects.filter(name="Once").count() == IdempotencyRecord.objects.count() == 1


@together
def test_costs_that_reach_the_limit_at_once_open_one_incident() -> None:
    agent = AgentFactory()
    BudgetPolicyFactory(company=agent.company, scope_type="agent", scope_id=agent.id, amount=100)
    cost = NewCost(
        company_id=agent.company_id,
        agent_id=agent.id,
        provider="p",
        model="m",
        occurred_at=utc_now(),
        cost_cents=100,
    )
    answers = at_once(*[lambda: record_cost_event(system(), cost, now=utc_now())] * 4)
    assert all(isinstance(answer, CostEvent) for answer in answers), answers
    assert BudgetIncident.objects.filter(threshold_type="hard").count() == 1
    assert Approval.objects.count() == 1
    assert Agent.objects.get(id=agent.id).spent_monthly_cents == 400


@together
def test_founders_of_equal_names_at_once_get_different_prefixes() -> None:
    actor = user_actor(UserFactory(is_superuser=True), ActorSource.BOARD_KEY)
    made = at_once(*[lambda: create_company(actor, {"name": "Race"}, now=utc_now())] * 4)
    assert len({company.issue_prefix for company in made}) == 4


@together
def test_pausing_and_terminating_at_once_ends_terminated() -> None:
    member = MemberFactory()
    actor = user_actor(member.user, ActorSource.BOARD_KEY)
    agent = AgentFactory(company=member.company)
    at_once(
        lambda: lifecycle.pause_agent(actor, agent.id, now=utc_now()),
        lambda: lifecycle.terminate_agent(actor, agent.id, now=utc_now()),
    )
    assert Agent.objects.get(id=agent.id).status == "terminated"


@pytest.mark.django_db
def test_a_new_month_lifts_what_its_budget_had_stopped_and_clears_the_totals() -> None:
    now = datetime(2026, 5, 31, 23, tzinfo=UTC)
    agent = AgentFactory()
    BudgetPolicyFactory(company=agent.company, scope_type="agent", scope_id=agent.id, amount=100)
    cost = NewCost(
        company_id=agent.company_id, agent_id=agent.id, provider="p", model="m", occurred_at=now, cost_cents=100
    )
    record_cost_event(system(), cost, now=now)
    assert Agent.objects.get(id=agent.id).status == "paused"
    assert close_ended_windows(now=now + timedelta(minutes=59)).resumed == 0
    june = now + timedelta(hours=1)
    done = close_ended_windows(now=june)
    assert (done.resolved, done.resumed, done.refreshed) == (1, 1, 1)
    fresh = Agent.objects.get(id=agent.id)
    assert (fresh.status, fresh.spent_monthly_cents) == ("idle", 0)
    assert Company.objects.get(id=agent.company_id).spent_monthly_cents == 0
    assert close_ended_windows(now=june).resolved == 0


@pytest.mark.django_db
def test_a_new_month_leaves_lifetime_budgets_and_pauses_by_hand_alone() -> None:
    agent, other = AgentFactory(), AgentFactory(status="paused", pause_reason="manual")
    BudgetPolicyFactory(
        company=agent.company, scope_type="agent", scope_id=agent.id, amount=100, window_kind="lifetime"
    )
    cost = NewCost(
        company_id=agent.company_id, agent_id=agent.id, provider="p", model="m", occurred_at=utc_now(), cost_cents=100
    )
    record_cost_event(system(), cost, now=utc_now())
    close_ended_windows(now=utc_now() + timedelta(days=400))
    assert {Agent.objects.get(id=row.id).status for row in (agent, other)} == {"paused"}


@pytest.mark.django_db
def test_a_secret_is_sealed_versioned_and_found_by_name_or_id_in_its_company_only() -> None:
    company, other = CompanyFactory(), CompanyFactory()
    secret = store_secret(company.id, "deploy", "hunter2", now=utc_now())
    assert b"hunter2" not in bytes(secret.ciphertext)
    assert store_secret(company.id, "deploy", "hunter3", now=utc_now()).version == 2
    bindings = {
        "BY_NAME": {"type": "secret_ref", "name": "deploy"},
        "BY_ID": {"type": "secret_ref", "secretId": str(secret.id), "version": "latest"},
        "PLAIN": "a",
        "BOXED": {"type": "plain", "value": "b"},
    }
    values = {"BY_NAME": "hunter3", "BY_ID": "hunter3", "PLAIN": "a", "BOXED": "b"}
    assert resolve_bindings(company.id, bindings) == values
    with pytest.raises(Unprocessable, match="BY_NAME"):
        resolve_bindings(other.id, bindings)


@pytest.mark.django_db
def test_a_cost_of_another_company_counts_nowhere_else() -> None:
    agent = AgentFactory()
    CostEventFactory(agent=AgentFactory(), cost_cents=10**9)
    BudgetPolicyFactory(company=agent.company, amount=100)
    cost = NewCost(
        company_id=agent.company_id, agent_id=agent.id, provider="p", model="m", occurred_at=utc_now(), cost_cents=1
    )
    record_cost_event(system(), cost, now=utc_now())
    assert not BudgetIncident.objects.exists()
    assert ActivityEvent.objects.filter(action="cost.reported").count() == 1
