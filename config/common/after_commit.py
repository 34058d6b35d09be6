"""The one module that may send anything out of the process, and only after commit (DESIGN 4).

A sent message is a doorbell, not the work: the row that it speaks of is committed, and a sweep finds that row if the
message is lost. Hence every failure here is logged and counted, and none reaches the caller or holds it for long.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import celery
import structlog
from django.db import connection, transaction
from kombu import Producer
from kombu.pools import Connections, ProducerPool
from prometheus_client import Counter

CONNECT_SECONDS = 0.3
ANSWER_SECONDS = 0.5
POOL_WAIT_SECONDS = 0.5
POOL_SIZE = 16
SLOW_FAILURE_SECONDS = 0.2
PAUSE_SECONDS = 2.0

MESSAGES = Counter(
    "everbeat_messages_total", "Messages for workers, by queue and what became of them.", ["queue", "outcome"]
)
FAILED_CALLS = Counter("everbeat_after_commit_failures_total", "After-commit calls that raised.", ["name"])

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def send_task(name: str, *args: Any, queue: str = "control") -> None:  # noqa: ANN401
    """Ring the workers: publish the Celery task `name` once this transaction commits; at once outside of one.

    UUID arguments travel as strings. The same message registered again in the same transaction is sent once. A
    rolled-back savepoint takes its messages with it. Never raises for the broker and never waits much over a second.
    """
    message = Message(name, tuple(str(arg) if isinstance(arg, UUID) else arg for arg in args), queue)
    if message not in pending():
        transaction.on_commit(message, robust=True)


def call(fn: Callable[..., object], *args: Any) -> None:  # noqa: ANN401
    """Run `fn(*args)` once this transaction commits. What it raises is logged and counted, not raised."""
    transaction.on_commit(_Call(fn, args), robust=True)


def pending() -> list[Message]:
    """The messages that this thread's transaction will send if it commits now, in order."""
    # Django drops the entries of rolled-back savepoints, so one that is still listed commits whenever a new one would.
    return [entry[1] for entry in connection.run_on_commit if isinstance(entry[1], Message)]


@dataclass(frozen=True, slots=True)
class Message:
    """One task for the workers; equal messages are the same message."""

    name: str
    args: tuple[Any, ...]
    queue: str

    def __call__(self) -> None:
        """Publish now. Logs and counts a failure; never raises one."""
        if _pause.active():
            self._count("skipped")
            return
        began = time.monotonic()
        try:
            with _producer() as producer:
                celery.current_app.send_task(
                    self.name,
                    self.args,
                    queue=self.queue,
                    producer=producer,
                    ignore_result=True,
                    retry=False,
                )
        except Exception as error:  # the broker's client raises half a dozen unrelated families
            self._failed(error, time.monotonic() - began)
        else:
            self._count("sent")

    def _failed(self, error: Exception, seconds: float) -> None:
        self._count("failed")
        if seconds >= SLOW_FAILURE_SECONDS:
            _pause.start()
        log.warning("message_not_sent", task=self.name, queue=self.queue, seconds=round(seconds, 3), error=repr(error))

    def _count(self, outcome: str) -> None:
        MESSAGES.labels(queue=self.queue, outcome=outcome).inc()


@dataclass(frozen=True, slots=True)
class _Call:
    fn: Callable[..., object]
    args: tuple[Any, ...]

    def __call__(self) -> None:
        try:
            self.fn(*self.args)
        except Exception as error:
            _report(self.fn, error)


def _report(fn: Callable[..., object], error: Exception) -> None:
    name = f"{fn.__module__}.{getattr(fn, '__qualname__', type(fn).__qualname__)}"
    FAILED_CALLS.labels(name=name).inc()
    log.error("after_commit_call_failed", name=name, exc_info=error)


@dataclass(slots=True)
class _Pause:
    """Stops asking a broker that hangs, so that one commit with ten messages does not pay ten time-outs."""

    clock: Callable[[], float] = time.monotonic
    until: float = 0.0

    def start(self) -> None:
        self.until = self.clock() + PAUSE_SECONDS

    def active(self) -> bool:
        return self.clock() < self.until


@dataclass(slots=True)
class _Producers:
    """Pooled producers per broker, on connections of their own: a worker's must wait long, these must not."""

    pools: dict[str, ProducerPool] = field(default_factory=dict)

    def of(self, app: celery.Celery) -> ProducerPool:
        url = app.conf.broker_write_url or ""
        if url not in self.pools:
            self.pools.setdefault(url, _pool(app))
        return self.pools[url]


def _pool(app: celery.Celery) -> ProducerPool:
    link = app.connection_for_write(
        connect_timeout=CONNECT_SECONDS,
        transport_options={
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": ANSWER_SECONDS,
            "retry_on_timeout": False,
            "max_retries": 0,
            "interval_start": 0,
            "interval_step": 0,
        },
    )
    return ProducerPool(Connections(limit=POOL_SIZE)[link], limit=POOL_SIZE, Producer=app.amqp.Producer)


@contextmanager
def _producer() -> Iterator[Producer]:
    with _producers.of(celery.current_app).acquire(block=True, timeout=POOL_WAIT_SECONDS) as producer:
        yield producer


def _forget() -> None:
    """A forked child must not share its parent's sockets."""
    _producers.pools.clear()


_pause = _Pause()
_producers = _Producers()
os.register_at_fork(after_in_child=_forget)
