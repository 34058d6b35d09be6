"""Heartbeats per second over HTTP, next to what the database alone could do, and the CPU of each (issue 3)."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
import psycopg

from agents.key_material import NewKey, new_agent_key
from config.trial.stack import Stack, running_stack
from tests.benchmarks.report import emit, spread
from tests.benchmarks.wire import Tally, hammer, post_bytes

PATH = "/api/v1/agent/heartbeat"
AGENTS = (1, 200)
CONNECTIONS = (1, 16, 64)
FLOOR_CONNECTIONS = 16
SECONDS = 2.0
WARM_UP_SECONDS = 1.0
BODIES = {
    "no_op": b'{"status":"online"}',
    "warning": b'{"status":"online","error":{"severity":"warning","message":"fan 3 is slow","context":{"rpm":900}}}',
}


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of CPU time that the server's and the database's processes have used so far."""

    server: float
    database: float


def bench() -> None:
    """Print the floor and every figure, for one agent and for two hundred. About a minute."""
    with running_stack({"EVERBEAT_AGENT_RATE_PER_SEC": "0"}) as stack:
        emit("ready", seconds=round(stack.ready_seconds, 3))
        url = _database_url(stack)
        keys = _fleet(stack, url, max(AGENTS))
        for agents in AGENTS:
            _measure(stack, url, keys[:agents])


def _measure(stack: Stack, url: str, keys: Sequence[NewKey]) -> None:
    parts = urlsplit(stack.client.url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    asked = {kind: [post_bytes(address, PATH, key.token, body) for key in keys] for kind, body in BODIES.items()}
    hammer(address, asked["no_op"], connections=FLOOR_CONNECTIONS, seconds=WARM_UP_SECONDS)
    floor = _floor(stack, url, len(keys))
    for kind, connections in itertools.product(BODIES, CONNECTIONS):
        before = _cpu(stack)
        tally = hammer(address, asked[kind], connections=connections, seconds=SECONDS)
        _report(kind, len(keys), connections, tally, before, _cpu(stack), floor)


def _report(kind: str, agents: int, connections: int, tally: Tally, before: Cpu, after: Cpu, floor: float) -> None:
    if set(tally.statuses) != {200}:
        raise RuntimeError(f"not every heartbeat was taken: {tally.statuses}")
    rate = tally.answers / tally.seconds
    emit(
        "heartbeat",
        kind=kind,
        agents=agents,
        connections=connections,
        per_second=round(rate, 1),
        of_floor=round(rate / floor, 3),
        server_cpu_ms=_each(after.server - before.server, tally.answers),
        database_cpu_ms=_each(after.database - before.database, tally.answers),
        **spread("seconds", tally.latencies),
    )


def _floor(stack: Stack, url: str, agents: int) -> float:
    """Transactions per second of clients that do nothing but lock and touch one of the agents' rows."""
    with psycopg.connect(url) as link:
        ids = [row[0] for row in link.execute("select agent_id from agents_agentkey order by id limit %s", [agents])]
    turn, stop = itertools.cycle(ids), threading.Event()
    before = _cpu(stack)
    began = time.perf_counter()
    with ThreadPoolExecutor(FLOOR_CONNECTIONS) as pool:
        counts = [pool.submit(_lock_and_touch, url, turn, stop) for _ in range(FLOOR_CONNECTIONS)]
        stop.wait(SECONDS)
        stop.set()
        done = sum(count.result() for count in counts)
    rate = done / (time.perf_counter() - began)
    database = _each(_cpu(stack).database - before.database, done)
    emit("floor", agents=agents, connections=FLOOR_CONNECTIONS, per_second=round(rate, 1), database_cpu_ms=database)
    return rate


def _lock_and_touch(url: str, turn: itertools.cycle[object], stop: threading.Event) -> int:
    count = 0
    with psycopg.connect(url, autocommit=True, prepare_threshold=1) as link:
        while not stop.is_set():
            agent = next(turn)
            link.execute("begin")
            link.execute("select presence from agents_agent where id = %s for update", [agent])
            link.execute("update agents_agent set last_seen_at = now() where id = %s", [agent])
            link.execute("commit")
            count += 1
    return count


def _fleet(stack: Stack, url: str, count: int) -> list[NewKey]:
    """Keys of that many remote agents, written straight into the tables."""
    body = {"name": "Beating", "adapterType": "remote", "adapterConfig": {}}
    first = stack.client.post(f"/api/companies/{stack.company_id}/agents", body)["id"]
    keys = [new_agent_key() for _ in range(count)]
    with psycopg.connect(url) as link:
        link.execute(
            """insert into agents_agent select (jsonb_populate_record(null::agents_agent,
                   to_jsonb(old) || jsonb_build_object('id', gen_random_uuid(), 'name', 'Beating ' || n,
                                                       'url_key', 'beating-' || n))).*
               from (select * from agents_agent where id = %s) old, generate_series(2, %s) n""",
            [first, count],
        )
        rows = link.execute("select id, company_id from agents_agent where name like 'Beating%%'").fetchall()
        link.cursor().executemany(
            """insert into agents_agentkey (id, company_id, agent_id, name, key_hash, prefix, created_at, updated_at)
               values (gen_random_uuid(), %s, %s, 'bench', %s, %s, now(), now())""",
            [(company, agent, key.key_hash, key.prefix) for (agent, company), key in zip(rows, keys, strict=True)],
        )
        link.execute("update agents_agent set presence = 'online' where name like 'Beating%'")
        link.commit()
        link.autocommit = True
        link.execute("analyze")
    return keys


def _cpu(stack: Stack) -> Cpu:
    """Of the processes under the supervisor: those of the API's server, and those of PostgreSQL."""
    server = database = 0.0
    for process in psutil.Process(stack.pid).children(recursive=True):
        try:
            words = " ".join(process.cmdline())
            if "granian" in words:
                server += _used(process)
            elif process.name().startswith("postgres"):
                database += _used(process)
        except psutil.NoSuchProcess:
            continue
    return Cpu(server, database)


def _used(process: psutil.Process) -> float:
    """Its own, and what its children had used when they ended: connections come and go."""
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def _each(seconds: float, count: int) -> float:
    """Milliseconds for each of them."""
    return round(1000 * seconds / max(1, count), 3)


def _database_url(stack: Stack) -> str:
    lines = (stack.state_dir / "services.env").read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2].strip("'\"") for line in lines if "DATABASE_URL=" in line)
