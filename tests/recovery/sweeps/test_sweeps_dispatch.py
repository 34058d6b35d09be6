"""Ringing again for queued runs, the timer sweep, and pruning (spec/6 fault 13)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent, IdempotencyRecord, LiveEvent
from agents.vocabulary import AdapterType, AgentStatus
from config.common.after_commit import pending
from heartbeats.models import HeartbeatRun
from recovery.models import PoisonRow, SweepRun
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory, CompanyFactory
from tests.factories.heartbeats import HeartbeatRunFactory, finished_run, running_run
from tests.statements import counted

pytestmark = pytest.mark.django_db


def queued(agent: Agent, *, age: float = 60, **columns: Any) -> HeartbeatRun:
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent, **columns)
    HeartbeatRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(seconds=age))
    return run


def dispatch() -> SweepReport:
    return run_sweep(sweep_named(SweepName.DISPATCH_QUEUED))


def rung() -> list[tuple[Any, ...]]:
    return [(*message.args, message.queue) for message in pending()]


def test_an_agent_with_a_queued_run_and_a_free_slot_is_rung_once() -> None:
    agent = AgentFactory()
    queued(agent)
    queued(agent)
    assert dispatch().results.ids == (agent.pk,)
    assert rung() == [(str(agent.pk), "runs")]


def test_the_ring_goes_to_the_hosts_of_the_label() -> None:
    agent = AgentFactory(host_label="gpu")
    queued(agent)
    dispatch()
    assert rung() == [(str(agent.pk), "runs.gpu")]


def test_agents_that_could_not_claim_anyway_are_left_alone() -> None:
    full = AgentFactory(max_concurrent_runs=1)
    running_run(agent=full, claimed_at=timezone.now() - timedelta(minutes=1))
    stopping = AgentFactory(max_concurrent_runs=1)
    finished_run(agent=stopping, process_stopping=True)
    paused = AgentFactory(status=AgentStatus.PAUSED)
    remote = AgentFactory(adapter_type=AdapterType.REMOTE)
    for agent in (full, stopping, paused, remote):
        queued(agent)
    queued(AgentFactory(), age=0)
    AgentFactory()
    assert dispatch().results.acted == 0
    assert rung() == []


def test_a_claim_of_this_moment_is_not_rung_for_again() -> None:
    agent = AgentFactory()
    running_run(agent=agent, claimed_at=timezone.now())
    queued(agent)
    assert dispatch().results.acted == 0
    HeartbeatRun.objects.filter(status="running").update(claimed_at=timezone.now() - timedelta(seconds=5))
    assert dispatch().results.acted == 1


def test_a_dry_run_rings_nobody() -> None:
    queued(AgentFactory())
    assert dry_run(sweep_named(SweepName.DISPATCH_QUEUED)).results.acted == 1
    assert rung() == []


@pytest.mark.django_db(transaction=True)
def test_finding_whom_to_ring_is_one_statement_for_any_number() -> None:
    company = CompanyFactory()
    for _ in range(30):
        queued(AgentFactory(company=company))
    dispatch()
    with counted() as statements:
        assert dispatch().results.acted == 30
    assert len(statements) <= 9, statements.report()


def test_a_dry_run_of_the_timers_names_the_agents_that_are_due() -> None:
    due = AgentFactory(timer_due_at=timezone.now() - timedelta(seconds=1))
    AgentFactory(timer_due_at=timezone.now() + timedelta(seconds=60))
    AgentFactory(timer_due_at=timezone.now() - timedelta(seconds=1), status=AgentStatus.PAUSED)
    assert dry_run(sweep_named(SweepName.TICK_TIMERS)).results.ids == (due.pk,)


def live_event(age: timedelta, seq: int | None) -> LiveEvent:
    event = LiveEvent.objects.create(company=CompanyFactory(), type="activity.logged", payload={}, seq=seq)
    LiveEvent.objects.filter(pk=event.pk).update(created_at=timezone.now() - age)
    return event


def expired_and_kept() -> tuple[list[Any], list[Any]]:
    company = CompanyFactory()
    now = timezone.now()
    records = [
        IdempotencyRecord.objects.create(company=company, actor="a", route="r", key=str(days), request_hash="h")
        for days in (0, 2)
    ]
    IdempotencyRecord.objects.filter(pk=records[1].pk).update(created_at=now - timedelta(days=2))
    runs = [SweepRun.objects.create(sweep="prune", started_at=now - timedelta(days=days)) for days in (2, 4)]
    poison = [
        PoisonRow.objects.create(sweep="prune", row_id=uuid.uuid4(), retry_at=now - timedelta(hours=hours), error="x")
        for hours in (1, 30)
    ]
    events = [live_event(timedelta(hours=23), 1), live_event(timedelta(hours=25), 2)]
    unsent = [live_event(timedelta(hours=25), None), live_event(timedelta(days=8), None)]
    pairs: list[list[Any]] = [records, runs, poison, events, unsent]
    return [pair[1] for pair in pairs], [pair[0] for pair in pairs]


def test_what_has_expired_goes_and_the_rest_stays() -> None:
    expired, kept = expired_and_kept()
    report = run_sweep(sweep_named(SweepName.PRUNE))
    assert report.counts == {
        "live_events": 1,
        "live_events_never_sent": 1,
        "idempotency_records": 1,
        "sweep_runs": 1,
        "poison_rows": 1,
        "budget_scopes_resumed": 0,
        "budget_windows_closed": 0,
    }
    assert not any(type(row).objects.filter(pk=row.pk).exists() for row in expired)
    assert all(type(row).objects.filter(pk=row.pk).exists() for row in kept)


def test_a_dry_run_of_the_pruning_counts_and_deletes_nothing() -> None:
    expired, _ = expired_and_kept()
    assert dry_run(sweep_named(SweepName.PRUNE)).counts["sweep_runs"] == 1
    assert all(type(row).objects.filter(pk=row.pk).exists() for row in expired)
