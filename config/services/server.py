"""One server process: start, stop, and the faults that tests inflict on it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.services.accounts import Account
from config.services.errors import ServiceError
from config.services.leftovers import family, processes_in, stop_processes
from config.services.tether import spawn

START_SECONDS = 60.0  # crash recovery of a large database takes its time
STOP_SECONDS = 20.0
POLL_SECONDS = 0.005
LOG_TAIL_LINES = 15
LOG_KEPT_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class ServerSpec:
    """What is particular about one kind of server."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    log: Path
    pid_file: Path
    port: int
    account: Account
    stop_signal: signal.Signals
    immediate_signal: signal.Signals
    is_ready: Callable[[int], bool]


class Server:
    """A handle on one server. `url` and `port` stay the same over restarts."""

    def __init__(self, spec: ServerSpec, url: str) -> None:
        self.spec = spec
        self.url = url
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return self.spec.port

    @property
    def pid(self) -> int:
        """The process id of the running server. Raises ServiceError when it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise ServiceError(f"{self.spec.name} does not run.\n{self.log_tail()}")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the server process exists (a paused one does)."""
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start the process without waiting for it; `wait_ready` follows. Stops leftovers of an earlier launcher."""
        if self.alive:
            return
        self._clear_leftovers()
        self._rotate_log()
        with self.spec.log.open("ab") as log:
            self._process = spawn(
                self.spec.argv,
                death_signal=self.spec.stop_signal,
                cwd=self.spec.folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                output=log,
                account=self.spec.account,
            )

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Return when the server accepts clients. Raises ServiceError with the end of its log when it does not."""
        assert self._process is not None
        deadline = time.monotonic() + seconds
        while not self.spec.is_ready(self._process.pid):
            if self._process.poll() is not None:
                raise ServiceError(f"{self.spec.name} ended with code {self._process.returncode}.\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServiceError(f"{self.spec.name} was not ready after {seconds:.0f} s.\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def start(self) -> None:
        """Start and wait until ready. Does nothing when it runs."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Shut down in order: clients are disconnected, everything is on disk. Does nothing when it is stopped."""
        self._end(self.spec.stop_signal)

    def stop_immediate(self) -> None:
        """End at once without a checkpoint; the next start recovers from the log (`pg_ctl -m immediate`)."""
        self._end(self.spec.immediate_signal)

    def kill(self) -> None:
        """SIGKILL to the server and all its children, as a power cut would. Returns when all are gone."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop in order if it runs, then start on the same port and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the server and its children (SIGSTOP): connections stay open and nothing answers."""
        for process in family(self.pid):
            process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`."""
        for process in family(self.pid):
            process.send_signal(signal.SIGCONT)

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The last lines of the server's log, under a line that names the file."""
        try:
            text = self.spec.log.read_text(errors="replace")
        except OSError as error:
            return f"(its log cannot be read: {error})"
        return "\n".join([f"The end of {self.spec.log}:", *text.splitlines()[-lines:]])

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self.alive:
            # Children first noted: after a SIGKILL of their parent nothing leads to them any more.
            members = family(self._process.pid)
            for process in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGCONT)
            os.kill(self._process.pid, number)
            self._await_exit()
            stop_processes(members[1:], signal.SIGKILL, 5.0)
        self._process = None

    def _await_exit(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _clear_leftovers(self) -> None:
        """A pid file here is stale: we hold the lock of the folder, so whoever wrote it lost its launcher."""
        if not self.spec.pid_file.exists():
            return
        stop_processes(processes_in(self.spec.folder), self.spec.stop_signal, STOP_SECONDS)
        self.spec.pid_file.unlink(missing_ok=True)

    def _rotate_log(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self.spec.log.stat().st_size > LOG_KEPT_BYTES:
                self.spec.log.replace(self.spec.log.with_suffix(".log.1"))
