"""The two faces of a real installation in processes of their own: pages (WSGI) and sockets (ASGI)."""

from __future__ import annotations

import contextlib
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Self

from config.up.plan import LIVE_SERVER
from heartbeats.execution import rundir
from heartbeats.execution.shim_parts.logfile import LOG_NAME
from tests.config.running import Running
from tests.waiting import wait_for


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RealServers:
    """Granian for pages and uvicorn for sockets, as `make up` starts them, until the block ends."""

    def __init__(self, database_url: str, state: Path) -> None:
        self.port, self.live_port, self.runs = free_port(), free_port(), state / "runs"
        self.url = f"http://localhost:{self.port}"
        self._running = contextlib.ExitStack()
        self._env = {
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "EVERBEAT_PORT": str(self.port),
            "EVERBEAT_LIVE_PORT": str(self.live_port),
            "EVERBEAT_STATE_DIR": str(state),
            "EVERBEAT_RUNS_DIR": str(self.runs),
            "EVERBEAT_LOG_LEVEL": "WARNING",
        }

    def __enter__(self) -> Self:
        api = ("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--no-ws")
        self._start(*api, "--blocking-threads", "4", "config.wsgi:application")
        live = ("uvicorn", "--host", "127.0.0.1", "--port", str(self.live_port), *LIVE_SERVER)
        self._start(*live, "config.asgi:application")
        wait_for(lambda: self._answers(), 60, what="the page server")
        wait_for(lambda: self._listens(), 60, what="the socket server")
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _start(self, *argv: str) -> None:
        program = self._running.enter_context(Running((sys.executable, "-m", *argv), self._env))
        self._running.callback(program.end)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.live_port), timeout=1):
            return True
        return False

    def log_of(self, name: str) -> Path:
        """The log file of a run directory of that name, which then exists."""
        folder = self.runs / rundir.LIVE / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder / LOG_NAME
