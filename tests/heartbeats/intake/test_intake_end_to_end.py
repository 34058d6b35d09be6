"""Real agents, a real server: it restarts, cancels, refuses, and no line is lost."""

from __future__ import annotations

import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from agents.vocabulary import Presence
from heartbeats.execution import logs, rundir
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import cancel_run
from heartbeats.vocabulary import RunStatus
from tests.config.running import ROOT, Running
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import assigned_to
from tests.heartbeats.intake.conftest import Caller, calling
from tests.waiting import wait_for

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

SECONDS = 60.0
# Until the file named first appears, the command works; then it says what it was given and ends.
SCRIPT = """
import os, pathlib, sys, time
print("working on", os.environ["EVERBEAT_RUN_ID"], flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
print(sys.stdin.read()[:5], "done", flush=True)
"""


class Server:
    """The application under granian on the test database, with short leases. Can be restarted on its port."""

    def __init__(self, runs: Path, lease_seconds: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {
            "DATABASE_URL": _test_database(),
            "EVERBEAT_RUNS_DIR": str(runs),
            "EVERBEAT_LEASE_SEC": str(lease_seconds),
            "EVERBEAT_SECRET_KEY": settings.SECRET_KEY,
            "EVERBEAT_LOG_LEVEL": "WARNING",
        }
        self._running: Running | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port)]
        self._running = Running([*argv, "config.wsgi:application"], self._env)
        wait_for(self._answers, SECONDS, what="the server to answer")

    def kill(self) -> None:
        """Kill it with everything it started."""
        if self._running is not None:
            os.killpg(self._running.process.pid, signal.SIGKILL)
            self._running.process.wait()
            self._running = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/health", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False


@pytest.fixture
def lease_seconds() -> int:
    """Short, so that a killed agent is missed soon."""
    return 4


@pytest.fixture
def server(runs_dir: Path, lease_seconds: int) -> Iterator[Server]:
    """A server that runs."""
    server = Server(runs_dir, lease_seconds)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file that lets the commands end."""
    return tmp_path / "go"


@pytest.fixture
def agents() -> Iterator[list[Running]]:
    """The agents that a test starts; killed at its end."""
    started: list[Running] = []
    yield started
    for agent in started:
        agent.kill_with_all_it_started()


def command(tmp_path: Path, go: Path) -> list[str]:
    """What the agents run."""
    script = tmp_path / "command.py"
    script.write_text(SCRIPT)
    return [sys.executable, str(script), str(go)]


def reference_agent(server: Server, caller: Caller, argv: list[str]) -> Running:
    """`manage.py remote_agent` in a process of its own."""
    named = ["--url", server.url, "--key", caller.token, "--command", " ".join(argv), "--fetch-every", "0.2"]
    return Running([sys.executable, "manage.py", "remote_agent", *named], {})


def status_of(run: HeartbeatRun) -> str:
    """As the database has it now."""
    return HeartbeatRun.objects.get(id=run.id).status


def log_of(run: HeartbeatRun) -> str:
    """The log as people read it."""
    directory = rundir.locate(settings.RUNS_DIR, HeartbeatRun.objects.get(id=run.id).log_ref or "none")
    assert directory is not None
    return "".join(logs.plain_text(directory.log_path))


@pytest.mark.parametrize("lease_seconds", [60])
def test_an_agent_survives_a_server_restart_and_loses_no_line(
    server: Server, agents: list[Running], tmp_path: Path, go: Path
) -> None:
    caller = calling(presence=Presence.OFFLINE)
    run = HeartbeatRunFactory(agent=caller.agent, issue=assigned_to(caller.agent))
    agents.append(reference_agent(server, caller, command(tmp_path, go)))
    wait_for(lambda: HeartbeatRun.objects.get(id=run.id).last_output_seq >= 1, SECONDS, what="the first line")
    server.kill()
    go.touch()
    server.start()
    wait_for(lambda: status_of(run) == "succeeded", SECONDS, what="the run to succeed")
    assert log_of(run) == f"working on {run.id}\nTask: done\n"


def test_an_agent_stops_what_it_is_told_to_stop(
    server: Server, agents: list[Running], tmp_path: Path, go: Path
) -> None:
    caller = calling(presence=Presence.OFFLINE)
    run = HeartbeatRunFactory(agent=caller.agent, issue=assigned_to(caller.agent))
    agents.append(reference_agent(server, caller, command(tmp_path, go)))
    wait_for(lambda: status_of(run) == "running", SECONDS, what="the run to start")
    cancel_run(run.id, now=timezone.now())
    agents[0].hear(f"{run.id}: stopped", seconds=SECONDS)
    assert status_of(run) == RunStatus.CANCELLED


def test_an_agent_whose_key_is_revoked_ends_with_an_error(
    server: Server, agents: list[Running], tmp_path: Path, go: Path
) -> None:
    caller = calling(presence=Presence.OFFLINE)
    agents.append(reference_agent(server, Caller(caller.agent, "pcp_revoked"), command(tmp_path, go)))
    agents[0].hear("the server refused the key", seconds=SECONDS)
    assert agents[0].process.wait(SECONDS) == 1


def test_the_documented_example_takes_a_run_to_its_end(
    server: Server, agents: list[Running], tmp_path: Path, go: Path
) -> None:
    go.touch()
    caller = calling(presence=Presence.OFFLINE)
    run = HeartbeatRunFactory(agent=caller.agent, issue=assigned_to(caller.agent))
    example = ROOT / "docs/examples/remote_agent.py"
    assert len(example.read_text().splitlines()) <= 60
    agents.append(Running([sys.executable, example, server.url, caller.token, "sh", "-c", "echo $EVERBEAT_TASK"], {}))
    wait_for(lambda: status_of(run) == "succeeded", SECONDS, what="the run to succeed")


def _test_database() -> str:
    """The address of this test's database; the settings' own names the one that was there before."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
