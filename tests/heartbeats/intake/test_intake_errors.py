"""`POST errors` only records; what an endpoint answers when its agent vanishes or a fault is ours (spec/1 F, B)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from agents.models import Agent, AgentError, AgentKey, ErrorGroup
from agents.vocabulary import Presence
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from tests.factories.heartbeats import running_run
from tests.factories.issues import assigned_to
from tests.heartbeats.intake.conftest import Caller, calling
from tests.racing import somebody_waits_for_a_lock
from tests.waiting import wait_for

FATAL = {"severity": "fatal", "message": "the disk is gone"}
BODIES: dict[str, dict[str, Any]] = {
    "errors": FATAL,
    "tasks/next": {},
    "tasks/{run}/report": {"status": "running"},
    "tasks/{run}/log": {"stream": "stdout", "chunk": "x", "seq": 1},
}


@pytest.mark.django_db
def test_even_a_fatal_error_is_only_recorded() -> None:
    caller = calling(presence=Presence.BUSY)
    run = running_run(agent=caller.agent, issue=assigned_to(caller.agent))
    assert caller.post("errors", {**FATAL, "taskId": str(run.pk)}).json() == {"acknowledged": True}
    error = AgentError.objects.get(agent=caller.agent)
    assert (error.severity, error.source, error.run_id, error.issue_id) == ("fatal", "report", run.pk, run.issue_id)
    assert caller.fresh().presence == Presence.BUSY
    assert HeartbeatRun.objects.get(pk=run.pk).status == RunStatus.RUNNING
    assert caller.presence_changes() == []
    assert caller.told_screens() == ["agent.error"]


@pytest.mark.django_db
@pytest.mark.parametrize("task_id", ["nothing", "01890000-0000-7000-8000-000000000000", "of another"])
def test_a_task_that_is_not_the_agents_is_dropped_and_the_error_is_kept(caller: Caller, task_id: str) -> None:
    task_id = str(running_run().pk) if task_id == "of another" else task_id
    assert caller.post("errors", {**FATAL, "taskId": task_id}).status_code == 200
    assert AgentError.objects.get(agent=caller.agent).run_id is None


@pytest.mark.django_db
def test_a_reported_error_is_scrubbed_and_made_storable(caller: Caller) -> None:
    context = {"db_password": "x", "tokenCount": 3, "nul": "a\x00b"}
    message = "Bearer abcdef123456 refused\x00"
    assert caller.post("errors", {"severity": "error", "message": message, "context": context}).status_code == 200
    error = AgentError.objects.get(agent=caller.agent)
    assert error.message == "Bearer [REDACTED] refused\ufffd"
    assert error.context == {"db_password": "[REDACTED]", "tokenCount": 3, "nul": "a\ufffdb"}


@pytest.mark.django_db
def test_an_idempotency_key_makes_a_repeat_harmless(caller: Caller) -> None:
    answers = [caller.post("errors", FATAL, **{"Idempotency-Key": "e-1"}) for _ in range(3)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b'{"acknowledged":true}')}
    assert ErrorGroup.objects.get(agent=caller.agent).occurrences == 1
    caller.post("errors", FATAL, **{"Idempotency-Key": "e-2"})
    assert ErrorGroup.objects.get(agent=caller.agent).occurrences == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "work", "code"),
    [
        ("errors", "heartbeats.intake.views.take_error", "ERROR_INGEST_ERROR"),
        ("tasks/next", "heartbeats.intake.task_views.next_task", "TASK_ASSIGN_ERROR"),
        ("tasks/{run}/report", "heartbeats.intake.task_views.take_report", "TASK_REPORT_ERROR"),
        ("tasks/{run}/log", "heartbeats.intake.task_views.append_to_log", "TASK_REPORT_ERROR"),
    ],
)
def test_a_fault_of_ours_has_the_code_of_its_endpoint_and_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, path: str, work: str, code: str
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret detail")

    caller = calling()
    run = running_run(agent=caller.agent)
    monkeypatch.setattr(work, broken)
    response = caller.post(path.format(run=run.pk), BODIES[path])
    assert response.status_code == 500
    assert response.json() == {"error": {"code": code, "message": "Internal server error"}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", BODIES)
def test_an_agent_that_is_deleted_in_the_middle_of_its_request_is_a_401(path: str) -> None:
    caller = calling(last_seen_at=timezone.now())
    AgentKey.objects.update(
        last_used_at=timezone.now()
    )  # so that the first to wait is the verb, not who notes the call
    run = running_run(agent=caller.agent)
    answers: list[Any] = []

    def ask() -> None:
        answers.append(caller.post(path.format(run=run.pk), BODIES[path]))
        connection.close()

    thread = threading.Thread(target=ask)
    with transaction.atomic():
        Agent.objects.get(pk=caller.agent.pk).delete()
        thread.start()
        wait_for(somebody_waits_for_a_lock, what="the request to wait for a row of the agent")
    thread.join(20)
    assert answers[0].status_code == 401
    assert answers[0].json()["error"]["code"] == "AUTH_TOKEN_INVALID"
    assert not AgentError.objects.exists()
