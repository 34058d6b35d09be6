"""How soon an agent should send its next heartbeat, and how long a remote run may go without one (spec/1 C).

The server sets the pace: spread, so that agents that started together do not stay together, and stretched under load,
so that a server is not asked more often than it can answer. Three things are looked at, and the worst one counts:

- how long heartbeats take here. Most of that is the database, which all processes share: what another process does to
  it is felt in this one's heartbeats;
- how many heartbeats this process has in hand at once. Requests that wait for a thread cannot be seen from here, but
  they only wait while every thread has one, and that can;
- how many processes of this machine want a core and have none, its load average: what neighbours do to us, slowly.

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
COMFORTABLE_AT_ONCE = 2.0
COMFORTABLE_PER_CORE = 4.0
MOST_STRETCH = 3.0
# Of what is smoothed, how much the latest heartbeat counts.
WEIGHT = 0.05


@dataclass(frozen=True, slots=True)
class Strain:
    """How busy this server is: the duration of a heartbeat in seconds, processes that want a core, per core, and
    heartbeats in hand at once in this process.
    """

    seconds_each: float = 0.0
    wanting_per_core: float = 0.0
    at_once: float = 0.0

    @property
    def stretch(self) -> float:
        """How many times as long a pause should be: 1 at ease, 3 at most."""
        worst = max(
            self.seconds_each / COMFORTABLE_SECONDS,
            self.wanting_per_core / COMFORTABLE_PER_CORE,
            self.at_once / COMFORTABLE_AT_ONCE,
        )
        return min(MOST_STRETCH, max(1.0, worst))


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
    """This process's heartbeats, smoothed: their duration in seconds, and how many are in hand as one begins."""

    seconds: float = 0.0
    at_once: float = 0.0
    clock: Callable[[], float] = time.monotonic
    _in_hand: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Count the block as one heartbeat in hand, and its time, whether it raises or not."""
        began = self.clock()
        with self._lock:
            self._in_hand += 1
            self.at_once += WEIGHT * (self._in_hand - self.at_once)
        try:
            yield
        finally:
            self.note(self.clock() - began)
            with self._lock:
                self._in_hand -= 1

    def note(self, seconds: float) -> None:
        """Count one heartbeat of this duration."""
        with self._lock:
            self.seconds += WEIGHT * (seconds - self.seconds)


heartbeat_load = Load()


def strain_now() -> Strain:
    """How busy this server is now: this process's heartbeats, and the load of the machine over the last minute."""
    return Strain(heartbeat_load.seconds, os.getloadavg()[0] / (os.cpu_count() or 1), heartbeat_load.at_once)
