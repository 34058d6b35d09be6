"""Says "run R has N bytes" to the screens, from a thread of its own: Redis may be slow, gone, or back again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from uuid import UUID

from agents.vocabulary import LiveEventType
from heartbeats.live.push import push_transient

_PAUSE_SEC = 2.0
_MOST_WAITING = 1_000


@dataclass(frozen=True, slots=True)
class Growth:
    """How far a run's log has grown; `at` is a wire time."""

    company_id: UUID
    run_id: UUID
    agent_id: UUID
    total_bytes: int
    stream: str
    at: str


class Announcer:
    """Only the latest word about each run waits to be said. Never blocks and never fails its caller."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, Growth] = {}
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="announcer", daemon=True)

    def open(self) -> None:
        """Start the thread."""
        self._thread.start()

    def say(self, growth: Growth) -> None:
        """Say it soon, unless a later word about the same run comes first."""
        with self._changed:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting[growth.run_id] = growth
                self._changed.notify()

    def close(self, timeout: float) -> None:
        """Stop talking."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout)

    def _serve(self) -> None:
        while not self._closing.is_set():
            for growth in self._take():
                if not self._push(growth):
                    self._closing.wait(_PAUSE_SEC)
                    break

    def _take(self) -> list[Growth]:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._closing.is_set())
            taken = list(self._waiting.values())
            self._waiting.clear()
            return taken

    def _push(self, growth: Growth) -> bool:
        payload = {
            "runId": str(growth.run_id),
            "agentId": str(growth.agent_id),
            "logBytes": growth.total_bytes,
            "ts": growth.at,
            "stream": growth.stream,
            "chunk": "",
            "truncated": False,
        }
        return push_transient(growth.company_id, LiveEventType.RUN_LOG, payload, created_at=growth.at)
