"""The clock wakes agents: when they are due, not earlier, and cheaply (spec/2 B, spec/3 K.15)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.models import Agent
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.wakeups import timers
from heartbeats.wakeups.request import request_wakeup
from heartbeats.wakeups.timers import TimerTick, tick_timers
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import running_run
from tests.factories.issues import assigned_to
from tests.statements import counted

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def timed(**columns: Any) -> Agent:
    """An agent that was due a second ago, once an hour."""
    defaults = {
        "heartbeat_enabled": True,
        "interval_sec": 3600,
        "timer_due_at": NOW - timedelta(seconds=1),
        "last_heartbeat_at": NOW - timedelta(seconds=3601),
    }
    agent: Agent = AgentFactory(**{**defaults, **columns})
    return agent


def test_a_due_agent_is_woken_with_the_schedulers_context_and_gets_a_new_deadline() -> None:
    agent = timed()
    tick = tick_timers(NOW)
    run = HeartbeatRun.objects.get()
    row = WakeupRequest.objects.get()
    agent.refresh_from_db()
    assert tick == TimerTick(checked=1, enqueued=1, run_ids=(run.pk,))
    assert (run.invocation_source, run.wake_reason, run.task_key) == ("timer", "heartbeat_timer", "__heartbeat__")
    assert (run.context["source"], run.context["reason"]) == ("scheduler", "interval_elapsed")
    assert (row.requested_by_type, row.requested_by_id) == ("system", "heartbeat_scheduler")
    assert agent.timer_due_at == NOW + timedelta(hours=1)
    assert tick_timers(NOW) == TimerTick()


def test_agents_that_are_not_due_cost_one_statement_in_all() -> None:
    for _ in range(3):
        timed(timer_due_at=NOW + timedelta(seconds=1))
    with counted() as statements:
        assert tick_timers(NOW) == TimerTick()
    assert len(statements) == 1


def test_a_deadline_that_a_heartbeat_overtook_is_corrected_and_nobody_is_woken() -> None:
    agent = timed(last_heartbeat_at=NOW - timedelta(seconds=60))
    assert tick_timers(NOW) == TimerTick(checked=1, skipped=1)
    agent.refresh_from_db()
    assert agent.timer_due_at == NOW + timedelta(seconds=3540)


def test_the_cooldown_holds_between_timer_wakes() -> None:
    agent = timed(interval_sec=10, cooldown_sec=600)
    tick_timers(NOW)
    HeartbeatRun.objects.update(status="succeeded", finished_at=NOW)
    assert tick_timers(NOW + timedelta(seconds=20)).skipped == 1
    agent.refresh_from_db()
    assert agent.timer_due_at == NOW + timedelta(seconds=600)
    assert tick_timers(NOW + timedelta(seconds=600)).enqueued == 1


def test_an_idle_agent_that_asked_for_it_is_skipped() -> None:
    timed(skip_timer_when_idle=True)
    busy = timed(skip_timer_when_idle=True)
    assigned_to(busy)
    assigned_to(busy, status=IssueStatus.DONE)
    assert tick_timers(NOW) == TimerTick(checked=2, enqueued=1, skipped=1, run_ids=(HeartbeatRun.objects.get().pk,))


@pytest.mark.parametrize("columns", [{"status": "paused"}, {"heartbeat_enabled": False}, {"interval_sec": 0}])
def test_an_agent_that_has_no_timer_any_more_loses_its_deadline(columns: dict[str, Any]) -> None:
    agent = timed(**columns)
    assert tick_timers(NOW) == TimerTick(checked=1, skipped=1)
    agent.refresh_from_db()
    assert agent.timer_due_at is None


def test_a_timer_joins_the_agents_running_chore() -> None:
    agent = timed()
    run = running_run(agent=agent, task_key="__heartbeat__")
    assert tick_timers(NOW).run_ids == (run.pk,)
    assert HeartbeatRun.objects.count() == 1


def test_a_budget_block_is_a_skip() -> None:
    agent = timed()
    agent.company.status, agent.company.pause_reason = "paused", "budget"
    agent.company.save(update_fields=["status", "pause_reason"])
    assert tick_timers(NOW) == TimerTick(checked=1, skipped=1)
    assert WakeupRequest.objects.get().reason == "budget.blocked"


def test_one_agent_that_raises_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned, healthy = timed(timer_due_at=NOW - timedelta(hours=2)), timed()

    def fragile(ask: Any, *, now: datetime) -> Any:
        if ask.agent_id == poisoned.pk:
            raise ValueError("a rule is broken")
        return request_wakeup(ask, now=now)

    monkeypatch.setattr(timers, "request_wakeup", fragile)
    tick = tick_timers(NOW)
    assert (tick.checked, tick.enqueued, tick.failed) == (2, 1, 1)
    assert HeartbeatRun.objects.get().agent_id == healthy.pk
    poisoned.refresh_from_db()
    assert poisoned.timer_due_at == NOW + timedelta(hours=1)
