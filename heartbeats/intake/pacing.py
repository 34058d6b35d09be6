"""How soon an agent should send its next heartbeat, and how long a remote run may go without one (spec/1 C).

The server sets the pace: spread, so that agents that started together do not stay together, and stretched while
heartbeats take long, so that a slow database is not asked more often than it can answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from config.env import Timings

SPREAD = 0.1
COMFORTABLE_SECONDS = 0.05
MOST_STRETCH = 3.0
# Of the smoothed duration, how much the latest heartbeat counts.
WEIGHT = 0.05


def next_pause(base: float, *, draw: float, seconds_each: float) -> float:
    """Seconds until the next heartbeat: `base` ± 10 % by `draw` (0..1), up to three times as long under load."""
    stretch = min(MOST_STRETCH, max(1.0, seconds_each / COMFORTABLE_SECONDS))
    return round(base * stretch * (1 + SPREAD * (2 * draw - 1)), 2)


def remote_lease_seconds(timings: Timings) -> float:
    """How long a remote run is its agent's without a word: two of the longest pauses, and never under a lease."""
    longest_pause = timings.renew_every * MOST_STRETCH * (1 + SPREAD)
    return max(timings.lease, 2 * longest_pause)


@dataclass(slots=True)
class Load:
    """The smoothed duration of this process's heartbeats, in seconds."""

    seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Count the time of the block, whether it raises or not."""
        began = self.clock()
        try:
            yield
        finally:
            self.note(self.clock() - began)

    def note(self, seconds: float) -> None:
        """Count one heartbeat of this duration."""
        with self._lock:
            self.seconds += WEIGHT * (seconds - self.seconds)


heartbeat_load = Load()
