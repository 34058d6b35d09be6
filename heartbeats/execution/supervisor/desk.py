"""The desk: one thread with the one database connection. Jobs go in, answers come back to the loop; none is lost."""

from __future__ import annotations

import itertools
import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import structlog
from django.db import connection

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Urgency(IntEnum):
    """Which job goes first: a lease that is not renewed in time costs more than a late ending."""

    LEASE = 0
    ENDING = 1
    REST = 2
    LEAVE = 3


@dataclass(order=True, slots=True)
class _Job:
    urgency: int
    number: int
    work: Callable[[], Any] | None = field(compare=False)
    done: Callable[[Any], None] = field(compare=False)
    failed: Callable[[Exception], None] = field(compare=False)


class Desk:
    """`ask` from the loop; when `answers_fd` becomes readable, `deliver` calls the callbacks, in the loop's thread."""

    def __init__(self) -> None:
        self._jobs: queue.PriorityQueue[_Job] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._answers: deque[Callable[[], None]] = deque()
        self.answers_fd, self._ring = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._thread = threading.Thread(target=self._serve, name="desk", daemon=True)

    def open(self) -> None:
        """Start the thread."""
        self._thread.start()

    def ask(
        self,
        work: Callable[[], Any],
        *,
        urgency: Urgency = Urgency.REST,
        done: Callable[[Any], None] = lambda _answer: None,
        failed: Callable[[Exception], None] = lambda _error: None,
    ) -> None:
        """Have `work` done in the desk's thread; then `done(answer)` or `failed(error)` is called in the loop's."""
        self._jobs.put(_Job(urgency, next(self._numbers), work, done, failed))

    def deliver(self) -> None:
        """Call back for every job that is done."""
        try:
            while os.read(self.answers_fd, 4096):
                pass
        except BlockingIOError:
            pass
        while self._answers:
            self._answers.popleft()()

    def close(self, timeout: float) -> None:
        """Do what is waiting, then end the thread; at most `timeout` seconds."""
        self._jobs.put(_Job(Urgency.LEAVE, next(self._numbers), None, lambda _answer: None, lambda _error: None))
        self._thread.join(timeout)

    def _serve(self) -> None:
        while (job := self._jobs.get()).work is not None:
            self._answers.append(self._answer(job))
            try:
                os.write(self._ring, b".")
            except BlockingIOError:
                continue  # a full pipe is a ring that was not heard yet
        connection.close()

    def _answer(self, job: _Job) -> Callable[[], None]:
        assert job.work is not None
        try:
            answer = job.work()
        except Exception as error:
            log.warning("desk_job_failed", job=getattr(job.work, "__qualname__", "job"), error=repr(error))
            connection.close()  # it may be the connection that is broken; the pool gives a sound one
            problem = error
            return lambda: job.failed(problem)
        return lambda: job.done(answer)
