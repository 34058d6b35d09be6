"""Heartbeats at once, against claims and deletions, rolled back, without Redis, and what they cost (spec/1 C, J)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import celery
import pytest
from django.db import connection, transaction
from django.utils import timezone

from agents.errors import ReportedError
from agents.models import ActivityEvent, Agent, AgentError, AgentKey, ErrorGroup, LiveEvent
from agents.vocabulary import ErrorSeverity, Presence
from config.common import after_commit
from config.common.wire.errors import Unauthorized
from heartbeats.intake import heartbeat
from heartbeats.intake.error_reports import Caller as ErrorCaller
from heartbeats.intake.error_reports import take_error
from heartbeats.intake.heartbeat import HeartbeatReport, hear
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from tests.factories.heartbeats import HeartbeatRunFactory, running_run
from tests.factories.issues import assigned_to
from tests.heartbeats.intake.conftest import calling
from tests.racing import race, somebody_waits_for_a_lock
from tests.statements import counted
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

FATAL = {"severity": "fatal", "message": "the disk is gone"}


def test_a_no_op_costs_one_statement_that_is_its_own_transaction() -> None:
    caller = calling()
    for _ in range(2):
        with counted() as statements:
            assert caller.beat().status_code == 200
        assert len(statements) == 1, statements.report()


def test_a_heartbeat_that_says_more_costs_four_statements_with_begin_and_commit() -> None:
    caller = calling()
    with counted() as statements:
        assert caller.beat(capabilities={}).status_code == 200
    assert len(statements) == 4, statements.report()


def test_a_heartbeat_with_a_run_in_hand_costs_one_statement_more() -> None:
    caller = calling()
    run = running_run(agent=caller.agent)
    with counted() as statements:
        caller.beat(currentTask={"taskId": str(run.id), "progress": 0, "speed": 0})
    assert len(statements) == 5, statements.report()


def test_a_heartbeat_with_an_error_costs_two_statements_more() -> None:
    caller = calling()
    with counted() as statements:
        assert caller.beat(error={"severity": "warning", "message": "hot"}).status_code == 200
    assert len(statements) == 6, statements.report()


def test_the_key_is_touched_once_a_minute_in_the_statement_that_touches_the_agent() -> None:
    caller = calling()
    caller.beat()
    used = AgentKey.objects.get(agent=caller.agent).last_used_at
    assert used is not None
    later = timezone.now() + timedelta(seconds=30)
    hear(caller.token, HeartbeatReport(Presence.ONLINE), now=later)
    assert AgentKey.objects.get(agent=caller.agent).last_used_at == used
    later += timedelta(seconds=31)
    with counted() as statements:
        hear(caller.token, HeartbeatReport(Presence.ONLINE), now=later)
    assert len(statements) == 4, statements.report()
    assert AgentKey.objects.get(agent=caller.agent).last_used_at == later


def test_two_heartbeats_at_once_serialise() -> None:
    caller = calling(presence=Presence.ONLINE)
    answers = race([lambda: caller.beat("busy").status_code] * 8)
    assert answers == [200] * 8
    assert caller.presence_changes() == [{"from": "online", "to": "busy", "reason": "heartbeat_status"}]


def test_contradicting_heartbeats_at_once_leave_an_unbroken_chain_of_transitions() -> None:
    caller = calling(presence=Presence.ONLINE)
    race([partial(caller.beat, status) for status in ["busy", "online", "benchmarked"] * 3])
    before = "online"
    for change in caller.presence_changes():
        assert change["from"] == before
        before = change["to"]
    assert caller.fresh().presence == before


def test_two_fatal_errors_at_once_fail_each_run_once() -> None:
    caller = calling()
    runs = [running_run(agent=caller.agent, issue=assigned_to(caller.agent)) for _ in range(3)]
    answers = race([lambda: caller.beat(error=FATAL)] * 2)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert sum(answer.json()["failedTasks"]["failed"] for answer in answers) == 3
    for run in runs:
        assert HeartbeatRun.objects.filter(retry_of_run=run).count() == 1
    assert [change["reason"] for change in caller.presence_changes()] == ["fatal_error"]
    assert AgentError.objects.filter(agent=caller.agent).count() == 2
    assert ErrorGroup.objects.get(agent=caller.agent).occurrences == 2


@pytest.mark.parametrize("_again", range(4))
def test_no_claim_slips_past_a_fatal_error(_again: int) -> None:
    caller = calling(max_concurrent_runs=10)
    for _ in range(4):
        HeartbeatRunFactory(agent=caller.agent, issue=assigned_to(caller.agent))
    race([lambda: caller.beat(error=FATAL), *[lambda: caller.post("tasks/next")] * 4])
    assert caller.fresh().presence == Presence.ERROR
    assert not HeartbeatRun.objects.filter(agent=caller.agent, status=RunStatus.RUNNING).exists()
    assert HeartbeatRun.objects.filter(agent=caller.agent, status=RunStatus.QUEUED).count() == 4


def test_errors_of_two_reports_at_once_count_in_one_group() -> None:
    caller = calling()
    who = ErrorCaller(caller.agent.id, caller.agent.company_id)
    error = ReportedError(ErrorSeverity.ERROR, "no route")
    race([lambda: take_error(who, error, task_id=None, now=timezone.now())] * 6)
    assert ErrorGroup.objects.get(agent=caller.agent).occurrences == 6


def test_an_agent_that_is_deleted_while_its_heartbeat_waits_for_it_is_a_401() -> None:
    caller = calling()
    answers: list[Any] = []

    def beat() -> None:
        answers.append(caller.beat("busy", error=FATAL))
        connection.close()

    thread = threading.Thread(target=beat)
    with transaction.atomic():
        Agent.objects.get(id=caller.agent.id).delete()
        thread.start()
        wait_for(somebody_waits_for_a_lock, what="the heartbeat to wait for the agent's row")
    thread.join(10)
    assert answers[0].status_code == 401
    assert not AgentError.objects.exists()
    assert not ActivityEvent.objects.exists()


def test_an_error_of_an_agent_that_is_deleted_meanwhile_is_a_401() -> None:
    caller = calling()
    who = ErrorCaller(caller.agent.id, caller.agent.company_id)
    Agent.objects.get(id=caller.agent.id).delete()
    with pytest.raises(Unauthorized):
        take_error(who, ReportedError(ErrorSeverity.ERROR, "x"), task_id=None, now=timezone.now())


def test_a_rollback_leaves_nothing_and_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last write of the transaction fails, as a full disk would make it."""
    caller = calling(presence=Presence.ONLINE)
    run = running_run(agent=caller.agent)
    sent: list[object] = []
    monkeypatch.setattr(after_commit.Message, "__call__", lambda self: sent.append(self))

    def broken(*_args: object, **_kwargs: object) -> bool:
        raise RuntimeError("disk full")

    monkeypatch.setattr(heartbeat, "change_presence", broken)
    response = caller.beat("busy", error=FATAL, currentTask={"taskId": str(run.id), "progress": 1, "speed": 1})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "HEARTBEAT_ERROR"
    assert not AgentError.objects.exists()
    assert not ErrorGroup.objects.exists()
    assert not LiveEvent.objects.exists()
    assert not ActivityEvent.objects.exists()
    agent = caller.fresh()
    assert (agent.presence, agent.last_seen_at) == (Presence.ONLINE, None)
    run.refresh_from_db()
    assert (run.status, run.progress) == (RunStatus.RUNNING, None)
    assert sent == []


def test_what_failing_a_run_undoes_does_not_undo_the_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    from heartbeats.intake import fatal

    caller = calling()
    running_run(agent=caller.agent)

    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("poison")

    monkeypatch.setattr(fatal, "fail_agent_run", broken)
    assert caller.beat(error=FATAL).json()["failedTasks"] == {"attempted": 1, "failed": 0}
    assert caller.fresh().presence == Presence.ERROR
    assert AgentError.objects.count() == 1


@pytest.fixture
def dead_broker() -> Iterator[None]:
    """Celery's broker is a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    conf: Any = celery.current_app.conf
    before = conf.broker_url
    conf.broker_url = conf.broker_write_url = f"redis://127.0.0.1:{port}/0"
    after_commit._forget()
    yield
    conf.broker_url = conf.broker_write_url = before
    after_commit._forget()
    after_commit._pause.until = 0.0


@pytest.mark.usefixtures("dead_broker")
def test_heartbeats_keep_working_when_redis_is_down() -> None:
    caller = calling()
    run = running_run(agent=caller.agent, issue=assigned_to(caller.agent))
    began = time.monotonic()
    assert caller.beat("busy").status_code == 200
    assert caller.beat("busy", error={"severity": "warning", "message": "x"}).status_code == 200
    assert caller.beat(error=FATAL).json()["failedTasks"] == {"attempted": 1, "failed": 1}
    assert caller.beat("online").status_code == 200
    assert time.monotonic() - began < 5
    assert HeartbeatRun.objects.get(retry_of_run=run).status == RunStatus.QUEUED


def test_a_no_op_sends_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr(after_commit.Message, "__call__", lambda self: sent.append(self))
    caller = calling()
    HeartbeatRunFactory(agent=caller.agent)
    caller.beat()
    assert sent == []
