"""Wakeups, timers and claims: seconds, rate and statements of each verb on real servers (issue 4)."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from tests.benchmarks.database import analyse, bare_installation, empty_tables
from tests.benchmarks.report import emit, spread

if TYPE_CHECKING:
    from agents.models import Agent
    from heartbeats.vocabulary import WakeupSource
    from heartbeats.wakeups.request import WakeupAsk

WAKEUPS = 1_000
AT_ONCE = 16
API_PROCESSES = 2
TIMERS = 10_000
QUEUED = 1_000
SLOTS = 10
COUNTED = 20

Ask = Callable[[], object]


def bench() -> None:
    """Print one line per figure. About half a minute."""
    with bare_installation():
        for measure in (_distinct, _with_issues, _coalescing, _deferring, _timers, _claim):
            empty_tables()
            measure()


def _distinct() -> None:
    """Each for an agent of its own, without issue: one at a time, then sixteen at once."""
    agents = _agents(2 * WAKEUPS + COUNTED)
    asks = [partial(_request, _on_demand(agent_id)) for agent_id in agents]
    _report("distinct", asks[: 2 * WAKEUPS], asks[2 * WAKEUPS :])


def _with_issues() -> None:
    """Each for an agent and an issue of its own."""
    from tests.recovery.healthy_rows import healthy

    agent = healthy(2 * WAKEUPS + COUNTED)
    issues = _idle_issues(agent)
    asks = [partial(_request, _assigned(agent.pk, issue_id)) for issue_id in issues]
    _report("assigned", asks[: 2 * WAKEUPS], asks[2 * WAKEUPS :])


def _coalescing() -> None:
    """All into the queued run of one issue."""
    from tests.factories.agents import AgentFactory
    from tests.factories.issues import assigned_to

    agent = AgentFactory()
    ask = _assigned(agent.pk, assigned_to(agent).pk)
    for _ in range(2):
        _request(ask)
    _report("coalescing", [partial(_request, ask)] * (2 * WAKEUPS), [partial(_request, ask)] * COUNTED)


def _deferring() -> None:
    """All comments on an issue whose run is under way, merged into the one that waits."""
    from heartbeats.wakeups.request import WakeupAsk
    from issues.models import Issue
    from tests.factories.agents import AgentFactory
    from tests.factories.heartbeats import running_run
    from tests.factories.issues import IssueCommentFactory, assigned_to

    agent = AgentFactory()
    issue = assigned_to(agent)
    Issue.objects.filter(pk=issue.pk).update(execution_run=running_run(agent=agent, issue=issue))
    payload = {"issueId": str(issue.pk), "commentId": str(IssueCommentFactory(issue=issue).pk)}
    ask = WakeupAsk(agent_id=agent.pk, source=_automation(), reason="issue_commented", payload=payload)
    _request(ask)
    _report("deferring", [partial(_request, ask)] * (2 * WAKEUPS), [partial(_request, ask)] * COUNTED)


def _timers() -> None:
    """One tick over agents of which none is due."""
    from django.utils import timezone

    from agents.models import Agent
    from heartbeats.wakeups.timers import tick_timers

    _agents(TIMERS)
    now = timezone.now()
    Agent.objects.update(heartbeat_enabled=True, interval_sec=3600, timer_due_at=now + timedelta(hours=1))
    analyse()
    tick_timers(now)
    seconds = _timed([lambda: tick_timers(now)] * COUNTED)
    emit(
        "timers_none_due", agents=TIMERS, statements=_statements([lambda: tick_timers(now)]), **spread("tick", seconds)
    )


def _claim() -> None:
    """One agent with a thousand queued runs, each for an issue of its own; every slot is free."""
    from django.utils import timezone

    from agents.models import Agent
    from heartbeats.models import HeartbeatRun
    from heartbeats.runs.claiming import claim_runs
    from tests.recovery.healthy_rows import healthy

    agent = healthy(2 * QUEUED)
    HeartbeatRun.objects.filter(status="running").delete()
    Agent.objects.filter(pk=agent.pk).update(max_concurrent_runs=SLOTS)
    for issue_id in _idle_issues(agent)[:QUEUED]:
        _request(_assigned(agent.pk, issue_id))
    analyse()
    claim = partial(
        claim_runs, agent.pk, host="bench", boot_id="boot", capacity=1, lease_seconds=60, now=timezone.now()
    )
    statements = _statements([claim])
    seconds = _timed([claim] * (SLOTS - 1))
    running = HeartbeatRun.objects.filter(status="running").count()
    if running != SLOTS:
        raise RuntimeError(f"{running} runs were claimed, not {SLOTS}")
    emit("claim_one", queued=QUEUED, statements=statements, **spread("claim", seconds))
    emit(
        "claim_without_slot", queued=QUEUED, statements=_statements([claim]), **spread("claim", _timed([claim] * SLOTS))
    )


def _report(name: str, asks: Sequence[Ask], counted: Sequence[Ask]) -> None:
    """The first half one at a time, the second half sixteen at once, and the statements of each of `counted`."""
    half = len(asks) // 2
    analyse()
    _rate(name, 1, asks[:half])
    _rate(name, AT_ONCE, asks[half:])
    emit("wakeup_statements", kind=name, statements=_statements(counted))


def _rate(name: str, at_once: int, asks: Sequence[Ask]) -> None:
    """`at_once` callers, shared among as many processes as `make up` gives the API."""
    processes = 1 if at_once == 1 else API_PROCESSES
    used = _cpu()
    spans = _in_processes(
        [partial(_callers, asks[number::processes], at_once // processes) for number in range(processes)]
    )
    seconds = max(ended for _, ended in spans) - min(began for began, _ in spans)
    emit(
        "wakeups",
        kind=name,
        at_once=at_once,
        processes=processes,
        count=len(asks),
        seconds=round(seconds, 3),
        per_second=round(len(asks) / seconds, 1),
        cpu_ms=round(1000 * (_cpu() - used) / len(asks), 3),
    )


def _callers(asks: Sequence[Ask], at_once: int) -> list[tuple[float, float]]:
    """The spans of so many threads that share the asks, each on a connection that it has used before."""
    from tests.racing import race

    return race([partial(_span, asks[number::at_once]) for number in range(at_once)])


def _in_processes(works: Sequence[Callable[[], list[tuple[float, float]]]]) -> list[tuple[float, float]]:
    """Do one of them here, or several in forks at once; their clock is the same."""
    if len(works) == 1:
        return works[0]()
    from django.db import connection

    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    with multiprocessing.get_context("fork").Pool(len(works)) as pool:
        found = [span for spans in pool.map(_call, works, chunksize=1) for span in spans]
        pool.close()
        pool.join()
    return found


def _call(work: Callable[[], list[tuple[float, float]]]) -> list[tuple[float, float]]:
    return work()


def _span(asks: Sequence[Ask]) -> tuple[float, float]:
    """When the first was asked and the last was answered."""
    began = time.perf_counter()
    for ask in asks:
        ask()
    return began, time.perf_counter()


def _timed(calls: Sequence[Ask]) -> list[float]:
    seconds = []
    for call in calls:
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds


def _statements(calls: Sequence[Ask]) -> float:
    """Statements of one call, BEGIN and COMMIT included: the mean of these."""
    from tests.statements import counted

    with counted() as statements:
        for call in calls:
            call()
    return round(len(statements) / len(calls), 2)


def _request(ask: WakeupAsk) -> None:
    from django.utils import timezone

    from heartbeats.wakeups.request import request_wakeup

    request_wakeup(ask, now=timezone.now())


def _on_demand(agent_id: UUID) -> WakeupAsk:
    from heartbeats.vocabulary import WakeupSource
    from heartbeats.wakeups.request import WakeupAsk

    return WakeupAsk(agent_id=agent_id, source=WakeupSource.ON_DEMAND, reason="bench")


def _assigned(agent_id: UUID, issue_id: UUID) -> WakeupAsk:
    from heartbeats.vocabulary import WakeupSource
    from heartbeats.wakeups.request import WakeupAsk

    payload = {"issueId": str(issue_id)}
    return WakeupAsk(agent_id=agent_id, source=WakeupSource.ASSIGNMENT, reason="issue_assigned", payload=payload)


def _automation() -> WakeupSource:
    from heartbeats.vocabulary import WakeupSource

    return WakeupSource.AUTOMATION


def _agents(count: int) -> list[UUID]:
    """So many agents of one company, written straight into the table."""
    from django.db import connection

    from agents.models import Agent
    from tests.factories.agents import AgentFactory

    first = AgentFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into agents_agent select (jsonb_populate_record(null::agents_agent,
                   to_jsonb(old) || jsonb_build_object('id', gen_random_uuid(), 'name', 'Bench ' || n,
                                      'url_key', 'bench-' || n))).*
               from (select * from agents_agent where id = %s) old, generate_series(2, %s) n""",
            [first.pk, count],
        )
    return list(Agent.objects.values_list("pk", flat=True))


def _idle_issues(agent: Agent) -> list[UUID]:
    """The agent's issues, whose runs are over now."""
    from heartbeats.models import HeartbeatRun
    from issues.models import Issue

    HeartbeatRun.objects.filter(status="running").delete()
    return list(Issue.objects.filter(assignee_agent=agent).values_list("pk", flat=True))


def _cpu() -> float:
    """Of this process and of the forks that have ended."""
    spans = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in spans)
