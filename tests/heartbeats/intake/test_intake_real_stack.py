"""Agents on a whole Everbeat: real worker, beat and sweeps, and a database that goes away under load (issue 3)."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from config.services import Services, throwaway_services
from config.trial.stack import Stack, running_stack
from tests.config.running import ROOT, Running
from tests.waiting import wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

SECONDS = 60.0
# Seconds between two questions of a test: each is a request to the server whose work it waits for.
EVERY = 0.1
# `last_seen_at` moves every five seconds: silence must be longer. A remote lease is two of the longest pauses.
SHORT = {
    "EVERBEAT_API_WORKERS": "1",
    "EVERBEAT_LEASE_SEC": "4",
    "EVERBEAT_RENEW_SEC": "0.5",
    "EVERBEAT_SELF_STOP_MARGIN_SEC": "1",
    "EVERBEAT_SWEEP_SEC": "0.5",
    "EVERBEAT_RECONCILE_SEC": "2",
    "EVERBEAT_WATCH_SEC": "1",
    "EVERBEAT_AGENT_SILENCE_SEC": "8",
}
# Works until the file named first appears; then it sets its issue to done, as an agent does.
SCRIPT = """
import json, os, pathlib, sys, time, urllib.request
print("working on", os.environ["EVERBEAT_RUN_ID"], flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
urllib.request.urlopen(urllib.request.Request(
    os.environ["EVERBEAT_API_URL"] + "/api/issues/" + os.environ["EVERBEAT_TASK_ID"],
    data=json.dumps({"status": "done"}).encode(), method="PATCH",
    headers={"Authorization": "Bearer " + os.environ["EVERBEAT_API_KEY"], "Content-Type": "application/json"}))
"""
WARNING = {"severity": "warning", "message": "fan 3 is slow"}


@dataclass(frozen=True)
class Trial:
    """A running Everbeat and a handle on the servers below it."""

    stack: Stack
    services: Services

    def agent(self, name: str) -> tuple[str, str]:
        """A new remote agent: its id and key."""
        path = f"/api/companies/{self.stack.company_id}/agents"
        made = self.stack.client.post(path, {"name": name, "adapterType": "remote", "adapterConfig": {}})
        key = self.stack.client.post(f"/api/agents/{made['id']}/keys", {"name": "trial"})
        return str(made["id"]), str(key["token"])

    def issue(self, agent_id: str) -> str:
        """Work assigned to the agent."""
        body = {"title": "Work", "assigneeAgentId": agent_id, "status": "todo"}
        return str(self.stack.client.post(f"/api/companies/{self.stack.company_id}/issues", body)["id"])

    def runs(self, issue_id: str) -> list[dict[str, Any]]:
        """The issue's runs."""
        rows: list[dict[str, Any]] = self.stack.client.get(f"/api/issues/{issue_id}/runs")
        return rows

    def statuses(self, issue_id: str) -> list[str]:
        """The statuses of the issue's runs."""
        return sorted(row["status"] for row in self.runs(issue_id))


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    """One for both tests: its start is most of their time."""
    with ExitStack() as around:
        services = around.enter_context(throwaway_services())
        servers = {"DATABASE_URL": services.database_url, "REDIS_URL": services.redis_url}
        yield Trial(around.enter_context(running_stack({**SHORT, **servers})), services)


@pytest.fixture
def agents() -> Iterator[list[Running]]:
    """The agents that a test starts; killed at its end."""
    started: list[Running] = []
    yield started
    for agent in started:
        agent.kill_with_all_it_started()


def test_the_work_of_a_killed_agent_comes_back_by_the_sweeps_alone(
    trial: Trial, agents: list[Running], tmp_path: Path
) -> None:
    go, script = tmp_path / "go", tmp_path / "command.py"
    script.write_text(SCRIPT)
    command = f"{sys.executable} {script} {go}"
    made = [trial.agent(f"Trial {number}") for number in range(3)]
    first = [trial.issue(agent_id) for agent_id, _ in made]
    second = [trial.issue(agent_id) for agent_id, _ in made]
    agents += [_reference_agent(trial, key, command) for _, key in made]
    for agent in agents:
        agent.hear(": started", seconds=SECONDS)
    running = [issue for issue in (*first, *second) if "running" in trial.statuses(issue)]
    assert len(running) == 3
    victims = next(issue for issue in running if issue in (first[0], second[0]))
    agents[0].kill_with_all_it_started()
    agents.append(_reference_agent(trial, made[0][1], command))  # started again by whoever watches it, knowing nothing
    auditor = _auditor(trial)
    taken = "the sweep to take the run from the dead agent"
    lost = wait_for(lambda: _lost_run(trial, victims), SECONDS, what=taken, every=EVERY)
    assert lost["errorCode"] == "agent_lost"
    others = [issue for issue in running if issue != victims]
    assert [trial.statuses(issue) for issue in others] == [["running"]] * 2
    go.touch()
    for issue in (*first, *second):
        done = partial(_is_done, trial, issue)
        wait_for(done, SECONDS, what="the issue to be done", every=EVERY)
    assert trial.statuses(victims) == ["failed", "succeeded"]
    for issue in {*first, *second} - {victims}:
        assert trial.statuses(issue) == ["succeeded"]
    assert _finding(auditor) == (0, [])


@dataclass
class Beats:
    """What a thread of heartbeats heard."""

    answers: list[tuple[float, int, dict[str, Any], str | None]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def statuses(self) -> Counter[int]:
        """How many of each."""
        return Counter(status for _, status, _, _ in self.answers)


@pytest.mark.parametrize("ending", ["stop", "stop_immediate"])
def test_heartbeats_survive_a_database_that_goes_away_under_load(trial: Trial, ending: str) -> None:
    keys = [trial.agent(f"Beating {ending} {number}")[1] for number in range(5)]
    stop = threading.Event()
    heard = [Beats() for _ in keys]
    threads = [
        threading.Thread(target=_beat_on, args=(trial, key, beats, stop), daemon=True)
        for key, beats in zip(keys, heard, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: all(beats.statuses[200] >= 10 for beats in heard), SECONDS, what="fifty heartbeats")
        getattr(trial.services.postgres, ending)()
        wait_for(lambda: sum(beats.statuses[503] for beats in heard) >= 3, SECONDS, what="clean refusals")
    finally:
        trial.services.postgres.start()
    back = time.monotonic()
    wait_for(lambda: all(_taken_since(beats, back) >= 5 for beats in heard), SECONDS, what="heartbeats as before")
    stop.set()
    for thread in threads:
        thread.join(20)
    for beats in heard:
        assert beats.broken == []
        assert set(beats.statuses) <= {200, 503}, beats.statuses
        for _, status, body, retry_after in beats.answers:
            if status == 503:
                assert body == {"error": {"code": "SERVICE_UNAVAILABLE", "message": "Service unavailable, try again"}}
                assert retry_after == "2"


def _beat_on(trial: Trial, key: str, beats: Beats, stop: threading.Event) -> None:
    """Ten heartbeats a second, every other one with a warning, so that both ways through the server are under load."""
    parts = urlsplit(trial.stack.client.url)
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    bodies = [{"status": "online"}, {"status": "online", "error": WARNING}]
    turn = 0
    while not stop.wait(0.1):
        turn += 1
        try:
            link.request("POST", "/api/v1/agent/heartbeat", json.dumps(bodies[turn % 2]), headers)
            response = link.getresponse()
            body = json.loads(response.read())
            beats.answers.append((time.monotonic(), response.status, body, response.headers.get("Retry-After")))
        except (OSError, http.client.HTTPException, ValueError) as problem:
            beats.broken.append(repr(problem))
            link.close()


def _taken_since(beats: Beats, moment: float) -> int:
    return sum(status == 200 and at > moment for at, status, _, _ in list(beats.answers))


def _reference_agent(trial: Trial, key: str, command: str) -> Running:
    named = ["--url", trial.stack.client.url, "--key", key, "--command", command, "--fetch-every", "0.2"]
    return Running([sys.executable, "manage.py", "remote_agent", *named], {})


def _lost_run(trial: Trial, issue_id: str) -> dict[str, Any] | None:
    """The failed run, once its retry waits."""
    rows = trial.runs(issue_id)
    failed = [row for row in rows if row["status"] == "failed"]
    if not failed or len(rows) < 2:
        return None
    run: dict[str, Any] = trial.stack.client.get(f"/api/heartbeat-runs/{failed[0]['runId']}")
    return run


def _is_done(trial: Trial, issue_id: str) -> bool:
    """Done, and no run of it goes on."""
    done = trial.stack.client.get(f"/api/issues/{issue_id}")["status"] == "done"
    return done and not {"queued", "running", "scheduled_retry"} & set(trial.statuses(issue_id))


def _auditor(trial: Trial) -> subprocess.Popen[str]:
    """The audit, loaded while the test waits; it looks once it is asked for what it found."""
    env = {**os.environ, "DATABASE_URL": trial.services.database_url, "REDIS_URL": trial.services.redis_url}
    env["EVERBEAT_STATE_DIR"] = str(trial.stack.state_dir)
    argv = [sys.executable, "-m", "config.up.gated", "manage", "audit", "--json", "--grace", "5"]
    return subprocess.Popen(argv, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _finding(auditor: subprocess.Popen[str]) -> tuple[int, list[Any]]:
    said, _ = auditor.communicate(timeout=SECONDS)
    return auditor.returncode, json.loads(said)["violations"]
