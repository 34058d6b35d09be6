"""What a slow fault is injected into: everything that `make up` starts, on servers that can be killed and frozen."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from config.env import BASE_DIR
from config.services import start_services
from config.services.launcher import Services
from config.trial.client import Client
from tests.waiting import wait_for

LEASE = 8
READY_SECONDS = 300.0
AUDIT_GRACE = 30
TIMINGS = {
    "EVERBEAT_LEASE_SEC": str(LEASE),
    "EVERBEAT_RENEW_SEC": "1",
    "EVERBEAT_SELF_STOP_MARGIN_SEC": "2",
    "EVERBEAT_SWEEP_SEC": "1",
    "EVERBEAT_RECONCILE_SEC": "3",
}


@dataclass
class Site:
    """One installation: its servers, its folder, and the process that keeps its five processes running."""

    services: Services
    state: Path
    env: dict[str, str]
    company: str = ""
    build: Path = BASE_DIR
    """The folder of the code that the next start runs: this one's, unless a row is about another."""
    up: subprocess.Popen[bytes] | None = None
    _client: Client | None = field(default=None, repr=False)

    @property
    def client(self) -> Client:
        """The operator."""
        assert self._client is not None
        return self._client

    def another_client(self) -> Client:
        """The operator once more, for another thread."""
        return Client(self.client.url, self.client.key)

    def start(self) -> None:
        """Start everything but the servers, and wait until it is ready."""
        log = (self.state / "up.log").open("ab")
        with log:
            self.up = subprocess.Popen(
                [sys.executable, "-m", "config.up"],
                cwd=self.build,
                env={**self.env, "PYTHONPATH": str(self.build)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        probe = Client(f"http://127.0.0.1:{self.env['EVERBEAT_PORT']}", "")
        started = self.up
        wait_for(lambda: started.poll() is not None or probe.is_ready(), READY_SECONDS, what="a ready installation")
        if started.poll() is not None:
            raise AssertionError(f"it ended: {(self.state / 'up.log').read_text('utf-8', 'replace')[-1500:]}")
        known = _operator(self.state / "operator.env")
        self._client, self.company = Client(probe.url, known["EVERBEAT_API_KEY"]), known["EVERBEAT_COMPANY_ID"]

    def stop(self) -> None:
        """SIGTERM, as a deploy does; the servers stay."""
        if self.up is not None and self.up.poll() is None:
            self.up.send_signal(signal.SIGTERM)
            try:
                self.up.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(self.up.pid, signal.SIGKILL)
                self.up.wait()

    def kill(self, name: str) -> int:
        """SIGKILL to one of the five processes, named by a word of its command line; how many were hit."""
        hit = self._named(name)
        for child in hit:
            child.kill()
        return len(hit)

    def count(self, name: str) -> int:
        """How many of the five processes have this word in their command line."""
        return len(self._named(name))

    def _named(self, name: str) -> list[psutil.Process]:
        assert self.up is not None
        found = []
        for child in psutil.Process(self.up.pid).children():
            with contextlib.suppress(psutil.Error):  # one that was killed a moment ago
                if name in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def agent(self, *argv: str, **config: Any) -> str:
        """A new local agent with this command; its id."""
        number = len(self.client.get(f"/api/companies/{self.company}/agents"))
        told = {"command": argv[0], "args": list(argv[1:]), **config}
        body = {"name": f"Chaos {number}", "adapterType": "process", "adapterConfig": told}
        return str(self.client.post(f"/api/companies/{self.company}/agents", body)["id"])

    def wake(self, agent: str, client: Client | None = None) -> str:
        """A new run of the agent; its id."""
        asked = {"source": "on_demand", "triggerDetail": "manual"}
        return str((client or self.client).post(f"/api/agents/{agent}/wakeup", asked)["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """The run as the API tells it."""
        found: dict[str, Any] = self.client.get(f"/api/heartbeat-runs/{run_id}")
        return found

    def running(self, run_id: str, timeout: float = 30) -> dict[str, Any]:
        """The run once its process is recorded."""
        return wait_for(lambda: _if(self.run(run_id), "processPid"), timeout, what=f"a process of {run_id}")

    def finished(self, run_id: str, timeout: float = 60) -> dict[str, Any]:
        """The run once it is over."""
        return wait_for(lambda: _if(self.run(run_id), "finishedAt"), timeout, what=f"the end of {run_id}")

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database says, asked beside the API."""
        with psycopg.connect(self.services.database_url, autocommit=True) as link:
            return link.execute(statement, list(values)).fetchall()

    def audit(self) -> str:
        """`manage.py audit`: `clean`, or what it printed."""
        argv = [sys.executable, "manage.py", "audit", "--grace", str(AUDIT_GRACE)]
        done = subprocess.run(argv, cwd=BASE_DIR, env=self.env, capture_output=True, text=True, check=False)
        return "clean" if done.returncode == 0 else (done.stdout + done.stderr).strip()[-2000:]


@contextlib.contextmanager
def open_site(extra_env: Mapping[str, str]) -> Iterator[Site]:
    """A fresh installation with short timings; everything of it is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="everbeat-chaos-", ignore_cleanup_errors=True) as folder:
        state, data = Path(folder) / "state", Path(folder) / "data"
        for path in (Path(folder), state, data):
            path.mkdir(exist_ok=True)
            path.chmod(0o711)  # as root, the servers' own account must be able to pass through
        with start_services(data) as services:
            site = Site(services, state, _environment(services, state, extra_env))
            try:
                site.start()
                yield site
            finally:
                site.stop()
                _end_agents(state)


def _environment(services: Services, state: Path, extra_env: Mapping[str, str]) -> dict[str, str]:
    port, live_port = _free_ports()
    return {
        **os.environ,
        "DATABASE_URL": services.database_url,
        "REDIS_URL": services.redis_url,
        "EVERBEAT_STATE_DIR": str(state),
        "EVERBEAT_PORT": str(port),
        "EVERBEAT_LIVE_PORT": str(live_port),
        "EVERBEAT_HOST_ID": state.parent.name,
        **TIMINGS,
        **extra_env,
    }


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def _operator(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8").splitlines()
    pairs = (line.removeprefix("export ").partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name: value.strip("'\"") for name, _equals, value in pairs}


def _end_agents(state: Path) -> None:
    """Shims and commands outlive the rest on purpose: what names this installation's folder was started by it."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = [*process.cmdline(), *process.environ().values()]
            if process.pid != os.getpid() and any(str(state) in word for word in words):
                process.kill()


def _if(found: dict[str, Any], name: str) -> dict[str, Any] | None:
    return found if found.get(name) else None
