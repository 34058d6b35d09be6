"""The agent around the work: heartbeats, fetching, and an orderly end (spec/1 C, D)."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from random import SystemRandom
from typing import Any

from heartbeats.intake.reference.client import AgentClient, Unreachable, pause_before
from heartbeats.intake.reference.lease import Lease, lease_seconds
from heartbeats.intake.reference.work import Say, Work

FETCH_EVERY = 5.0
FIRST_PAUSE = 15.0


class BadKey(Exception):
    """The server does not know this agent's key (any more)."""


class RemoteAgent:
    """Runs `argv` for every run it is given, up to `slots` at once."""

    def __init__(
        self,
        client: AgentClient,
        argv: Sequence[str],
        *,
        url: str,
        slots: int,
        say: Say,
        fetch_every: float = FETCH_EVERY,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self._client, self._argv, self._url, self._slots, self._say = client, argv, url, slots, say
        self._fetch_every, self._about = fetch_every, dict(about or {})
        self._draw = SystemRandom().random
        self._lock = threading.Lock()
        self._works: dict[str, Work] = {}
        self._threads: set[threading.Thread] = set()
        self._ending = threading.Event()
        self._hurry = threading.Event()
        self._online = threading.Event()
        self._refused = False
        self._turn = 0

    def serve(self) -> None:
        """Work until `end`. Raises BadKey when a heartbeat is refused; whatever ran was stopped then."""
        beating = threading.Thread(target=self._beat_on, name="heartbeats", daemon=True)
        beating.start()
        while not self._ending.is_set():
            if not self._fetch():
                self._hurry.wait(self._fetch_every * (0.75 + self._draw() / 2))
                self._hurry.clear()
        for work in self.works():
            work.stop("this agent is ending")
        for thread in list(self._threads):
            thread.join()
        beating.join()
        if self._refused:
            raise BadKey

    def end(self) -> None:
        """Take no more work and stop what runs; the server gives it to somebody when our leases end."""
        self._ending.set()
        self._hurry.set()

    def works(self) -> list[Work]:
        """What is in hand."""
        with self._lock:
            return list(self._works.values())

    def _fetch(self) -> bool:
        """Begin one more run; False when there is none, no free slot, or no server."""
        if len(self.works()) >= self._slots or not self._online.is_set():
            return False
        asked_at = time.monotonic()
        try:
            answer = self._client.post("tasks/next")
        except Unreachable as problem:
            self._say(f"no server: {problem}")
            return False
        task = answer.body.get("task") if answer.ok else None
        if not task:
            return False
        lease = Lease(lease_seconds(task["leaseExpiresAt"], answer.server_time), asked_at=asked_at)
        self._begin(Work(task, self._client, self._url, self._argv, lease, self._say))
        return True

    def _begin(self, work: Work) -> None:
        self._say(f"{work.id}: started")
        with self._lock:
            self._works[work.id] = work
            thread = threading.Thread(target=self._execute, args=(work,), daemon=True)
            self._threads.add(thread)
        thread.start()

    def _execute(self, work: Work) -> None:
        try:
            work.execute()
        finally:
            with self._lock:
                del self._works[work.id]
                self._threads.discard(threading.current_thread())
            self._hurry.set()

    def _beat_on(self) -> None:
        attempt = 0
        while not self._ending.is_set():
            try:
                pause, attempt = self._beat(), 0
            except Unreachable as problem:
                attempt += 1
                self._say(f"no server: {problem}")
                pause = pause_before(attempt, draw=self._draw(), retry_after=problem.retry_after)
            self._ending.wait(pause)

    def _beat(self) -> float:
        """One heartbeat, and what it tells us to do; the pause until the next."""
        works = self.works()
        asked_at = time.monotonic()
        named = works[self._turn % len(works)] if works else None
        self._turn += 1
        answer = self._client.post("heartbeat", self._status(works, named))
        if answer.status == 401:
            self._say("the key was refused")
            self._refused = True
            self.end()
            return 0.0
        if not answer.ok:
            raise Unreachable(f"HTTP {answer.status}")
        told_to_stop = set(answer.body.get("stopTaskIds", ()))
        for work in works:
            if work.id in told_to_stop:
                work.stop("the server says so")
            elif work is named:
                work.lease.renewed(asked_at=asked_at)
            else:
                threading.Thread(target=work.renew, daemon=True).start()
        self._online.set()
        if answer.body.get("hasHighPriorityTasks"):
            self._hurry.set()
        return float(answer.body.get("nextHeartbeatSec", FIRST_PAUSE))

    def _status(self, works: Sequence[Work], named: Work | None) -> dict[str, Any]:
        status: dict[str, Any] = {"status": "busy" if len(works) >= self._slots else "online", **self._about}
        if named is not None:
            status["currentTask"] = {"taskId": named.id, "progress": 0, "speed": 0}
        return status
