"""Agents that fell silent, and their remote runs (spec/1 G)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.models import ActivityEvent, Agent
from agents.vocabulary import AdapterType, Presence
from heartbeats.models import HeartbeatRun
from recovery.audit.run import audit
from recovery.models import PoisonRow
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import running_run
from tests.racing import race
from tests.recovery.poison import poisoned

pytestmark = pytest.mark.django_db

SWEEP = sweep_named(SweepName.SILENT_AGENTS)


def remote(*, seen_ago: float, presence: Presence = Presence.ONLINE, **columns: Any) -> Agent:
    seen = timezone.now() - timedelta(seconds=seen_ago)
    agent: Agent = AgentFactory(
        adapter_type=AdapterType.REMOTE, presence=presence, last_seen_at=seen, presence_changed_at=seen, **columns
    )
    return agent


def sweep() -> SweepReport:
    return run_sweep(SWEEP)


@pytest.mark.parametrize("presence", [Presence.ONLINE, Presence.BUSY, Presence.BENCHMARKED, Presence.ERROR])
def test_an_agent_not_heard_of_for_five_minutes_is_offline_audited_and_announced(presence: Presence) -> None:
    agent = remote(seen_ago=301, presence=presence)
    assert sweep().counts == {"offline": 1}
    agent.refresh_from_db()
    assert agent.presence == Presence.OFFLINE
    row = ActivityEvent.objects.get(action="agent.presence_changed")
    assert row.details == {"from": presence.value, "to": "offline", "reason": "silent"}
    assert sweep().counts == {}


def test_an_agent_heard_of_lately_stays() -> None:
    agent = remote(seen_ago=290)
    assert sweep().results.looked_at == 0
    agent.refresh_from_db()
    assert agent.presence == Presence.ONLINE


def test_the_remote_runs_of_a_silent_agent_end_agent_lost_and_follow_the_failure_policy() -> None:
    agent = remote(seen_ago=400)
    run = running_run(agent=agent)
    assert sweep().counts == {"offline": 1, "runs_lost": 1}
    run.refresh_from_db()
    retry = HeartbeatRun.objects.get(retry_of_run=run)
    assert (run.status, run.error_code, retry.retry_reason) == ("failed", "agent_lost", "agent_failure")
    assert audit() == []


def test_an_agent_in_error_for_as_long_loses_its_runs_although_it_beats() -> None:
    agent = remote(seen_ago=400, presence=Presence.ERROR)
    Agent.objects.filter(pk=agent.pk).update(last_seen_at=timezone.now())
    run = running_run(agent=agent)
    assert sweep().counts == {"runs_lost": 1}
    run.refresh_from_db()
    assert run.error_code == "agent_lost"


def test_local_runs_are_the_reapers_business() -> None:
    agent = remote(seen_ago=400)
    Agent.objects.filter(pk=agent.pk).update(adapter_type=AdapterType.PROCESS)
    agent.refresh_from_db()
    run = running_run(agent=agent)
    assert sweep().counts == {"offline": 1}
    run.refresh_from_db()
    assert run.status == "running"


def test_one_poison_agent_holds_up_nobody_and_a_dry_run_changes_nothing() -> None:
    bad, good = remote(seen_ago=400), remote(seen_ago=400)
    assert dry_run(SWEEP).counts == {"offline": 2}
    with poisoned("agents_agent", bad.pk):
        report = sweep()
    assert (report.counts, report.results.errors) == ({"offline": 1}, 1)
    good.refresh_from_db()
    assert (good.presence, PoisonRow.objects.get().row_id) == (Presence.OFFLINE, bad.pk)


@pytest.mark.django_db(transaction=True)
def test_eight_sweeps_say_it_once() -> None:
    for _ in range(10):
        running_run(agent=remote(seen_ago=400))
    race([sweep] * 8)
    assert ActivityEvent.objects.filter(action="agent.presence_changed").count() == 10
    assert HeartbeatRun.objects.filter(error_code="agent_lost").count() == 10
    assert audit() == []
