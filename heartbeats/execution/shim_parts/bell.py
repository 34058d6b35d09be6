"""The doorbell: a datagram that tells the supervisor to look now. Losing one costs a poll interval and nothing else."""

from __future__ import annotations

import _socket

OUTPUT_INTERVAL_SEC = 0.1


class Bell:
    """Rings `<event> <run_id>` at a Unix datagram socket. Never blocks and never fails."""

    def __init__(self, path: str | None, run_id: str) -> None:
        self._path = path
        self._run_id = run_id
        self._socket: _socket.socket | None = None
        self._last_output = 0.0
        self.due: float | None = None

    def ring(self, event: str) -> None:
        """Send one event now."""
        if self._path is None:
            return
        try:
            if self._socket is None:
                self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto(f"{event} {self._run_id}".encode(), self._path)
        except OSError:
            return

    def output_seen(self, now: float) -> None:
        """Note that there is new output; at most every 100 ms one ring follows, and the last output is never unrung."""
        if self.due is None and self._path is not None:
            self.due = max(now, self._last_output + OUTPUT_INTERVAL_SEC)

    def ring_if_due(self, now: float) -> None:
        """Send the pending output event when its time has come. `now` is monotonic seconds."""
        if self.due is not None and now >= self.due:
            self.due = None
            self._last_output = now
            self.ring("output")
