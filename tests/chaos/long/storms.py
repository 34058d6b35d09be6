"""A provider is down for everybody (spec/6 row 29)."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from agents.models import Agent
from heartbeats.models import HeartbeatRun
from heartbeats.runs.claiming import ClaimedRun, claim_runs
from heartbeats.runs.finalising import ExecutionResult, finalise_run
from heartbeats.runs.ledger import DEFAULT_CAP
from heartbeats.vocabulary import RunStatus
from issues.models import Issue
from recovery.retries.ladder import JITTER_RATIO, MAX_ATTEMPTS, RETRY_DELAYS
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import run_sweep
from recovery.vocabulary import SweepName
from tests.chaos.fault import Seen
from tests.chaos.world import World
from tests.factories.agents import AgentFactory, CompanyFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import assigned_to

RUNS, AGENTS, SLOTS = 500, 50, 5
DOWN = ExecutionResult(exit_code=1, error_message="overloaded", error_family="transient_upstream")
MOST_IN_ONE_BIN = 0.3
"""Of the retries that one failure causes, in one twelfth of the time over which jitter spreads them."""


def a_provider_is_down(world: World) -> Seen:
    """500 runs of 50 agents fail transiently; so do their retries, of some until nothing more is granted."""
    agents = _agents_with_work()
    failed = _fail_all(agents)
    first = _spread(failed)
    began = time.monotonic()
    promoted = _promote(failed)
    took = time.monotonic() - began
    running = _start(agents)
    assert running == AGENTS * SLOTS, f"{running} started at once: more than the slots of their agents"
    exhausted = _to_the_end(agents[:1])
    return Seen(
        f"{RUNS} failures, one retry each, spread over {first:.0f} s; {promoted} promoted in one pass, {running} at "
        f"once started (an agent's slots bound it; there is no circuit per agent); {exhausted} followed to the end: "
        f"at most {DEFAULT_CAP} automatic runs each, then blocked and in front of people",
        took,
    )


def _agents_with_work() -> list[Agent]:
    company = CompanyFactory()
    agents: list[Agent] = [AgentFactory(company=company, max_concurrent_runs=SLOTS) for _number in range(AGENTS)]
    for agent in agents:
        for _number in range(RUNS // AGENTS):
            HeartbeatRunFactory(agent=agent, issue=assigned_to(agent, status="in_progress"))
    return agents


def _fail_all(agents: list[Agent]) -> list[UUID]:
    """Everything that is queued is claimed, slot by slot, and fails; the ids of the runs."""
    ended: list[UUID] = []
    while claimed := [claim for agent in agents for claim in _claim(agent)]:
        for claim in claimed:
            assert finalise_run(claim.run_id, epoch=claim.epoch, result=DOWN, now=timezone.now()).won
        ended += [claim.run_id for claim in claimed]
    return ended


def _claim(agent: Agent) -> tuple[ClaimedRun, ...]:
    """As many as its slots allow."""
    now = timezone.now()
    return claim_runs(agent.pk, host="storm", boot_id="b", capacity=RUNS, lease_seconds=60, now=now).runs


def _spread(failed: list[UUID]) -> float:
    """Each failure has one retry, within the ladder's bounds, and they are spread over them; the seconds of it."""
    retries = HeartbeatRun.objects.filter(retry_of_run__in=failed).select_related("retry_of_run")
    assert Counter(retry.retry_of_run_id for retry in retries) == dict.fromkeys(failed, 1)
    base = RETRY_DELAYS[0].total_seconds()
    waits = [_seconds(retry.scheduled_retry_at, retry.retry_of_run) for retry in retries]
    assert all(base * (1 - JITTER_RATIO) - 1 <= wait <= base * (1 + JITTER_RATIO) + 1 for wait in waits), waits
    bins = Counter(int(wait / (base * 2 * JITTER_RATIO / 12)) for wait in waits)
    assert max(bins.values()) <= MOST_IN_ONE_BIN * len(waits), bins
    return max(waits) - min(waits)


def _seconds(due: datetime | None, failed: HeartbeatRun | None) -> float:
    assert due is not None
    assert failed is not None
    assert failed.finished_at is not None
    return (due - failed.finished_at).total_seconds()


def _promote(failed: list[UUID]) -> int:
    """Nothing a moment early; what is due goes back to the queue."""
    assert run_sweep(sweep_named(SweepName.PROMOTE_RETRIES)).results.acted == 0
    retries = HeartbeatRun.objects.filter(retry_of_run__in=failed, status=RunStatus.SCHEDULED_RETRY)
    retries.update(scheduled_retry_at=timezone.now() - timedelta(seconds=1))
    promoted = run_sweep(sweep_named(SweepName.PROMOTE_RETRIES)).results.acted
    assert promoted == len(failed)
    return promoted


def _start(agents: list[Agent]) -> int:
    return sum(len(_claim(agent)) for agent in agents)


def _to_the_end(agents: list[Agent]) -> int:
    """The work of these agents fails at every attempt, until nothing is tried any more; how many issues that were."""
    for agent in agents:
        for run_id, epoch in HeartbeatRun.objects.filter(agent=agent, status="running").values_list("pk", "epoch"):
            finalise_run(run_id, epoch=epoch, result=DOWN, now=timezone.now())
    of_them = HeartbeatRun.objects.filter(agent__in=agents)
    rounds = 0
    while of_them.live().exists():
        rounds += 1
        assert rounds <= 2 * (DEFAULT_CAP + 2), "it is tried for ever"  # the work, then its recovery issues
        _fail_all(agents)
        parked = of_them.filter(status=RunStatus.SCHEDULED_RETRY)
        parked.update(scheduled_retry_at=timezone.now() - timedelta(seconds=1))
        run_sweep(sweep_named(SweepName.PROMOTE_RETRIES))
    assert (of_them.aggregate(most=Max("scheduled_retry_attempt"))["most"]) <= MAX_ATTEMPTS
    tries = Counter(of_them.exclude(issue=None).values_list("issue_id", flat=True))
    assert max(tries.values()) <= 1 + DEFAULT_CAP, tries
    owned = Issue.objects.filter(assignee_agent__in=agents, origin_kind="manual")
    assert set(owned.values_list("status", flat=True)) == {"blocked"}
    return owned.count()
