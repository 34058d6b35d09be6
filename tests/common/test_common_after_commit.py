"""What leaves the process leaves after commit, once, and its loss hurts nobody. Real PostgreSQL, real broker."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty
from typing import Any

import celery
import pytest
import redis
from celery._state import get_current_app
from django.conf import settings
from django.db import transaction
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from config.common import after_commit
from config.common.after_commit import Message, call, pending, send_task

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Broker:
    app: celery.Celery
    prefix: str

    def received(self, queue: str = "control") -> list[tuple[str, list[Any]]]:
        """Every message of the queue, oldest first; empties it."""
        messages: list[tuple[str, list[Any]]] = []
        with self.app.connection_for_read() as link, link.SimpleQueue(queue) as box:
            while True:
                try:
                    message = box.get(block=False)
                except Empty:
                    return messages
                message.ack()
                messages.append((message.headers["task"], message.payload[0]))

    def drop_clients(self) -> None:
        """Close the sockets of this test's clients, as a restart of the broker does to all."""
        with redis.Redis.from_url(settings.REDIS_URL) as admin:
            mine = [client["id"] for client in admin.client_list() if client["name"] == self.prefix]
            assert mine
            for client_id in mine:
                admin.client_kill_filter(_id=client_id)


def app_on(url: str, prefix: str = "") -> celery.Celery:
    app = celery.Celery("after-commit-tests", broker=url, set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": prefix, "client_name": prefix or None}
    return app


@pytest.fixture(autouse=True)
def _own_pools(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = get_current_app()
    monkeypatch.setattr(after_commit, "_pause", after_commit._Pause())
    monkeypatch.setattr(after_commit, "_producers", after_commit._Producers())
    yield
    before.set_current()


@pytest.fixture
def broker() -> Iterator[Broker]:
    prefix = f"test-{uuid.uuid4()}:"
    app = app_on(settings.CELERY_BROKER_URL, prefix)
    app.set_current()
    yield Broker(app, prefix)
    with redis.Redis.from_url(settings.REDIS_URL) as admin:
        for key in admin.scan_iter(f"{prefix}*"):
            admin.delete(key)


@pytest.fixture
def no_broker() -> None:
    app_on("redis://127.0.0.1:1/0").set_current()


@pytest.fixture
def hanging_broker() -> Iterator[None]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        app_on(f"redis://127.0.0.1:{listener.getsockname()[1]}/0").set_current()
        yield


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def counted(outcome: str, queue: str = "control") -> float:
    return REGISTRY.get_sample_value("everbeat_messages_total", {"queue": queue, "outcome": outcome}) or 0.0


def test_a_message_leaves_only_after_commit(broker: Broker) -> None:
    with transaction.atomic():
        send_task("runs.start", "a", 1)
        assert broker.received() == []
    assert broker.received() == [("runs.start", ["a", 1])]


def test_outside_a_transaction_a_message_leaves_at_once(broker: Broker) -> None:
    send_task("runs.start", queue="runs")
    assert broker.received("runs") == [("runs.start", [])]


def test_a_rolled_back_transaction_sends_nothing(broker: Broker) -> None:
    with rolled_back():
        send_task("runs.start")
        call(broker.received)
    assert broker.received() == []
    assert pending() == []


def test_the_same_message_twice_in_a_transaction_is_sent_once(broker: Broker) -> None:
    agent = uuid.uuid4()
    with transaction.atomic():
        send_task("runs.start", agent)
        with transaction.atomic():
            send_task("runs.start", str(agent))
        send_task("runs.start", agent, queue="runs")
        send_task("runs.start", "other")
    assert broker.received() == [("runs.start", [str(agent)]), ("runs.start", ["other"])]
    assert broker.received("runs") == [("runs.start", [str(agent)])]


def test_a_rolled_back_savepoint_does_not_swallow_its_twin(broker: Broker) -> None:
    with transaction.atomic():
        with rolled_back():
            send_task("runs.start", 1)
        send_task("runs.start", 1)
        assert pending() == [Message("runs.start", (1,), "control")]
    assert broker.received() == [("runs.start", [1])]


def test_the_same_message_in_two_transactions_is_sent_twice(broker: Broker) -> None:
    for _ in range(2):
        with transaction.atomic():
            send_task("runs.start")
    assert len(broker.received()) == 2


def test_messages_survive_a_restarted_broker(broker: Broker) -> None:
    send_task("runs.start", 1)
    broker.drop_clients()
    send_task("runs.start", 2)
    assert broker.received() == [("runs.start", [1]), ("runs.start", [2])]


def test_an_absent_broker_is_logged_and_counted_and_never_raised(no_broker: None) -> None:
    failed = counted("failed")
    with capture_logs() as logs, transaction.atomic():
        send_task("runs.start", 7)
    assert counted("failed") == failed + 1
    assert [(entry["event"], entry["task"], entry["log_level"]) for entry in logs] == [
        ("message_not_sent", "runs.start", "warning")
    ]


def test_a_hanging_broker_costs_a_commit_about_a_second_whatever_it_sends(hanging_broker: None) -> None:
    skipped = counted("skipped")
    began = time.monotonic()
    with transaction.atomic():
        for number in range(20):
            send_task("runs.start", number)
    assert time.monotonic() - began < 5  # twenty attempts would take twenty
    assert counted("skipped") == skipped + 19


def test_a_hanging_broker_is_asked_again_after_the_pause() -> None:
    seconds = [100.0]
    pause = after_commit._Pause(clock=lambda: seconds[0])
    assert not pause.active()
    pause.start()
    assert pause.active()
    seconds[0] += after_commit.PAUSE_SECONDS
    assert not pause.active()


def test_a_message_that_cannot_be_written_down_does_not_stop_the_next(broker: Broker) -> None:
    with transaction.atomic():
        send_task("runs.start", object())
        send_task("runs.start", 2)
    assert broker.received() == [("runs.start", [2])]


def test_calls_run_after_commit_in_order_and_one_that_raises_is_logged() -> None:
    seen: list[object] = []

    def broken(number: int) -> None:
        raise KeyError(number)

    with capture_logs() as logs:
        with transaction.atomic():
            call(seen.append, 1)
            call(broken, 2)
            call(seen.append, 3)
            assert seen == []
        assert seen == [1, 3]
    assert [entry["event"] for entry in logs] == ["after_commit_call_failed"]
    assert logs[0]["name"].endswith("broken")


def test_a_forked_child_starts_with_no_sockets_of_its_parent(broker: Broker) -> None:
    send_task("runs.start")
    assert after_commit._producers.pools
    child = os.fork()
    if child == 0:
        os._exit(len(after_commit._producers.pools))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert after_commit._producers.pools
