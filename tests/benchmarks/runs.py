"""From an accepted wakeup to a finished run: how long, how many per second, and whether history matters (issue 2)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from config.trial.client import Client
from config.trial.stack import Stack, running_stack
from tests.benchmarks.report import emit, spread

ONE_BY_ONE = 50
BURST_AGENTS = 100
CLIENTS = 16
HISTORY_RUNS = 10_000
IDLE_AGENTS = 1_000
LIST_SECONDS = 5.0
PATIENCE = 60.0
POLL = 0.005
WARM_UP = 5

_ENDED = """select status, error_code, error, process_started_at, finished_at
            from heartbeats_heartbeatrun where id = %s and finished_at is not null"""


def bench() -> None:
    """Print every figure, first on an empty history, then on a long one."""
    with running_stack() as stack:
        emit("ready", seconds=round(stack.ready_seconds, 3))
        agents = [_agent(stack, number) for number in range(BURST_AGENTS)]
        _measure(stack, agents, "empty")
        _age(stack, agents[0])
        _measure(stack, agents, f"{HISTORY_RUNS} runs, {IDLE_AGENTS} agents")
        _list_rate(stack, agents[0])


def _agent(stack: Stack, number: int) -> str:
    body = {"name": f"Bench {number}", "adapterType": "process", "adapterConfig": {"command": "true"}}
    agent = stack.client.post(f"/api/companies/{stack.company_id}/agents", body)
    return str(agent["id"])


def _measure(stack: Stack, agents: list[str], history: str) -> None:
    with _database(stack) as link:
        _one_by_one(stack, link, agents[0], history)
        _burst(stack, link, agents, history)


def _one_by_one(stack: Stack, link: psycopg.Connection, agent: str, history: str) -> None:
    starts, ends = [], []
    for number in range(ONE_BY_ONE + WARM_UP):
        asked = time.time()
        started, finished = _finished(link, _wake(stack.client, agent))
        if number >= WARM_UP:
            starts.append(started - asked)
            ends.append(finished - asked)
    emit("one_by_one", history=history, runs=ONE_BY_ONE, **spread("start", starts), **spread("finish", ends))


def _wake(client: Client, agent: str) -> str:
    run = client.post(f"/api/agents/{agent}/wakeup", {"source": "on_demand", "triggerDetail": "manual"})
    return str(run["id"])


def _finished(link: psycopg.Connection, run_id: str) -> tuple[float, float]:
    """When its process started and when it finished. Asked of the database: a polled API would be what is measured."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        row = link.execute(_ENDED, [run_id]).fetchone()
        if row:
            status, code, error, started, finished = row
            if status != "succeeded":
                raise RuntimeError(f"run {run_id} ended {status}: {code} {error}")
            return started.timestamp(), finished.timestamp()
        time.sleep(POLL)
    raise TimeoutError(f"run {run_id} has not finished")


def _burst(stack: Stack, link: psycopg.Connection, agents: list[str], history: str) -> None:
    local = threading.local()

    def wake(agent: str) -> str:
        if not hasattr(local, "client"):
            local.client = Client(stack.client.url, stack.client.key)
        return _wake(local.client, agent)

    began = time.time()
    with ThreadPoolExecutor(CLIENTS) as pool:
        run_ids = list(pool.map(wake, agents))
    accepted = time.time()
    last = max(_finished(link, run_id)[1] for run_id in run_ids)
    emit(
        "burst",
        history=history,
        runs=len(run_ids),
        clients=CLIENTS,
        wakeups_per_second=round(len(run_ids) / (accepted - began), 1),
        runs_per_second=round(len(run_ids) / (last - began), 1),
    )


def _age(stack: Stack, agent: str) -> None:
    """Give the company a past, written straight into the tables."""
    with _database(stack) as link:
        link.execute(
            """insert into heartbeats_heartbeatrun select (jsonb_populate_record(null::heartbeats_heartbeatrun,
                   to_jsonb(old) || jsonb_build_object('id', gen_random_uuid(), 'wakeup_id', null,
                                      'created_at', old.created_at - n * interval '1 minute'))).*
               from (select * from heartbeats_heartbeatrun where status = 'succeeded' and agent_id = %s limit 1) old,
                    generate_series(1, %s) n""",
            [agent, HISTORY_RUNS],
        )
        link.execute(
            """insert into agents_agent select (jsonb_populate_record(null::agents_agent,
                   to_jsonb(old) || jsonb_build_object('id', gen_random_uuid(), 'name', 'Idle ' || n,
                                      'url_key', 'idle-' || n))).*
               from (select * from agents_agent where id = %s) old, generate_series(1, %s) n""",
            [agent, IDLE_AGENTS],
        )
        link.execute("analyze")


@contextmanager
def _database(stack: Stack) -> Iterator[psycopg.Connection]:
    lines = (stack.state_dir / "services.env").read_text(encoding="utf-8").splitlines()
    url = next(line.partition("=")[2].strip("'\"") for line in lines if "DATABASE_URL=" in line)
    with psycopg.connect(url, autocommit=True) as link:
        yield link


def _list_rate(stack: Stack, agent: str) -> None:
    path = f"/api/companies/{stack.company_id}/heartbeat-runs?agentId={agent}&limit=50"
    local = threading.local()

    def ask(_: int) -> int:
        if not hasattr(local, "client"):
            local.client = Client(stack.client.url, stack.client.key)
        count = 0
        until = time.monotonic() + LIST_SECONDS
        while time.monotonic() < until:
            # Not parsed: that would be the client's time, and there are two cores for both.
            status, raw = local.client.send("GET", path, None)
            if status != 200 or raw.count(b'"wakeupRequestId":') != 50:
                raise RuntimeError(f"the list is short, or refused: {status}")
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool:
        total = sum(pool.map(ask, range(4)))
    emit("newest_50_runs", stored=HISTORY_RUNS, clients=4, requests_per_second=round(total / LIST_SECONDS, 1))
