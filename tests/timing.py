"""Limits in seconds that hold on a busy machine too."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil
from django.db import connection


def within(seconds: float, act: Callable[[], object], *, tries: int = 4) -> bool:
    """Whether one try in so many stays under the limit. What is slow is slow each time; a busy machine is not."""
    for _ in range(tries):
        began = time.monotonic()
        act()
        if time.monotonic() - began < seconds:
            return True
    return False


def processor_seconds(act: Callable[[], object]) -> float:
    """What it costs this process and PostgreSQL's side of this thread's connection, whoever else is at work."""
    connection.ensure_connection()
    server = psutil.Process(connection.connection.info.backend_pid)
    before = _spent(server)
    act()
    return _spent(server) - before


def _spent(server: psutil.Process) -> float:
    times = server.cpu_times()
    return time.process_time() + times.user + times.system
