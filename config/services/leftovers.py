"""Find and stop server processes that an earlier launcher left behind on a data folder."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import psutil

POLL_SECONDS = 0.005


def processes_in(folder: Path) -> list[psutil.Process]:
    """The processes whose working directory is `folder`: a server and its children, and nobody else."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or belongs to somebody else: not ours
    return found


def stop_processes(processes: list[psutil.Process], gently: signal.Signals, patience: float) -> None:
    """Send `gently`, wait up to `patience` seconds, then SIGKILL those that remain. Returns when all are gone."""
    _send(processes, signal.SIGCONT)
    _send(processes, gently)
    alive = _still_there(processes, patience)
    _send(alive, signal.SIGKILL)
    _still_there(alive, patience)


def _still_there(processes: list[psutil.Process], patience: float) -> list[psutil.Process]:
    """Wait until none of the processes runs, at most `patience` seconds, and return those that still do."""
    deadline = time.monotonic() + patience
    while (alive := [process for process in processes if runs(process)]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return alive


def runs(process: psutil.Process) -> bool:
    """A zombie does not run: it holds nothing and only waits for its parent, which may be slow to collect it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def family(pid: int) -> list[psutil.Process]:
    """The process `pid`, if it lives, followed by its descendants."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
