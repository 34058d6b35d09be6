"""How often one key may call the agent API (spec/1 B, 429 `RATE_LIMITED`): a token bucket for each key.

The buckets are this process's own. So the limit costs no round trip and holds while Redis is down; with n API
processes behind one address a key may call up to n times as often. Heartbeats have buckets of their own: an agent that
floods us with output does not lose its presence by it. Counted before anybody is authenticated, so that the answer
tells nothing of which keys exist.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

MOST_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """Calls per second for ever, and how many may come at once after a pause. No rate means no limit."""

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many calls were left at a moment of the monotonic clock."""

    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Taken:
    """The bucket afterwards, and the seconds until the next call is allowed; 0 when this one is."""

    bucket: Bucket
    wait: float = 0.0


def take(bucket: Bucket | None, allowance: Allowance, *, now: float) -> Taken:
    """Take one call out of a bucket that has filled since; a new one is full. A refused call takes nothing."""
    before = bucket or Bucket(allowance.burst, now)
    left = min(allowance.burst, before.left + max(0.0, now - before.at) * allowance.per_second)
    if left >= 1:
        return Taken(Bucket(left - 1, now))
    return Taken(Bucket(left, now), wait=(1 - left) / allowance.per_second)


class Buckets:
    """The buckets of the keys that called last. A key that fell out begins anew, with a full one."""

    def __init__(self, allowance: Allowance, *, most: int = MOST_BUCKETS) -> None:
        self._allowance = allowance
        self._most = most
        self._known: OrderedDict[str, Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def wait_of(self, key: str, *, now: float) -> float:
        """Count a call of this key; seconds until it may call, 0 when it may now."""
        if not self._allowance.per_second:
            return 0.0
        with self._lock:
            taken = take(self._known.get(key), self._allowance, now=now)
            self._known[key] = taken.bucket
            self._known.move_to_end(key)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return taken.wait
