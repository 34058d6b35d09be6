"""How soon an agent should send its next heartbeat, and how long a remote run may go without one (spec/1 C).

The server sets the pace: spread, so that agents that started together do not stay together, and stretched under load,
so that a server is not asked more often than it can answer. Two things are looked at, and the worse one counts:

- how long heartbeats take here. Most of that is the database, which all processes share: what another process does to
  it is felt in this one's heartbeats;
- how many processes of this machine want a core and have none, its load average. That shows what the first cannot:
  requests that wait before a thread takes them up, here or in a neighbour.

So no process needs to hear of another, and nothing is asked of a database or a Redis that is busy or away.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from config.env import Timings

SPREAD = 0.1
COMFORTABLE_SECONDS = 0.05
COMFORTABLE_PER_CORE = 4.0
MOST_STRETCH = 3.0
# Of the smoothed duration, how much the latest heartbeat counts.
WEIGHT = 0.05


@dataclass(frozen=True, slots=True)
class Strain:
    """How busy this server is: the duration of a heartbeat in seconds, and processes that want a core, per core."""

    seconds_each: float = 0.0
    wanting_per_core: float = 0.0

    @property
    def stretch(self) -> float:
        """How many times as long a pause should be: 1 at ease, 3 at most."""
        worse = max(self.seconds_each / COMFORTABLE_SECONDS, self.wanting_per_core / COMFORTABLE_PER_CORE)
        return min(MOST_STRETCH, max(1.0, worse))


def next_pause(base: float, *, draw: float, strain: Strain) -> float:
    """Seconds until the next heartbeat: `base` ± 10 % by `draw` (0..1), up to three times as long under load."""
    return round(base * strain.stretch * (1 + SPREAD * (2 * draw - 1)), 2)


def longest_pause(timings: Timings) -> float:
    """The most that `next_pause` ever asks for."""
    return timings.renew_every * MOST_STRETCH * (1 + SPREAD)


def remote_lease_seconds(timings: Timings) -> float:
    """How long a remote run is its agent's without a word: two of the longest pauses, and never under a lease."""
    return max(timings.lease, 2 * longest_pause(timings))


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


def strain_now() -> Strain:
    """How busy this server is now: this process's heartbeats, and the load of the machine over the last minute."""
    return Strain(heartbeat_load.seconds, os.getloadavg()[0] / (os.cpu_count() or 1))
