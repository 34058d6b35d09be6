"""Status moves of runs and wakeups: the tables, and what every move leaves (DESIGN 4, spec/4 section 10)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.models import LiveEvent
from heartbeats.models import HeartbeatRun
from heartbeats.runs.lifecycle import RUN_MOVES, WAKEUP_MOVES, Note, add_notes, call_forward, close_wakeup, move_run
from heartbeats.vocabulary import RunStatus, WakeupStatus
from tests.factories.heartbeats import HeartbeatRunFactory, finished_run, parked_retry, running_run

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_every_status_has_a_row_and_terminal_ones_have_no_moves() -> None:
    assert RUN_MOVES.states == set(RunStatus)
    assert RUN_MOVES.terminal == set(RunStatus.TERMINAL)
    assert WAKEUP_MOVES.states == set(WakeupStatus)
    assert WAKEUP_MOVES.terminal == set(WakeupStatus.CLOSED)


@pytest.mark.django_db
def test_a_move_writes_gapless_events_and_announces_status_and_events() -> None:
    run = running_run()
    add_notes(run, Note("one"), Note("two", level="warn", payload={"a": 1}))
    won = move_run(
        run, RunStatus.FAILED, expected={RunStatus.RUNNING}, notes=[Note("three")], finished_at=NOW, error="broke"
    )
    assert won
    assert list(run.events.values_list("seq", "message")) == [(1, "one"), (2, "two"), (3, "three")]
    status = LiveEvent.objects.get(type="heartbeat.run.status").payload
    assert status == {
        "runId": str(run.pk),
        "agentId": str(run.agent_id),
        "status": "failed",
        "invocationSource": "assignment",
        "triggerDetail": "system",
        "error": "broke",
        "errorCode": None,
        "startedAt": status["startedAt"],
        "finishedAt": "2026-03-01T12:00:00.000Z",
    }
    event = LiveEvent.objects.filter(type="heartbeat.run.event")[1].payload
    assert event == {
        "runId": str(run.pk),
        "agentId": str(run.agent_id),
        "seq": 2,
        "eventType": "lifecycle",
        "stream": "system",
        "level": "warn",
        "color": None,
        "message": "two",
        "payload": {"a": 1},
    }


@pytest.mark.django_db
def test_the_loser_of_a_move_writes_nothing() -> None:
    run = running_run(epoch=2)
    assert not move_run(
        run, RunStatus.FAILED, expected={RunStatus.RUNNING}, held_epoch=1, notes=[Note("late")], finished_at=NOW
    )
    over = finished_run()
    assert not move_run(over, RunStatus.FAILED, expected={RunStatus.RUNNING}, finished_at=NOW)
    assert not LiveEvent.objects.exists()
    assert not run.events.exists()


@pytest.mark.django_db
def test_a_closed_wakeup_stays_as_it_was_closed() -> None:
    run = HeartbeatRunFactory()
    assert close_wakeup(run, WakeupStatus.SKIPPED, now=NOW, error="why")
    assert not close_wakeup(run, WakeupStatus.COMPLETED, now=NOW)
    assert run.wakeup is not None
    run.wakeup.refresh_from_db()
    assert (run.wakeup.status, run.wakeup.error, run.wakeup.finished_at) == ("skipped", "why", NOW)


@pytest.mark.django_db
def test_a_retry_called_forward_is_announced_as_queued_once() -> None:
    retry = parked_retry()
    assert call_forward(retry, message="now")
    assert not call_forward(HeartbeatRun.objects.get(pk=retry.pk), message="again")
    assert LiveEvent.objects.filter(type="heartbeat.run.queued").count() == 1
