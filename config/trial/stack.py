"""Start everything that `make up` starts, in a folder and on ports of its own, and stop it again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.env import BASE_DIR
from config.trial.client import Client

READY_SECONDS = 90.0
STOP_SECONDS = 40.0


class StackError(RuntimeError):
    """The stack did not come up; the message ends with what it printed last."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running Everbeat: its operator's client, its folder, its supervisor's pid, and how long the start took."""

    client: Client
    company_id: str
    state_dir: Path
    pid: int
    ready_seconds: float


@contextlib.contextmanager
def running_stack(extra_env: dict[str, str] | None = None) -> Iterator[Stack]:
    """A fresh installation until the end of the block; every process and file of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="everbeat-trial-", ignore_cleanup_errors=True) as folder:
        state = Path(folder)
        state.chmod(0o711)  # as root, the database's own account must be able to pass through
        log_path = state / "up.log"
        env = _environment(state) | (extra_env or {})
        began = time.monotonic()
        with log_path.open("wb") as log:
            up = subprocess.Popen(
                [sys.executable, "-m", "config.up"],
                cwd=BASE_DIR,
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield _wait_until_ready(up, state, env, log_path, began)
        finally:
            _stop(up)


def _environment(state: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    port, live_port = _free_ports()
    return kept | {
        "EVERBEAT_STATE_DIR": str(state),
        "EVERBEAT_PORT": str(port),
        "EVERBEAT_LIVE_PORT": str(live_port),
        "PYTHONUNBUFFERED": "1",
    }


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def _wait_until_ready(
    up: subprocess.Popen[bytes], state: Path, env: dict[str, str], log_path: Path, began: float
) -> Stack:
    url = f"http://127.0.0.1:{env['EVERBEAT_PORT']}"
    probe = Client(url, "")
    while time.monotonic() - began < READY_SECONDS:
        if up.poll() is not None:
            raise StackError(f"`config.up` ended with code {up.returncode}:\n{_tail(log_path)}")
        if (state / "operator.env").exists() and probe.is_ready():
            seconds = time.monotonic() - began
            known = _operator(state / "operator.env")
            client = Client(url, known["EVERBEAT_API_KEY"])
            return Stack(client, known["EVERBEAT_COMPANY_ID"], state, up.pid, seconds)
        time.sleep(0.05)
    raise StackError(f"not ready after {READY_SECONDS:.0f} s:\n{_tail(log_path)}")


def _operator(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.removeprefix("export ").partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name: value.strip("'\"") for name, _, value in pairs}


def _tail(path: Path, lines: int = 40) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _stop(up: subprocess.Popen[bytes]) -> None:
    if up.poll() is None:
        up.send_signal(signal.SIGTERM)
    try:
        up.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(up.pid, signal.SIGKILL)
        up.wait()
