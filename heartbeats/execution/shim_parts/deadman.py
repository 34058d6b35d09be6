"""The dead-man rule: without a supervisor that renews the lease file, the command must stop itself (spec/6 law 3)."""

from __future__ import annotations

import os

_TERM = 15
_KILL = 9


class DeadMan:
    """Ends a process group whose lease file has not been renewed for `limit` seconds.

    The age is counted on the monotonic clock from the moment a new mtime was seen: a step of the wall clock, or a shim
    that was itself suspended, does not look like a dead supervisor.
    """

    def __init__(self, lease_path: str, limit: float | None, grace: float, now: float) -> None:
        self._lease_path = lease_path
        self._limit = limit
        self._grace = grace
        self._period = min(1.0, (limit or 4.0) / 4)
        self._renewed_at = now
        self._mtime_ns = self._read_mtime()
        self._kill_at: float | None = None
        self.due: float | None = None if limit is None else now + self._period
        self.fired = False

    def check(self, now: float, pgid: int) -> None:
        """Look at the lease when due; signal the group when it is lost. Never raises."""
        if self._limit is None or self.due is None or now < self.due:
            return
        self.due = now + self._period
        if self.fired:
            if self._kill_at is not None and now >= self._kill_at:
                _signal_group(pgid, _KILL)
            return
        mtime_ns = self._read_mtime()
        if mtime_ns != self._mtime_ns:
            self._mtime_ns = mtime_ns
            self._renewed_at = now
        if now - self._renewed_at > self._limit:
            self.fired = True
            self._kill_at = now + self._grace
            self.due = min(self.due, self._kill_at)
            _signal_group(pgid, _TERM)

    def end(self, pgid: int) -> None:
        """The command has ended: after a lost lease, leave nobody of its group behind."""
        if self.fired:
            _signal_group(pgid, _KILL)

    def _read_mtime(self) -> int:
        try:
            return os.stat(self._lease_path).st_mtime_ns
        except OSError:
            return 0


def _signal_group(pgid: int, number: int) -> None:
    try:
        os.killpg(pgid, number)
    except OSError:
        return
