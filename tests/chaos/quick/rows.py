"""Faults of single rows among many: racing judges, poison, a page of rows that cannot be acted on (9, 41, 42)."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connection
from django.utils import timezone
from structlog.testing import capture_logs

from heartbeats.models import HeartbeatRun, RunEvent
from recovery.models import PoisonRow
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, run_sweep
from recovery.vocabulary import SweepName
from tests.chaos.fault import Seen
from tests.chaos.holding import held
from tests.chaos.world import World, reaper_was_here
from tests.factories.agents import AgentFactory, CompanyFactory
from tests.factories.heartbeats import parked_retry
from tests.racing import race
from tests.recovery.poison import poisoned
from tests.recovery.seed_rows import DEAD_PID, lost_run

DEAD = 200
DUE = 500
EXEMPT = 1_000

_MANY = """
insert into heartbeats_heartbeatrun select made.*
from (select * from heartbeats_heartbeatrun where id = %s) old, generate_series(1, %s) n,
    lateral jsonb_populate_record(null::heartbeats_heartbeatrun, to_jsonb(old) || jsonb_build_object(
        'id', gen_random_uuid(), 'wakeup_id', null,
        'scheduled_retry_at', old.scheduled_retry_at + n * interval '1 millisecond')) made
"""


def eight_reapers_at_once(world: World) -> Seen:
    """Eight passes begin at one barrier on 200 dead runs."""
    ids = _dead_runs()
    reaper_was_here()
    began = time.monotonic()
    reports: list[SweepReport] = race([lambda: run_sweep(sweep_named(SweepName.REAP_ORPHANS))] * 8)
    took = time.monotonic() - began
    reaped = sum(report.counts.get("reaped", 0) for report in reports)
    assert reaped == DEAD, [report.as_dict() for report in reports]
    assert sum(len(report.results.error_texts) for report in reports) == 0
    assert HeartbeatRun.objects.filter(retry_of_run__in=ids).count() == DEAD
    verdicts = RunEvent.objects.filter(run__in=ids, level="error")
    assert verdicts.count() == verdicts.values("run").distinct().count() == DEAD
    return Seen(f"{DEAD} runs: one verdict, one event, one retry each", took)


def one_row_raises(world: World) -> Seen:
    """500 due retries, one of which refuses every write."""
    first = _due_retries(DUE - 1)
    victim = HeartbeatRun.objects.order_by("scheduled_retry_at")[DUE // 2]
    began = time.monotonic()
    with poisoned("heartbeats_heartbeatrun", victim.pk), capture_logs() as lines:
        structlog.get_logger().info("marker")
        report = run_sweep(sweep_named(SweepName.PROMOTE_RETRIES))
        took = time.monotonic() - began
        again = run_sweep(sweep_named(SweepName.PROMOTE_RETRIES))
    assert (report.results.acted, report.results.errors) == (DUE - 1, 1), report.as_dict()
    assert again.results.skipped == {"poison": 1}, again.as_dict()
    flagged = PoisonRow.objects.get()
    assert (flagged.row_id, flagged.failures) == (victim.pk, 1)
    alarms = [line for line in lines if line["event"] == "sweep_row_failed"]
    assert len(alarms) == 1
    assert first.agent_id == victim.agent_id
    _well_again()
    return Seen(f"{DUE - 1} promoted, one flagged and pushed forward, one alarm", took)


def _well_again() -> None:
    """Once the row is well again it is promoted: the flag is no grave."""
    PoisonRow.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    assert run_sweep(sweep_named(SweepName.PROMOTE_RETRIES)).results.acted == 1
    assert not PoisonRow.objects.exists()


def a_thousand_rows_that_cannot_be_acted_on(world: World) -> Seen:
    """Longest due are 1,000 rows that somebody holds locked; five free ones stand behind them."""
    _due_retries(EXEMPT - 1)
    in_front = list(HeartbeatRun.objects.values_list("pk", flat=True))
    free = [parked_retry(scheduled_retry_at=timezone.now() - timedelta(seconds=1)).pk for _number in range(5)]
    began = time.monotonic()
    with held(HeartbeatRun.objects.filter(pk__in=in_front)):
        report = run_sweep(sweep_named(SweepName.PROMOTE_RETRIES))
    took = time.monotonic() - began
    assert set(report.results.ids) == set(free)
    assert report.results.skipped == {"busy": EXEMPT}
    run_sweep(sweep_named(SweepName.PROMOTE_RETRIES))
    return Seen(f"{len(free)} rows behind {EXEMPT} locked ones were handled in the same pass", took)


def _dead_runs() -> list[UUID]:
    company = CompanyFactory()
    agents = [AgentFactory(company=company, max_concurrent_runs=10) for _number in range(DEAD // 10)]
    return [lost_run(agent=agent, process_pid=DEAD_PID).run.pk for agent in agents for _number in range(10)]


def _due_retries(more: int) -> HeartbeatRun:
    first = parked_retry(scheduled_retry_at=timezone.now() - timedelta(minutes=1))
    with connection.cursor() as cursor:
        cursor.execute(_MANY, [first.pk, more])
    return first
