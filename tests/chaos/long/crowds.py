"""Ten thousand heartbeats in ten seconds, and a thousand agents that come back at once (spec/6 rows 25, 26)."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import orjson
from django.db import connection
from django.utils import timezone

from agents.key_material import NewKey, new_agent_key
from agents.models import Agent, AgentKey
from agents.vocabulary import AdapterType, Presence
from heartbeats.models import HeartbeatRun
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import run_sweep
from recovery.vocabulary import SweepName
from tests.benchmarks.wire import post_bytes
from tests.chaos.fault import Seen
from tests.chaos.world import World, reap
from tests.factories.agents import AgentFactory, CompanyFactory
from tests.factories.heartbeats import running_run
from tests.processes import free_port

BURST, BURST_SECONDS, CONNECTIONS = 10_000, 10.0, 100
CROWD, MORE = 2_000, 1.2
RETURNING = 1_000
POOL = 8
PATH = "/api/v1/agent/heartbeat"
BODY = b'{"status":"online"}'
WORKING = 20
"""So many agents have a remote run in hand."""


@dataclass
class Answers:
    """What came back."""

    codes: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """The time that one in a hundred exceeds."""
        return sorted(self.seconds)[len(self.seconds) * 99 // 100]


def a_burst_of_heartbeats(world: World) -> Seen:
    """10,000 agents beat once, spread over ten seconds; then some of them as fast as 100 connections allow."""
    address = _api(world)
    keys = _fleet(BURST)
    long_silent = timezone.now() - timedelta(seconds=200)
    Agent.objects.update(last_seen_at=long_silent)
    for agent in Agent.objects.order_by("pk")[:WORKING]:
        running_run(agent=agent, adapter_type=AdapterType.REMOTE, executor_host="", executor_boot_id="")
    asked = [post_bytes(address, PATH, key.token, BODY) for key in keys]
    usual = asyncio.run(_ask(address, asked[:50], over=1.0, connections=1))
    Agent.objects.update(last_seen_at=long_silent)
    found = asyncio.run(_ask(address, asked, over=BURST_SECONDS, connections=CONNECTIONS))
    crowded = asyncio.run(_ask(address, asked[:CROWD], over=0.0, connections=CONNECTIONS))
    assert found.codes == {200: BURST}, found.codes
    assert crowded.codes == {200: CROWD}, crowded.codes
    assert _mean(crowded.pauses) > MORE * world.settings.TIMINGS.renew_every, _mean(crowded.pauses)
    assert not Agent.objects.filter(last_seen_at=long_silent).exists(), "a heartbeat was answered and lost"
    assert run_sweep(sweep_named(SweepName.SILENT_AGENTS)).results.acted == 0
    assert reap().results.acted == 0
    assert HeartbeatRun.objects.live().count() == WORKING
    return Seen(
        f"{BURST} answered 200, none lost, nobody reaped; p99 {found.p99 * 1000:.0f} ms; they are asked to come back "
        f"after {_mean(found.pauses):.2f} s on average, {_mean(usual.pauses):.2f} s before, and after "
        f"{_mean(crowded.pauses):.2f} s while {CONNECTIONS} at once wait for an answer",
        found.p99,
    )


def a_thousand_agents_come_back(world: World) -> Seen:
    """1,000 agents connect at once and say that they are online."""
    world.machine.env["EVERBEAT_DB_POOL_MAX"] = str(POOL)
    address = _api(world)
    keys = _fleet(RETURNING)
    Agent.objects.update(presence=Presence.OFFLINE)
    asked = [post_bytes(address, PATH, key.token, BODY) for key in keys]
    connection.close()
    began = time.monotonic()
    found, most = asyncio.run(_all_at_once(address, asked))
    took = time.monotonic() - began
    assert found.codes == {200: RETURNING}, found.codes
    assert Agent.objects.filter(presence=Presence.ONLINE).count() == RETURNING
    assert most <= POOL, f"{most} connections to the database"
    low, high = min(found.pauses), max(found.pauses)
    assert high - low > 0.1 * low, (low, high)
    assert len(set(found.pauses)) > RETURNING / 100
    return Seen(
        f"all answered 200 within {took:.1f} s over {most} database connections; they are asked to come back after "
        f"{low:.1f} to {high:.1f} s",
        took,
    )


def _api(world: World) -> tuple[str, int]:
    """Start the API; its address."""
    port = free_port()
    world.machine.env["EVERBEAT_PROCESS"] = "crowd"
    world.machine.api(port)
    return "127.0.0.1", port


def _fleet(count: int) -> list[NewKey]:
    company = CompanyFactory()
    plain = AgentFactory.build_batch(count, company=company, adapter_type=AdapterType.REMOTE, presence=Presence.ONLINE)
    agents = Agent.objects.bulk_create(plain)
    keys = [new_agent_key() for _agent in agents]
    AgentKey.objects.bulk_create(
        AgentKey(company=company, agent=agent, name="crowd", key_hash=key.key_hash, prefix=key.prefix)
        for agent, key in zip(agents, keys, strict=True)
    )
    return keys


async def _ask(address: tuple[str, int], requests: Sequence[bytes], *, over: float, connections: int) -> Answers:
    """Send them evenly over so many seconds; a request's time counts from when it was due."""
    answers, turn, began = Answers(), itertools.count(), time.monotonic()

    async def one() -> None:
        reader, writer = await asyncio.open_connection(*address)
        while (number := next(turn)) < len(requests):
            due = began + over * number / len(requests)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            writer.write(requests[number])
            await _answer(reader, answers, due)
        writer.close()

    await asyncio.gather(*(one() for _number in range(connections)))
    return answers


async def _all_at_once(address: tuple[str, int], requests: Sequence[bytes]) -> tuple[Answers, int]:
    """A connection each, all at the same moment; and how many connections the API's pool had at most."""
    answers, done = Answers(), asyncio.Event()

    async def one(request: bytes) -> None:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request)
        await _answer(reader, answers, began)
        writer.close()

    async def watch() -> int:
        most = 0
        while not done.is_set():
            most = max(most, await asyncio.to_thread(_connections))
            await asyncio.sleep(0.05)
        return most

    began, watching = time.monotonic(), asyncio.create_task(watch())
    await asyncio.gather(*(one(request) for request in requests))
    done.set()
    return answers, await watching


async def _answer(reader: asyncio.StreamReader, answers: Answers, since: float) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = orjson.loads(await reader.readexactly(length))
    answers.seconds.append(time.monotonic() - since)
    answers.codes[int(head[9:12])] += 1
    if "nextHeartbeatSec" in body:
        answers.pauses.append(body["nextHeartbeatSec"])


def _connections() -> int:
    """Those of the API: this test's own are named otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'crowd'"
        )
        found: int = cursor.fetchone()[0]
    connection.close()
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
