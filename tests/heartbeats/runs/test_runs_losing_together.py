"""Losing many runs in one transaction: the same outcome as one by one, and nobody waits (spec/3 A)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from agents.models import Agent, LiveEvent
from heartbeats.models import HeartbeatRun, RunEvent, WakeupRequest
from heartbeats.runs.losing import Loss, lose_run, lose_runs
from issues.models import Issue
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import EnvironmentLeaseFactory, TaskSessionFactory, running_run
from tests.factories.issues import TreeHoldFactory, assigned_to
from tests.racing import race

NOW = timezone.now()


def working(agent: Agent | None = None, **columns: Any) -> HeartbeatRun:
    agent = agent or AgentFactory(adapter_type="codex_local")
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    run = running_run(agent=agent, issue=issue, **columns)
    Issue.objects.filter(pk=issue.pk).update(execution_run=run, checkout_run=run)
    return run


def loss(run: HeartbeatRun, **more: Any) -> Loss:
    return Loss(run_id=run.pk, epoch=run.epoch, message="gone", evidence={"pid": 1}, **{"may_retry": True, **more})


def picture(run: HeartbeatRun) -> dict[str, Any]:
    """What a loss leaves behind, without ids and times."""
    run.refresh_from_db()
    assert run.issue_id is not None
    issue = Issue.objects.get(pk=run.issue_id)
    new = HeartbeatRun.objects.filter(retry_of_run=run).first()
    assert run.wakeup_id is not None
    wake = WakeupRequest.objects.get(pk=run.wakeup_id)
    return {
        "run": (run.status, run.error_code, run.error, run.supervisor_losses, run.liveness_state, run.result),
        "wakeup": (wake.status, wake.error),
        "events": list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", "level", "message")),
        "locks": (issue.execution_run_id is not None, issue.checkout_run_id == run.pk),
        "agent": Agent.objects.get(pk=run.agent_id).status,
        "new": new and (new.status, new.retry_reason, new.wake_reason, new.session_id_before, new.supervisor_losses),
        "environment": list(run.environment_leases.values_list("status", "failure_reason")),
        "told": LiveEvent.objects.filter(company=run.company_id).count(),
    }


def plain(run: HeartbeatRun) -> None:
    """Nothing special about it."""


def with_session(run: HeartbeatRun) -> None:
    TaskSessionFactory(agent=run.agent, task_key=run.task_key, session_display_id=None)


def with_environment(run: HeartbeatRun) -> None:
    EnvironmentLeaseFactory(run=run)


def held(run: HeartbeatRun) -> None:
    assert run.issue is not None
    TreeHoldFactory(root_issue=run.issue)


@pytest.mark.django_db
@pytest.mark.parametrize("world", [plain, with_session, with_environment, held])
@pytest.mark.parametrize("more", [{}, {"may_retry": False}, {"supervisor_lost": True}], ids=["retry", "spent", "kill"])
def test_together_ends_as_alone(world: Callable[[HeartbeatRun], None], more: dict[str, Any]) -> None:
    alone, first, second = working(), working(), working()
    for run in (alone, first, second):
        world(run)
    assert lose_run(loss(alone, **more), now=NOW).won
    lost = lose_runs([loss(first, **more), loss(second, **more)], now=NOW)
    assert all(one.won for one in lost.values())
    expected = picture(alone)
    assert picture(first) == picture(second) == expected


@pytest.mark.django_db
def test_the_third_death_of_a_supervisor_parks_the_run_and_recovers_nothing() -> None:
    run, other = working(supervisor_losses=2), working()
    lost = lose_runs([loss(run, supervisor_lost=True), loss(other)], now=NOW)
    assert (lost[run.pk].retry_run_id, lost[run.pk].follow_up_run_id) == (None, None)
    assert lost[other.pk].retry_run_id is not None
    run.refresh_from_db()
    assert (run.error_code, run.supervisor_losses) == ("poison", 3)
    assert "errorFamily" not in (run.result or {})


@pytest.mark.django_db
def test_a_stale_epoch_and_a_lease_that_was_renewed_lose_the_race() -> None:
    stale, renewed = working(), working(lease_expires_at=NOW + timedelta(seconds=30))
    HeartbeatRun.objects.filter(pk=stale.pk).update(epoch=2)
    lost = lose_runs([loss(stale), loss(renewed, silent_at=NOW)], now=NOW)
    assert [one.won for one in lost.values()] == [False, False]
    assert HeartbeatRun.objects.filter(status="running").count() == 2


@pytest.mark.django_db
def test_an_agent_is_settled_once_after_the_last_of_its_runs() -> None:
    agent = AgentFactory(adapter_type="codex_local", max_concurrent_runs=5)
    runs = [working(agent) for _ in range(3)]
    lose_runs([loss(run, may_retry=False) for run in runs], now=NOW)
    agent.refresh_from_db()
    assert agent.status == "error"
    assert LiveEvent.objects.filter(type="agent.status").count() == 1


@pytest.mark.django_db
def test_locks_that_a_run_holds_on_another_issue_are_cleared() -> None:
    run, other = working(), working()
    stray = assigned_to(run.agent)
    Issue.objects.filter(pk=stray.pk).update(checkout_run=run)
    lose_runs([loss(run), loss(other)], now=NOW)
    stray.refresh_from_db()
    assert stray.checkout_run_id is None


@pytest.mark.django_db(transaction=True)
def test_a_run_whose_agent_somebody_holds_is_not_waited_for() -> None:
    held_one, free = working(), working()
    taken, over = Event(), Event()

    def hold() -> set[Any]:
        with transaction.atomic():
            Agent.objects.select_for_update(no_key=True).get(pk=held_one.agent_id)
            taken.set()
            assert over.wait(20)
        return set()

    def act() -> set[Any]:
        assert taken.wait(20)
        try:
            return set(lose_runs([loss(held_one), loss(free)], now=NOW))
        finally:
            over.set()

    assert race([hold, act]) == [set(), {free.pk}]
    held_one.refresh_from_db()
    assert held_one.status == "running"
