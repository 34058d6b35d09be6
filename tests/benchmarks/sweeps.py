"""Each sweep with 100 rows to act on among 1,000, 10,000 and 100,000 healthy ones: seconds and statements (issue 5)."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.benchmarks.database import analyse, bare_installation, empty_tables
from tests.benchmarks.report import emit

if TYPE_CHECKING:
    from recovery.vocabulary import SweepName

HEALTHY = (1_000, 10_000, 100_000)
TO_ACT_ON = 100


def bench() -> None:
    """Print one line per sweep and size. `acted` must be what was prepared: a sweep that finds nothing is no figure."""
    with bare_installation():
        for healthy in HEALTHY:
            for name, prepare in _worlds().items():
                empty_tables()
                _measure(name, prepare, healthy)


def _measure(name: SweepName, prepare: Callable[[], None], healthy: int) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from config.common.clock import database_now
    from recovery.models import SweepState
    from recovery.sweeps.catalogue import sweep_named
    from recovery.sweeps.run import run_sweep
    from tests.recovery.healthy_rows import healthy as healthy_rows

    healthy_rows(healthy)
    for _number in range(TO_ACT_ON):
        prepare()
    analyse()
    SweepState.objects.create(sweep=name, last_succeeded_at=database_now())
    connection.queries_log.clear()  # it is bounded: a full one counts nothing
    began, used = time.monotonic(), _cpu()
    with CaptureQueriesContext(connection) as captured:
        report = run_sweep(sweep_named(name))
    emit(
        "sweep",
        sweep=name.value,
        healthy=healthy,
        acted=report.results.acted,
        seconds=round(time.monotonic() - began, 3),
        cpu=round(_cpu() - used, 3),
        statements=len(captured),
        **({"error": report.error} if report.error else {}),
    )


def _worlds() -> dict[SweepName, Callable[[], None]]:
    from django.utils import timezone

    from agents.models import Agent
    from agents.vocabulary import AdapterType, Presence
    from heartbeats.models import HeartbeatRun
    from issues.vocabulary import IssueStatus
    from recovery.models import RecoverySettings
    from recovery.vocabulary import SweepName
    from tests.factories.agents import AgentFactory
    from tests.factories.heartbeats import HeartbeatRunFactory, parked_retry, running_run
    from tests.factories.issues import IssueFactory, IssueRelationFactory, assigned_to
    from tests.recovery.seed_rows import DEAD_PID, lost_run, stranded

    ago = timedelta(minutes=10)

    def unheard() -> None:
        run = HeartbeatRunFactory()
        HeartbeatRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - ago)

    def blocked_by_nobodys_work() -> None:
        RecoverySettings.objects.update_or_create(id=1, defaults={"graph_liveness_auto_recovery": True})
        source = assigned_to(AgentFactory(), status=IssueStatus.BLOCKED)
        IssueRelationFactory(blocked=source, blocker=IssueFactory(company=source.company))

    def timer_due() -> None:
        agent = AgentFactory(heartbeat_enabled=True, interval_sec=60)
        Agent.objects.filter(pk=agent.pk).update(timer_due_at=timezone.now() - ago, created_at=timezone.now() - ago)

    def silent_agent() -> None:
        seen = timezone.now() - ago
        AgentFactory(
            adapter_type=AdapterType.REMOTE, presence=Presence.ONLINE, last_seen_at=seen, presence_changed_at=seen
        )

    return {
        SweepName.REAP_ORPHANS: lambda: void(lost_run(process_pid=DEAD_PID)),
        SweepName.PROMOTE_RETRIES: lambda: void(parked_retry(scheduled_retry_at=timezone.now() - ago)),
        SweepName.DISPATCH_QUEUED: unheard,
        SweepName.RECONCILE_STRANDED: lambda: void(stranded(IssueStatus.IN_PROGRESS)),
        SweepName.SCAN_SILENT_RUNS: lambda: void(running_run(last_output_at=timezone.now() - timedelta(hours=2))),
        SweepName.GRAPH_LIVENESS: blocked_by_nobodys_work,
        SweepName.TICK_TIMERS: timer_due,
        SweepName.SILENT_AGENTS: silent_agent,
    }


def void(_made: object) -> None:
    """Only that it is there matters."""


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
