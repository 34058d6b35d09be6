"""How long a run is ours: measured here, on this machine's clock, from when we asked (DESIGN 5)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

# Of the lease, how much is left when the work stops, so that nobody else begins before we ended.
MARGIN = 0.25
SHORTEST = 1.0


class Lease:
    """A right to work that ends by itself unless the server hears of us. Safe to use from several threads."""

    def __init__(self, seconds: float, *, asked_at: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = max(SHORTEST, seconds)
        self._clock = clock
        self._lock = threading.Lock()
        self._until = asked_at + self._seconds * (1 - MARGIN)

    def renewed(self, *, asked_at: float) -> None:
        """The server answered a request that began at `asked_at`: it renewed the lease after that moment."""
        with self._lock:
            self._until = max(self._until, asked_at + self._seconds * (1 - MARGIN))

    @property
    def left(self) -> float:
        """Seconds of work left; not positive once it must stop."""
        with self._lock:
            return self._until - self._clock()


def lease_seconds(expires_at: object, server_time: datetime | None) -> float:
    """How long a fresh lease is, from the server's own two times: our clock may be wrong."""
    until = _moment(expires_at)
    return (until - (server_time or datetime.now(UTC))).total_seconds() if until else SHORTEST


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
