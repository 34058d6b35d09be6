"""The same suite for every sweep: empty, dry run writes nothing, twice is once, eight at once, full page first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from agents.models import Agent
from agents.vocabulary import AdapterType, Presence
from heartbeats.models import HeartbeatRun
from issues.vocabulary import IssueStatus
from recovery.audit.run import audit
from recovery.models import RecoverySettings, SweepRun, SweepState
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep
from recovery.vocabulary import SweepName, SweepOutcome
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory, parked_retry, running_run
from tests.factories.issues import IssueFactory, IssueRelationFactory, assigned_to
from tests.racing import race
from tests.recovery.seed_rows import DEAD_PID, lost_run, stranded

pytestmark = pytest.mark.django_db

AGO = timedelta(minutes=10)


def a_dead_run() -> None:
    lost_run(process_pid=DEAD_PID)


def a_due_retry() -> None:
    parked_retry(scheduled_retry_at=timezone.now() - AGO)


def an_unheard_run() -> None:
    run = HeartbeatRunFactory()
    HeartbeatRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - AGO)


def a_stranded_issue() -> None:
    stranded(IssueStatus.IN_PROGRESS)


def a_silent_run() -> None:
    running_run(last_output_at=timezone.now() - timedelta(hours=2))


def a_blocked_issue_that_waits_for_nobody() -> None:
    RecoverySettings.objects.update_or_create(id=1, defaults={"graph_liveness_auto_recovery": True})
    source = assigned_to(AgentFactory(), status=IssueStatus.BLOCKED)
    IssueRelationFactory(blocked=source, blocker=IssueFactory(company=source.company))


def a_due_timer() -> None:
    agent = AgentFactory(heartbeat_enabled=True, interval_sec=60)
    Agent.objects.filter(pk=agent.pk).update(timer_due_at=timezone.now() - AGO, created_at=timezone.now() - AGO)


def a_silent_agent() -> None:
    seen = timezone.now() - AGO
    AgentFactory(adapter_type=AdapterType.REMOTE, presence=Presence.ONLINE, last_seen_at=seen, presence_changed_at=seen)


WORLD: dict[SweepName, Callable[[], None]] = {
    SweepName.REAP_ORPHANS: a_dead_run,
    SweepName.PROMOTE_RETRIES: a_due_retry,
    SweepName.DISPATCH_QUEUED: an_unheard_run,
    SweepName.RECONCILE_STRANDED: a_stranded_issue,
    SweepName.SCAN_SILENT_RUNS: a_silent_run,
    SweepName.GRAPH_LIVENESS: a_blocked_issue_that_waits_for_nobody,
    SweepName.TICK_TIMERS: a_due_timer,
    SweepName.SILENT_AGENTS: a_silent_agent,
}
ACTING = sorted(WORLD)
# Ringing changes no row: a run that was rung for and not claimed is rung for again.
ONCE = sorted(set(WORLD) - {SweepName.DISPATCH_QUEUED})


def sweep(name: SweepName) -> SweepReport:
    report = run_sweep(sweep_named(name))
    assert report.error is None, report.error
    assert report.results.errors == 0, report.results.error_texts
    return report


def fingerprint() -> dict[str, str]:
    """A hash of every row of every table."""
    with connection.cursor() as cursor:
        found = {}
        for table in connection.introspection.table_names():
            cursor.execute(
                f"select md5(coalesce(string_agg(t::text, chr(10) order by t::text), '')) from \"{table}\" t"
            )
            found[table] = cursor.fetchone()[0]
    return found


def test_every_sweep_has_a_row_to_act_on_here() -> None:
    assert set(WORLD) | {SweepName.PRUNE, SweepName.AUDIT} == set(SweepName)


@pytest.mark.parametrize("name", list(SweepName))
def test_an_empty_system_is_swept_with_success(name: SweepName) -> None:
    report = sweep(name)
    assert (report.outcome, report.results.acted) == (SweepOutcome.DONE, 0)
    state = SweepState.objects.get()
    assert (state.last_succeeded_at, state.last_error) == (report.started_at, None)


@pytest.mark.parametrize("name", ACTING)
def test_a_dry_run_sees_the_work_and_changes_no_row_of_any_table(name: SweepName) -> None:
    WORLD[name]()
    SweepState.objects.create(sweep=name, last_succeeded_at=timezone.now())
    before = fingerprint()
    report = dry_run(sweep_named(name))
    assert report.error is None
    assert report.results.acted == 1
    assert fingerprint() == before
    assert sweep(name).results.acted >= 1


@pytest.mark.parametrize("name", ONCE)
def test_twice_is_once(name: SweepName) -> None:
    WORLD[name]()
    assert sweep(name).results.acted >= 1
    assert sweep(name).results.acted == 0
    assert audit() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ONCE)
def test_eight_at_once_are_one(name: SweepName) -> None:
    for _ in range(3):
        WORLD[name]()
    reports = race([lambda: sweep(name)] * 8)
    assert sum(report.results.acted for report in reports) == 3
    assert SweepRun.objects.filter(acted__gt=0).count() >= 1
    assert audit() == []
