"""What `make up` starts, as data."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config import env
from config.up.probes import accepts_connections, answers_ok

PYTHON = sys.executable
LIVE_SERVER = ("--lifespan", "on", "--ws", "config.sockets:SocketProtocol", "--no-access-log")
EVERY_ADDRESS = {"0.0.0.0", "::", ""}  # noqa: S104 (compared with, not bound to)


@dataclass(frozen=True)
class ProcessSpec:
    """One process: how to start it and, where that can be asked, how to tell that it is ready.

    An `early` one may be started before the preparation is done: it waits for the end of its standard input.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    early: bool = False


@dataclass(frozen=True)
class Plan:
    """The settings of one `make up`."""

    host: str
    port: int
    live_port: int
    state_dir: Path
    api_workers: int

    @property
    def url(self) -> str:
        """Where a person finds the board."""
        return f"http://{'localhost' if self.reachable_host == '127.0.0.1' else self.host}:{self.port}"

    @property
    def reachable_host(self) -> str:
        """The address at which this machine reaches what listens on `host`."""
        return "127.0.0.1" if self.host in EVERY_ADDRESS else self.host

    @property
    def environment(self) -> dict[str, str]:
        """What every process is told on top of our own environment."""
        return {
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings"),
            "EVERBEAT_PORT": str(self.port),
            "EVERBEAT_LIVE_PORT": str(self.live_port),
            "EVERBEAT_STATE_DIR": str(self.state_dir),
            "PYTHONUNBUFFERED": "1",
        }


def read_plan() -> Plan:
    """The plan that the environment asks for. Exits with the name of a variable that is wrong."""
    return Plan(
        host=env.text("EVERBEAT_BIND", "127.0.0.1"),
        port=env.whole("EVERBEAT_PORT", 3100, least=1, most=65535),
        live_port=env.whole("EVERBEAT_LIVE_PORT", 3101, least=1, most=65535),
        state_dir=env.state_dir(),
        # A second interpreter for the second core; beyond that the database is the narrow place.
        api_workers=env.whole("EVERBEAT_API_WORKERS", min(2, os.cpu_count() or 1), least=1),
    )


PREPARE = ProcessSpec("prepare", (PYTHON, "-m", "config.up.prepare"))


def everbeat_processes(plan: Plan) -> tuple[ProcessSpec, ...]:
    """The five processes of DESIGN 7. In production each of these lines runs alone, on as many hosts as wanted."""
    return (_api(plan), _live(plan), _worker(), _beat(), _supervise())


def _program(name: str, *words: str, ready: Callable[[], bool] | None = None) -> ProcessSpec:
    """`python -m WORDS`, loaded while the database is prepared."""
    return ProcessSpec(name, (PYTHON, "-m", "config.up.gated", *words), ready=ready, early=True)


def _api(plan: Plan) -> ProcessSpec:
    address = ("--host", plan.host, "--port", str(plan.port))
    size = ("--workers", str(plan.api_workers), "--blocking-threads", "4", "--respawn-failed-workers", "--no-ws")
    return _program(
        "api",
        *("granian", "--interface", "wsgi", *address, *size, "config.wsgi:application"),
        ready=answers_ok(f"http://{plan.reachable_host}:{plan.port}/readyz"),
    )


def _live(plan: Plan) -> ProcessSpec:
    address = ("--host", plan.host, "--port", str(plan.live_port))
    return _program(
        "live",
        *("uvicorn", *address, *LIVE_SERVER, "config.asgi:application"),
        ready=accepts_connections(plan.reachable_host, plan.live_port),
    )


def _worker() -> ProcessSpec:
    consumer = ("-Q", "control,runs", "-P", "threads", "-c", "4", "--without-gossip", "--without-mingle")
    return _program("worker", "celery", "-A", "config", "worker", *consumer, "-l", "INFO")


def _beat() -> ProcessSpec:
    scheduler = ("-S", "django_celery_beat.schedulers:DatabaseScheduler", "--pidfile=")
    return _program("beat", "celery", "-A", "config", "beat", *scheduler, "-l", "INFO")


def _supervise() -> ProcessSpec:
    return _program("supervise", "manage", "supervise")
