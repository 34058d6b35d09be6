"""Fault injection with real processes: start workers, supervisors and the API on the test's database, and kill them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from config.up.plan import LIVE_SERVER
from heartbeats.execution import rundir
from heartbeats.execution.rundir import RunDir
from heartbeats.execution.terminate import terminate_marked
from tests.waiting import wait_for

REPOSITORY = Path(__file__).parent.parent


@dataclass
class Process:
    """One started process and where it writes."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Its pid."""
        return self.popen.pid

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.popen.kill()
        self.popen.wait(10)

    def kill_all(self) -> None:
        """SIGKILL for it and for every process that it started in its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait(10)

    def freeze(self) -> None:
        """SIGSTOP: it hangs without noticing."""
        self.popen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.popen.send_signal(signal.SIGCONT)

    def leave(self, timeout: float = 15.0) -> int:
        """SIGTERM, and wait for a clean end; its exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(timeout)

    def says(self, text: str, timeout: float = 20.0) -> None:
        """Wait until its log contains the text."""
        wait_for(lambda: self._said(text), timeout, what=f"{text!r} in\n{self.output()}")

    def output(self) -> str:
        """Everything it wrote."""
        return self.log.read_text("utf-8", "replace")

    def _said(self, text: str) -> bool:
        if self.popen.poll() is not None:
            raise AssertionError(f"it ended with {self.popen.returncode}:\n{self.output()}")
        return text in self.output()


@dataclass
class Machine:
    """One host under test: its folders, its environment, and the processes that were started on it."""

    root: Path
    host: str
    env: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    @property
    def runs_dir(self) -> Path:
        """Where its run directories are."""
        return self.root / "runs"

    def supervise(self) -> Process:
        """Start a supervisor and wait until it watches."""
        process = self.start("supervise", "manage.py", "supervise")
        process.says("supervising")
        return process

    def worker(self, queues: str = "control,runs") -> Process:
        """Start a Celery worker and wait until it consumes."""
        how = ("-P", "threads", "-c", "4", "--without-gossip", "--without-mingle", "-l", "INFO")
        process = self.start("worker", "-m", "celery", "-A", "config", "worker", "-Q", queues, *how)
        process.says("ready")
        return process

    def api(self, port: int) -> Process:
        """Start the API."""
        server = ("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--blocking-threads", "4")
        process = self.start("api", "-m", "granian", *server, "--no-ws", "config.wsgi:application")
        process.says("Started worker")
        return process

    def live_server(self, port: int) -> Process:
        """Start the socket server, as `make up` does."""
        server = ("--host", "127.0.0.1", "--port", str(port), *LIVE_SERVER)
        process = self.start("live", "-m", "uvicorn", *server, "config.asgi:application")
        process.says("Application startup complete")
        return process

    def start(self, name: str, *argv: str) -> Process:
        """Start `python argv...` in the repository, with the settings of this machine."""
        log = self.root / f"{name}-{len(self.processes)}.log"
        with log.open("wb") as file:
            popen = subprocess.Popen(
                [sys.executable, *argv],
                cwd=REPOSITORY,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(popen, log)
        self.processes.append(process)
        return process

    def environment(self) -> dict[str, str]:
        """What every process of this machine is told."""
        return {
            **os.environ,
            "DATABASE_URL": database_url(),
            "REDIS_URL": settings.REDIS_URL,
            "EVERBEAT_STATE_DIR": str(self.root),
            "EVERBEAT_RUNS_DIR": str(self.runs_dir),
            "EVERBEAT_HOST_ID": self.host,
            "EVERBEAT_SECRET_KEY": settings.SECRET_KEY,
            **self.env,
        }

    def live(self, run_id: object) -> RunDir | None:
        """The live directory of a run's newest attempt."""
        found = [directory for directory in rundir.live_dirs(self.runs_dir) if directory.name.startswith(str(run_id))]
        return found[-1] if found else None

    def close(self) -> None:
        """Kill what is left: processes first, then every agent that they started."""
        for process in self.processes:
            process.kill_all()
        for directory in rundir.live_dirs(self.runs_dir):
            terminate_marked(directory.name, grace=0)


def free_port() -> int:
    """A TCP port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def database_url() -> str:
    """The address of the database that this test uses."""
    at = connection.settings_dict
    account = f"{quote(at['USER'])}:{quote(at['PASSWORD'])}@" if at["USER"] else ""
    return f"postgres://{account}{at['HOST']}:{at['PORT']}/{quote(at['NAME'])}"
