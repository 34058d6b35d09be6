"""From an accepted wakeup to a finished run: how long, how many per second, and whether history matters (issue 2)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

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
    _one_by_one(stack, agents[:1], history, warm_up=5)
    _burst(stack, agents, history)


def _one_by_one(stack: Stack, agents: list[str], history: str, *, warm_up: int) -> None:
    starts, ends = [], []
    for number in range(ONE_BY_ONE + warm_up):
        asked = time.time()
        run = _finished(stack.client, _wake(stack.client, agents[0]))
        if number >= warm_up:
            starts.append(_moment(run["processStartedAt"]) - asked)
            ends.append(_moment(run["finishedAt"]) - asked)
    emit("one_by_one", history=history, runs=ONE_BY_ONE, **spread("start", starts), **spread("finish", ends))


def _wake(client: Client, agent: str) -> str:
    run = client.post(f"/api/agents/{agent}/wakeup", {"source": "on_demand", "triggerDetail": "manual"})
    return str(run["id"])


def _finished(client: Client, run_id: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        run: dict[str, Any] = client.get(f"/api/heartbeat-runs/{run_id}")
        if run["finishedAt"]:
            if run["status"] != "succeeded":
                raise RuntimeError(f"run {run_id} ended {run['status']}: {run['errorCode']} {run['error']}")
            return run
        time.sleep(0.01)
    raise TimeoutError(f"run {run_id} has not finished")


def _burst(stack: Stack, agents: list[str], history: str) -> None:
    local = threading.local()

    def wake(agent: str) -> str:
        if not hasattr(local, "client"):
            local.client = Client(stack.client.url, stack.client.key)
        return _wake(local.client, agent)

    began = time.time()
    with ThreadPoolExecutor(CLIENTS) as pool:
        run_ids = list(pool.map(wake, agents))
    accepted = time.time()
    last = max(_moment(_finished(stack.client, run_id)["finishedAt"]) for run_id in run_ids)
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
            if len(local.client.get(path)) != 50:
                raise RuntimeError("the list is short")
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool:
        total = sum(pool.map(ask, range(4)))
    emit("newest_50_runs", stored=HISTORY_RUNS, clients=4, requests_per_second=round(total / LIST_SECONDS, 1))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
