"""Each sweep among 1,000, 10,000 and 100,000 healthy rows, first with nothing to do, then with 100 rows to act on; two
hundred dead runs by what becomes of them; a thousand due retries (issue 5).

Seconds and statements. Goals: statements do not depend on healthy rows; a pass that finds nothing takes under 0.2 s
among 10,000 and under 1 s among 100,000; 200 runs are retried / failed / escalated in 1.5 / 1 / 3 s; 1,000 retries are
promoted in 2 s, the last of them within 10 s of its due time.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.benchmarks.database import analyse, bare_installation, empty_tables
from tests.benchmarks.report import emit

if TYPE_CHECKING:
    from recovery.sweeps.run import SweepReport
    from recovery.vocabulary import SweepName

HEALTHY = (1_000, 10_000, 100_000)
TO_ACT_ON = 100
DEAD_RUNS = 200
DUE_RETRIES = 1_000
REAPING_GOALS = {"retried": 1.5, "failed": 1.0, "escalated": 3.0}
PROMOTION_GOAL = 2.0
NOTHING_TO_DO_GOALS = {1_000: 0.2, 10_000: 0.2, 100_000: 1.0}


def bench() -> None:
    """One line per figure. `acted` must be what was prepared: a sweep that finds nothing is no figure."""
    with bare_installation():
        for becomes, goal in REAPING_GOALS.items():
            empty_tables()
            _reap(becomes, goal)
        empty_tables()
        _promote()
        for healthy in HEALTHY:
            for name, prepare in _worlds().items():
                empty_tables()
                _among(name, prepare, healthy)


def _among(name: SweepName, prepare: Callable[[], None], healthy: int) -> None:
    from tests.recovery.healthy_rows import healthy as healthy_rows

    healthy_rows(healthy)
    idle = _pass(name)
    for _number in range(TO_ACT_ON):
        prepare()
    acting = _pass(name)
    emit(
        "sweep",
        sweep=name.value,
        healthy=healthy,
        goal_nothing_to_do=NOTHING_TO_DO_GOALS[healthy],
        **{f"nothing_to_do_{key}": value for key, value in idle.items()},
        **acting,
    )


def _reap(becomes: str, goal: float) -> None:
    """Twenty agents of one company, each with ten dead runs on issues of their own."""
    from recovery.vocabulary import SweepName
    from tests.factories.agents import AgentFactory, CompanyFactory
    from tests.recovery.seed_rows import DEAD_PID, lost_run

    spent: dict[str, Any] = {} if becomes == "retried" else {"process_loss_retry_count": 1}
    if becomes == "escalated":
        spent["retry_reason"] = "issue_continuation_needed"
    company = CompanyFactory()
    agents = [
        AgentFactory(company=company, adapter_type="codex_local", max_concurrent_runs=DEAD_RUNS // 20)
        for _ in range(20)
    ]
    for number in range(DEAD_RUNS):
        lost_run(agent=agents[number % len(agents)], process_pid=DEAD_PID, **spent)
    emit("reap", becomes=becomes, goal=goal, **_pass(SweepName.REAP_ORPHANS))


def _promote() -> None:
    """Due a moment ago. A retry waits for the next pass and then for its turn in it."""
    from django.conf import settings
    from django.utils import timezone

    from recovery.vocabulary import SweepName
    from tests.factories.agents import AgentFactory, CompanyFactory
    from tests.factories.heartbeats import parked_retry
    from tests.factories.issues import assigned_to

    company = CompanyFactory()
    agents = [AgentFactory(company=company) for _ in range(20)]
    for number in range(DUE_RETRIES):
        agent = agents[number % len(agents)]
        parked_retry(agent=agent, issue=assigned_to(agent), scheduled_retry_at=timezone.now() - timedelta(seconds=1))
    figures = _pass(SweepName.PROMOTE_RETRIES)
    latest = round(settings.TIMINGS.sweep_every + figures["seconds"], 3)
    emit("promote", goal=PROMOTION_GOAL, after_due_at_most=latest, **figures)


def _pass(name: SweepName) -> dict[str, Any]:
    """One pass of a sweep that was not away, on analysed tables. BEGIN and COMMIT are not counted."""
    from config.common.clock import database_now
    from recovery.models import SweepState
    from recovery.sweeps.catalogue import sweep_named
    from recovery.sweeps.run import run_sweep

    analyse()
    SweepState.objects.update_or_create(sweep=name, defaults={"last_succeeded_at": database_now()})
    began, used = time.monotonic(), _cpu()
    statements, report = _counted(lambda: run_sweep(sweep_named(name)))
    return {
        "acted": report.results.acted,
        "seconds": round(time.monotonic() - began, 3),
        "cpu": round(_cpu() - used, 3),
        "statements": statements,
        **({"error": report.error} if report.error else {}),
    }


def _counted(act: Callable[[], SweepReport]) -> tuple[int, SweepReport]:
    from django.db import connection

    sent = 0

    def count(execute: Callable[..., Any], *statement: Any) -> Any:
        nonlocal sent
        sent += 1
        return execute(*statement)

    with connection.execute_wrapper(count):
        report = act()
    return sent, report


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
