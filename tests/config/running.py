"""Run a program in a process of its own, read what it says, and wait for words instead of sleeping."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from config.services.leftovers import runs

__all__ = ["ROOT", "Running", "eventually", "python", "runs"]

ROOT = Path(__file__).resolve().parents[2]


class Running:
    """A program under test. It is killed at the end of the block, whatever happens."""

    def __init__(self, argv: Sequence[str | Path], env: Mapping[str, str], **identity: object) -> None:
        self._said = threading.Condition()
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] = subprocess.Popen(  # type: ignore[call-overload]
            [str(part) for part in argv],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **identity,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line.rstrip("\n"))
                self._said.notify_all()
        with self._said:
            self._said.notify_all()

    @property
    def text(self) -> str:
        """Everything said so far."""
        return "\n".join(self.lines)

    def hear(self, pattern: str, *, times: int = 1, seconds: float = 60.0) -> re.Match[str]:
        """Wait until `pattern` has been said `times` times and return the last match."""
        found: list[re.Match[str]] = []

        def heard() -> bool:
            found[:] = [match for line in list(self.lines) if (match := re.search(pattern, line))]
            return len(found) >= times

        with self._said:
            assert self._said.wait_for(heard, seconds), f"never heard {pattern!r} {times} times in:\n{self.text}"
        return found[times - 1]

    def end(self, number: signal.Signals = signal.SIGINT, seconds: float = 60.0) -> int:
        """Send a signal, wait for the end and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        self._listener.join(seconds)
        return code

    def descendants(self) -> list[psutil.Process]:
        """Every process that the program has started and that still runs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill_with_all_it_started(self) -> None:
        """Kill it and its descendants, also those in other sessions. It is held first, so that none is missed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
            for pid in [*(process.pid for process in self.descendants()), self.process.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._listener.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def python(script: str | Path, *arguments: str) -> list[str | Path]:
    """The command line that runs a script with this interpreter."""
    return [sys.executable, script, *arguments]


def eventually(fact: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Poll a fact about other processes until it is true or the deadline has passed."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not fact():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.02)
    return True
