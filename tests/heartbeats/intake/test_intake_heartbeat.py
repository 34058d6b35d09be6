"""One heartbeat on a real database: transition, audit, errors, the run in hand, hints (spec/1 A, C, J)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from structlog.testing import capture_logs

from agents.models import ActivityEvent, AgentError, ErrorGroup, LiveEvent
from agents.vocabulary import AgentStatus, Presence
from heartbeats.models import HeartbeatRun
from heartbeats.runs.losing import fail_agent_run
from heartbeats.vocabulary import ErrorCode, RunStatus
from issues.vocabulary import IssueStatus, Priority
from tests.factories.heartbeats import HeartbeatRunFactory, finished_run, running_run
from tests.factories.issues import IssueRelationFactory, assigned_to
from tests.heartbeats.intake.conftest import Caller, calling

pytestmark = pytest.mark.django_db

FATAL = {"severity": "fatal", "message": "the disk is gone"}
WARNING = {"severity": "warning", "message": "hot"}


def in_hand(run: HeartbeatRun, **more: Any) -> dict[str, Any]:
    """A `currentTask`."""
    return {"taskId": str(run.id), "progress": 0.5, "speed": 12.5, **more}


def test_a_warning_leaves_one_row_and_changes_nothing_else() -> None:
    caller = calling(presence=Presence.BUSY)
    assert caller.beat("busy", error=WARNING).status_code == 200
    error = AgentError.objects.get(agent=caller.agent)
    assert (error.severity, error.message, error.run_id, error.source) == ("warning", "hot", None, "heartbeat")
    assert caller.fresh().presence == Presence.BUSY
    assert caller.presence_changes() == []
    assert caller.told_screens() == ["agent.error"]


def test_a_transition_leaves_one_audit_row_one_event_and_one_log_line() -> None:
    caller = calling(presence=Presence.ONLINE)
    with capture_logs() as lines:
        caller.beat("busy")
    assert caller.presence_changes() == [{"from": "online", "to": "busy", "reason": "heartbeat_status"}]
    assert [line["event"] for line in lines if line["log_level"] == "info"].count("agent_presence_changed") == 1
    assert caller.told_screens() == ["agent.status"]
    row = ActivityEvent.objects.get(action="agent.presence_changed")
    assert (row.actor_type, row.actor_id) == ("agent", str(caller.agent.id))


def test_a_no_op_leaves_no_audit_row_no_event_and_no_log_line(caller: Caller) -> None:
    with capture_logs() as lines:
        caller.beat("online")
    assert not ActivityEvent.objects.exists()
    assert not LiveEvent.objects.exists()
    assert [line for line in lines if line["event"] == "agent_presence_changed"] == []


def test_an_offline_agent_is_back_with_its_next_heartbeat() -> None:
    caller = calling(presence=Presence.OFFLINE)
    caller.beat("online")
    assert caller.fresh().presence == Presence.ONLINE


def test_presence_error_makes_the_agent_status_error_and_leaving_it_makes_it_idle() -> None:
    caller = calling(status=AgentStatus.ACTIVE)
    caller.beat("error")
    assert caller.fresh().status == AgentStatus.ERROR
    caller.beat("online")
    assert caller.fresh().status == AgentStatus.IDLE
    assert [change["reason"] for change in caller.presence_changes()] == ["heartbeat_status"] * 2


def test_leaving_error_with_a_running_run_makes_the_agent_running() -> None:
    caller = calling(status=AgentStatus.ERROR, presence=Presence.ERROR)
    running_run(agent=caller.agent)
    caller.beat("busy")
    assert caller.fresh().status == AgentStatus.RUNNING


@pytest.mark.parametrize("payload", ["error", "online"])
def test_a_paused_agent_stays_paused(payload: str) -> None:
    caller = calling(status=AgentStatus.PAUSED, presence=Presence.BUSY)
    caller.beat(payload)
    assert caller.fresh().status == AgentStatus.PAUSED


def test_a_fatal_error_fails_each_run_in_hand_once_and_retries_it() -> None:
    caller = calling(status=AgentStatus.RUNNING)
    runs = [running_run(agent=caller.agent, issue=assigned_to(caller.agent)) for _ in range(2)]
    answer = caller.beat("busy", error=FATAL).json()
    assert answer["failedTasks"] == {"attempted": 2, "failed": 2}
    assert answer["stopTaskIds"] == [str(run.id) for run in runs]
    for run in runs:
        run.refresh_from_db()
        assert (run.status, run.error_code, run.error) == ("failed", "agent_fatal_error", "the disk is gone")
        retry = HeartbeatRun.objects.get(retry_of_run=run)
        assert (retry.status, retry.failure_retry_count, retry.agent_id) == ("queued", 1, caller.agent.id)
    assert caller.fresh().presence == Presence.ERROR
    assert caller.fresh().status == AgentStatus.ERROR
    assert [change["reason"] for change in caller.presence_changes()] == ["fatal_error"]


def test_a_fatal_error_without_runs_changes_the_presence_and_fails_nothing(caller: Caller) -> None:
    assert caller.beat(error=FATAL).json()["failedTasks"] == {"attempted": 0, "failed": 0}
    assert caller.fresh().presence == Presence.ERROR


def test_a_repeated_fatal_error_fails_what_is_in_hand_and_spends_no_retry_of_what_waits() -> None:
    caller = calling(presence=Presence.ERROR, status=AgentStatus.ERROR)
    waiting = HeartbeatRunFactory(agent=caller.agent, issue=assigned_to(caller.agent))
    running_run(agent=caller.agent)
    assert caller.beat("error", error=FATAL).json()["failedTasks"] == {"attempted": 1, "failed": 1}
    assert caller.beat("error", error=FATAL).json()["failedTasks"] == {"attempted": 0, "failed": 0}
    waiting.refresh_from_db()
    assert waiting.status == RunStatus.QUEUED
    assert caller.presence_changes() == []


def test_the_middle_of_three_runs_raising_does_not_strand_its_siblings(monkeypatch: pytest.MonkeyPatch) -> None:
    from heartbeats.intake import fatal

    caller = calling()
    runs = [running_run(agent=caller.agent, started_at=timezone.now() + timedelta(seconds=n)) for n in range(3)]

    def middle_raises(run_id: Any, **named: Any) -> Any:
        if run_id == runs[1].id:
            raise RuntimeError("poison")
        return fail_agent_run(run_id, **named)

    monkeypatch.setattr(fatal, "fail_agent_run", middle_raises)
    with capture_logs() as lines:
        assert caller.beat(error=FATAL).json()["failedTasks"] == {"attempted": 3, "failed": 2}
    assert [HeartbeatRun.objects.get(id=run.id).status for run in runs] == ["failed", "running", "failed"]
    assert [line["run_id"] for line in lines if line["event"] == "run_not_failed"] == [str(runs[1].id)]


def test_the_error_of_a_heartbeat_names_the_owned_run_and_its_issue() -> None:
    caller = calling()
    run = running_run(agent=caller.agent, issue=assigned_to(caller.agent))
    caller.beat("busy", currentTask=in_hand(run), error=WARNING)
    error = AgentError.objects.get(agent=caller.agent)
    assert (error.run_id, error.issue_id) == (run.id, run.issue_id)
    group = ErrorGroup.objects.get(agent=caller.agent)
    assert (group.last_run_id, group.last_issue_id) == (run.id, run.issue_id)


def test_a_foreign_run_is_dropped_logged_to_be_stopped_and_left_alone() -> None:
    caller = calling()
    for foreign in (running_run(agent=calling(company=caller.agent.company).agent), running_run()):
        with capture_logs() as lines:
            response = caller.beat("busy", currentTask=in_hand(foreign), error=WARNING)
        assert response.status_code == 200
        assert response.json()["stopTaskIds"] == [str(foreign.id)]
        assert [line["task_id"] for line in lines if line["event"] == "current_task_not_owned"] == [str(foreign.id)]
        before = foreign.lease_expires_at
        foreign.refresh_from_db()
        assert (foreign.progress, foreign.lease_expires_at) == (None, before)
    assert set(AgentError.objects.values_list("run_id", flat=True)) == {None}


@pytest.mark.parametrize("task_id", ["", "nothing", "01890000-0000-7000-8000-000000000000"])
def test_an_unknown_run_costs_no_heartbeat(caller: Caller, task_id: str) -> None:
    response = caller.beat(currentTask={"taskId": task_id, "progress": 1, "speed": 0})
    assert response.status_code == (400 if task_id == "" else 200)


def test_the_run_in_hand_takes_progress_and_a_new_lease_and_keeps_its_status() -> None:
    caller = calling()
    run = running_run(agent=caller.agent, lease_expires_at=timezone.now() + timedelta(seconds=1))
    answer = caller.beat("busy", currentTask=in_hand(run, temperature=71)).json()
    run.refresh_from_db()
    assert run.progress is not None
    assert {key: run.progress[key] for key in ("progress", "speed", "temperature")} == {
        "progress": 0.5,
        "speed": 12.5,
        "temperature": 71,
    }
    assert run.lease_expires_at is not None
    assert run.lease_expires_at > timezone.now() + timedelta(seconds=30)
    assert run.status == RunStatus.RUNNING
    assert "stopTaskIds" not in answer


def test_the_lease_of_a_run_that_our_host_executes_is_its_supervisors_business() -> None:
    caller = calling(adapter_type="process")
    run = running_run(agent=caller.agent)
    caller.beat("busy", currentTask=in_hand(run))
    lease = run.lease_expires_at
    run.refresh_from_db()
    assert run.lease_expires_at == lease
    assert run.progress is not None


@pytest.mark.parametrize("status", [RunStatus.CANCELLED, RunStatus.FAILED, RunStatus.TIMED_OUT])
def test_an_agent_is_told_to_stop_runs_that_we_ended_named_or_not(status: RunStatus) -> None:
    caller = calling()
    ended = finished_run(status, agent=caller.agent, error_code=ErrorCode.AGENT_LOST.value)
    assert caller.beat("busy").json()["stopTaskIds"] == [str(ended.id)]
    assert caller.beat("busy", currentTask=in_hand(ended)).json()["stopTaskIds"] == [str(ended.id)]


def test_an_agent_is_not_told_of_runs_that_it_ended_itself_or_long_ago() -> None:
    caller = calling()
    finished_run(RunStatus.SUCCEEDED, agent=caller.agent)
    finished_run(RunStatus.FAILED, agent=caller.agent, error_code=ErrorCode.AGENT_REPORTED_FAILURE.value)
    finished_run(RunStatus.CANCELLED, agent=caller.agent, epoch=0)
    finished_run(RunStatus.CANCELLED, agent=caller.agent, finished_at=timezone.now() - timedelta(minutes=6))
    assert "stopTaskIds" not in caller.beat("busy").json()


def test_a_ready_critical_run_is_hinted_at_only_while_the_agent_takes_work() -> None:
    caller = calling()
    HeartbeatRunFactory(agent=caller.agent, issue=assigned_to(caller.agent, priority=Priority.CRITICAL))
    assert caller.beat("online").json()["hasHighPriorityTasks"] is True
    assert caller.beat("benchmarked").json()["hasHighPriorityTasks"] is True
    assert "hasHighPriorityTasks" not in caller.beat("busy").json()
    assert "hasHighPriorityTasks" not in caller.beat("error").json()


def test_a_blocked_critical_run_and_a_ready_lesser_one_are_no_hint() -> None:
    caller = calling()
    blocked = assigned_to(caller.agent, priority=Priority.CRITICAL)
    relation = IssueRelationFactory(blocked=blocked)
    HeartbeatRunFactory(agent=caller.agent, issue=blocked)
    HeartbeatRunFactory(agent=caller.agent, issue=assigned_to(caller.agent, priority=Priority.HIGH))
    assert "hasHighPriorityTasks" not in caller.beat("online").json()
    type(relation.blocker).objects.filter(id=relation.blocker_id).update(
        status=IssueStatus.DONE, completed_at=timezone.now()
    )
    assert caller.beat("online").json()["hasHighPriorityTasks"] is True


def test_the_next_heartbeat_is_due_in_fifteen_seconds_give_or_take_a_tenth(caller: Caller) -> None:
    pauses = {caller.beat().json()["nextHeartbeatSec"] for _ in range(10)}
    assert len(pauses) > 1
    assert all(13.5 <= pause <= 16.5 for pause in pauses)


def test_last_seen_is_written_every_five_seconds_at_most(caller: Caller) -> None:
    caller.beat()
    first = caller.fresh().last_seen_at
    caller.beat()
    assert caller.fresh().last_seen_at == first
    type(caller.agent).objects.filter(id=caller.agent.id).update(last_seen_at=timezone.now() - timedelta(seconds=6))
    caller.beat()
    assert first is not None
    seen = caller.fresh().last_seen_at
    assert seen is not None
    assert seen > first


def test_errors_are_scrubbed_before_the_row_is_inserted() -> None:
    """A trigger keeps what was inserted: scrubbing afterwards would show here."""
    caller = calling()
    with connection.cursor() as cursor:
        cursor.execute(
            """create temporary table inserted (message text, context jsonb);
               create function pg_temp.keep() returns trigger language plpgsql as
               $$ begin insert into inserted values (new.message, new.context); return new; end $$;
               create trigger keep before insert on agents_agenterror for each row execute function pg_temp.keep()"""
        )
    context = {"apiKey": "k-1", "cause": {"headers": {"Authorization": "Bearer abcdef123456"}}, "tokenCount": 3}
    caller.beat(error={"severity": "warning", "message": "Bearer abcdef123456 refused", "context": context})
    with connection.cursor() as cursor:
        cursor.execute("select message, context::text from inserted")
        message, stored = cursor.fetchone()
    assert message == "Bearer [REDACTED] refused"
    assert "k-1" not in stored
    assert "abcdef123456" not in stored
    assert '"tokenCount": 3' in stored
    assert ErrorGroup.objects.get(agent=caller.agent).message == message
    assert "abcdef123456" not in str(list(LiveEvent.objects.values_list("payload", flat=True)))


def test_what_an_agent_says_of_itself_is_scrubbed(caller: Caller) -> None:
    caller.beat(capabilities={"env": {"db_password": "x"}}, deviceInfo={"token": "y", "os": "z"})
    agent = caller.fresh()
    assert agent.reported_capabilities == {"env": {"db_password": "[REDACTED]"}}
    assert agent.hardware == {"token": "[REDACTED]", "os": "z"}


def test_one_error_row_per_heartbeat_and_one_group_per_sort(caller: Caller) -> None:
    for number in (1, 22, 333):
        caller.beat(error={"severity": "warning", "message": f"fan {number} is slow"})
    group = ErrorGroup.objects.get(agent=caller.agent)
    assert (group.occurrences, group.message) == (3, "fan 333 is slow")
    assert AgentError.objects.filter(group=group).count() == 3
