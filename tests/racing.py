"""Running one thing from many threads at once, each on its own connection to the real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

Answer = TypeVar("Answer")


def race(racers: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Start all at the same moment; their answers in order. What one raises is raised here."""
    barrier = threading.Barrier(len(racers))
    connection.close()  # the pool has room for sixteen, this thread's own included

    def run(racer: Callable[[], Answer]) -> Answer:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=20)
            return racer()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(racers)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, racer) for racer in racers]]


def somebody_waits_for_a_lock(*, seconds: float = 0.0) -> bool:
    """Whether a session waits for a lock, and has for so long."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select 1 from pg_locks"
            " where not granted and clock_timestamp() - waitstart >= make_interval(secs => %s))",
            [seconds],
        )
        return bool(cursor.fetchone()[0])
