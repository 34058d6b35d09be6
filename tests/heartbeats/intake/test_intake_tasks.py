"""Remote work: fetching, reporting, and who may still speak for a run (spec/1 D, E)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from agents.models import ActivityEvent, Agent, AgentError, CostEvent
from agents.run_token import RunClaims, mint_run_token, read_run_token
from agents.skills import desiring
from agents.vocabulary import AgentStatus, Presence
from heartbeats.intake.next_task import remote_host
from heartbeats.intake.reports import Standing, standing_of
from heartbeats.models import EnvironmentLease, HeartbeatRun, LateReport
from heartbeats.runs.cancelling import cancel_run
from heartbeats.vocabulary import RunStatus
from issues.models import Issue
from issues.vocabulary import IssueStatus, Priority
from tests.factories.agents import SkillFactory
from tests.factories.heartbeats import HeartbeatRunFactory, finished_run, running_run
from tests.factories.issues import IssueCommentFactory, assigned_to
from tests.heartbeats.intake.conftest import Caller, calling
from tests.present import present

pytestmark = pytest.mark.django_db

UNKNOWN = "01890000-0000-7000-8000-000000000000"


def queued(caller: Caller, **issue: Any) -> HeartbeatRun:
    """A run that waits for this agent."""
    run: HeartbeatRun = HeartbeatRunFactory(agent=caller.agent, issue=assigned_to(caller.agent, **issue))
    return run


def taken(caller: Caller) -> dict[str, Any]:
    """The next task, which there must be."""
    task = caller.post("tasks/next").json()["task"]
    assert task is not None
    return dict(task)


def by_token(caller: Caller, task: dict[str, Any]) -> Caller:
    """The same agent, speaking with the token of a run."""
    return Caller(caller.agent, task["runToken"])


def token_of(run: HeartbeatRun, epoch: int) -> str:
    """A run token of this epoch."""
    claims = RunClaims(run.agent_id, run.company_id, run.id, run.adapter_type, epoch)
    token = mint_run_token(claims, now=timezone.now())
    assert token is not None
    return token


def refused(response: Any, status: int, code: str) -> None:
    """The answer is this refusal, and it says to stop."""
    assert response.status_code == status, response.content
    assert response.json()["error"]["code"] == code
    assert response.json()["error"]["action"] == "stop"


def test_an_agent_gets_its_run_with_all_it_needs() -> None:
    caller = calling()
    run = queued(caller, title="Fix the lift", description="It is `stuck`.", priority=Priority.HIGH)
    task = taken(caller)
    run.refresh_from_db()
    assert (run.status, run.epoch, run.executor_host) == ("running", 1, remote_host(caller.agent.id))
    assert task.keys() == {
        *("id", "issue", "wakeReason", "context", "taskMarkdown", "status", "attempt"),
        *("leaseExpiresAt", "runToken", "createdAt"),
    }
    assert (task["id"], task["status"], task["attempt"]) == (str(run.id), "running", 1)
    assert task["issue"]["title"] == "Fix the lift"
    assert task["wakeReason"] == task["context"]["reason"] == "issue_assigned"
    assert "It is `stuck`." in task["taskMarkdown"]
    claims = read_run_token(task["runToken"], now=timezone.now())
    assert claims is not None
    assert (claims.run_id, claims.epoch, claims.agent_id) == (run.id, 1, caller.agent.id)
    assert run.lease_expires_at is not None
    assert run.lease_expires_at > timezone.now() + timedelta(seconds=55)
    assert EnvironmentLease.objects.get(run=run).provider == "remote"
    assert run.events.filter(event_type="adapter.invoke").count() == 1


def test_a_remote_agent_gets_the_text_of_its_skills_with_the_run() -> None:
    caller = calling()
    always = SkillFactory(company=caller.agent.company, key="review", body="Read twice.")
    named = SkillFactory(company=caller.agent.company, key="release", body="Tag, then publish.")
    SkillFactory(company=caller.agent.company, key="unwanted")
    Agent.objects.filter(pk=caller.agent.pk).update(adapter_config=desiring({}, [always.key, "absent"]))
    run = queued(caller, description=f"Use [release](skill://{named.pk}).")
    skills = taken(caller)["context"]["skills"]
    assert [(skill["key"], skill["body"]) for skill in skills] == [
        ("release", "Tag, then publish."),
        ("review", "Read twice."),
    ]
    told = " ".join(str(message) for message in run.events.values_list("message", flat=True))
    assert "absent is not a skill of this company" in told


def test_a_remote_run_s_environment_is_logged_like_every_other() -> None:
    caller = calling()
    run = queued(caller)
    task = taken(caller)
    caller.post(f"tasks/{task['id']}/report", {"status": "completed", "summary": "Done."})
    rows = ActivityEvent.objects.filter(entity_type="environment_lease", run=run).order_by("id")
    assert [(row.action, (row.details or {})["provider"], row.agent_id) for row in rows] == [
        ("environment.lease_acquired", "remote", run.agent_id),
        ("environment.lease_released", "remote", run.agent_id),
    ]


def test_the_issue_is_checked_out_for_the_run() -> None:
    caller = calling()
    run = queued(caller)
    task = taken(caller)
    issue = Issue.objects.get(id=present(run.issue_id))
    assert (issue.status, issue.checkout_run_id, issue.execution_run_id) == ("in_progress", run.id, run.id)
    assert task["issue"]["status"] == IssueStatus.IN_PROGRESS
    assert task["context"]["checkedOutByHarness"] is True


def test_a_mention_checks_nothing_out() -> None:
    caller = calling()
    issue = assigned_to(caller.agent)
    comment = IssueCommentFactory(issue=issue, body="@agent look")
    HeartbeatRunFactory(
        agent=caller.agent,
        issue=issue,
        wake_reason="issue_comment_mentioned",
        context={
            "issueId": str(issue.id),
            "wakeReason": "issue_comment_mentioned",
            "wakeCommentIds": [str(comment.id)],
        },
    )
    task = taken(caller)
    assert Issue.objects.get(id=issue.id).status == IssueStatus.TODO
    assert task["context"]["comments"][0]["body"] == "@agent look"


def test_one_run_at_a_time_the_most_urgent_first() -> None:
    caller = calling()
    low, critical = queued(caller, priority=Priority.LOW), queued(caller, priority=Priority.CRITICAL)
    assert [taken(caller)["id"], taken(caller)["id"]] == [str(critical.id), str(low.id)]
    assert caller.post("tasks/next").json() == {"task": None}


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({}, "nothing_queued"),
        ({"presence": Presence.BUSY}, "presence_busy"),
        ({"presence": Presence.OFFLINE}, "presence_offline"),
        ({"status": AgentStatus.PAUSED}, "agent_paused"),
        ({"adapter_type": "process"}, "not_remote"),
    ],
)
def test_why_there_is_no_task_is_logged(columns: dict[str, Any], reason: str) -> None:
    caller = calling(**columns)
    if columns:
        queued(caller)
    with capture_logs() as lines:
        assert caller.post("tasks/next").json() == {"task": None}
    assert [line["reason"] for line in lines if line["event"] == "no_task"] == [reason]


def test_full_slots_give_no_task() -> None:
    caller = calling(max_concurrent_runs=1)
    queued(caller)
    queued(caller)
    taken(caller)
    with capture_logs() as lines:
        assert caller.post("tasks/next").json() == {"task": None}
    assert [line["reason"] for line in lines if line["event"] == "no_task"] == ["slots_full"]


def test_a_benchmarked_agent_takes_work() -> None:
    caller = calling(presence=Presence.BENCHMARKED)
    run = queued(caller)
    assert taken(caller)["id"] == str(run.id)


def test_what_cannot_be_handed_over_fails_and_does_not_block_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    from heartbeats.intake import next_task

    caller = calling()
    run = queued(caller)

    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(next_task, "hand_over", broken)
    response = caller.post("tasks/next")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "TASK_ASSIGN_ERROR")
    assert "secret" not in str(response.json())
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "adapter_failed")


def test_a_completed_run_succeeds_with_what_it_said() -> None:
    caller = calling()
    queued(caller)
    task = taken(caller)
    body = {
        "status": "completed",
        "summary": "The lift moves.",
        "result": {"floors": 3, "apiKey": "k"},
        "usage": {"inputTokens": 10, "outputTokens": 5},
        "sessionId": "s-1",
        "costUsd": 0.5,
    }
    assert caller.post(f"tasks/{task['id']}/report", body).json() == {"acknowledged": True}
    run = HeartbeatRun.objects.get(id=task["id"])
    assert (run.status, run.session_id_after) == ("succeeded", "s-1")
    assert run.result is not None
    assert (run.result["floors"], run.result["apiKey"], run.result["summary"]) == (3, "[REDACTED]", "The lift moves.")
    assert CostEvent.objects.get(run=run).cost_cents == 50
    assert not EnvironmentLease.objects.filter(run=run, status="active").exists()


def test_an_exhausted_run_succeeds_and_says_so() -> None:
    caller = calling()
    queued(caller)
    task = taken(caller)
    assert caller.post(f"tasks/{task['id']}/report", {"status": "exhausted"}).status_code == 200
    run = HeartbeatRun.objects.get(id=task["id"])
    assert run.status == RunStatus.SUCCEEDED
    assert run.result is not None
    assert run.result["exhausted"] is True


def test_a_failed_run_is_retried_three_times_and_then_final() -> None:
    caller = calling()
    queued(caller)
    attempts = []
    for retried in (True, True, True, False):
        task = taken(caller)
        attempts.append(task["attempt"])
        body = {"status": "failed", "errors": ["no power", "dark"], "costUsd": 0.01}
        answer = caller.post(f"tasks/{task['id']}/report", body).json()
        assert answer == {"acknowledged": True, "retried": retried}
        run = HeartbeatRun.objects.get(id=task["id"])
        assert (run.status, run.error_code, run.error) == ("failed", "agent_reported_failure", "no power")
    assert attempts == [1, 2, 3, 4]
    assert caller.post("tasks/next").json() == {"task": None}
    assert AgentError.objects.filter(agent=caller.agent, severity="error").count() == 8
    assert CostEvent.objects.filter(agent=caller.agent).count() == 4


def test_a_running_report_renews_the_lease_and_keeps_the_run_running() -> None:
    caller = calling()
    run = running_run(agent=caller.agent, lease_expires_at=timezone.now() + timedelta(seconds=1))
    body = {
        "status": "running",
        "progress": {"done": 3, "token": "x"},
        "errors": ["password hunter2 at Bearer abcdefgh"],
    }
    assert caller.post(f"tasks/{run.id}/report", body).json() == {"acknowledged": True}
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING
    assert run.progress == {"done": 3, "token": "[REDACTED]"}
    assert run.lease_expires_at is not None
    assert run.lease_expires_at > timezone.now() + timedelta(seconds=55)
    error = AgentError.objects.get(agent=caller.agent)
    assert (error.severity, error.run_id) == ("error", run.id)
    assert "abcdefgh" not in error.message


@pytest.mark.parametrize("path", ["report", "log"])
def test_a_run_that_the_company_does_not_have_is_not_found(caller: Caller, path: str) -> None:
    body = {"status": "completed", "stream": "stdout", "chunk": "x", "seq": 1}
    for task_id in (UNKNOWN, "nothing", str(running_run().id)):
        response = caller.post(f"tasks/{task_id}/{path}", body)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "TASK_NOT_FOUND")


@pytest.mark.parametrize("path", ["report", "log"])
def test_another_agents_run_changes_nothing(caller: Caller, path: str) -> None:
    foreign = running_run(agent=calling(company=caller.agent.company).agent)
    body = {"status": "completed", "errors": ["x"], "stream": "stdout", "chunk": "x", "seq": 1}
    refused(caller.post(f"tasks/{foreign.id}/{path}", body), 400, "TASK_ERROR")
    before = foreign.updated_at
    foreign.refresh_from_db()
    assert (foreign.status, foreign.updated_at) == (RunStatus.RUNNING, before)
    assert not AgentError.objects.exists()
    assert not LateReport.objects.exists()


@pytest.mark.parametrize("status", ["queued", "cancelled", "failed", "timed_out"])
def test_a_run_that_does_not_run_changes_nothing_and_the_report_is_kept(status: str) -> None:
    caller = calling()
    make = HeartbeatRunFactory if status == "queued" else finished_run
    run = make(agent=caller.agent, status=RunStatus(status))
    body = {"status": "completed", "summary": "done after all", "errors": ["x"]}
    refused(caller.post(f"tasks/{run.id}/report", body), 400, "TASK_ERROR")
    assert HeartbeatRun.objects.get(id=run.id).status == status
    assert present(LateReport.objects.get(run=run).payload)["summary"] == "done after all"
    assert not AgentError.objects.exists()


def test_repeating_the_report_that_ended_the_run_is_no_late_report() -> None:
    caller = calling()
    for outcome in ("completed", "failed"):
        run = running_run(agent=caller.agent)
        assert caller.post(f"tasks/{run.id}/report", {"status": outcome}).status_code == 200
        refused(caller.post(f"tasks/{run.id}/report", {"status": outcome}), 400, "TASK_ERROR")
    assert not LateReport.objects.exists()


def test_a_run_token_speaks_for_its_run_only() -> None:
    caller = calling()
    queued(caller)
    queued(caller)
    mine, other = taken(caller), taken(caller)
    speaking = by_token(caller, mine)
    assert speaking.post(f"tasks/{mine['id']}/report", {"status": "running"}).status_code == 200
    refused(speaking.post(f"tasks/{other['id']}/report", {"status": "running"}), 400, "TASK_ERROR")


@pytest.mark.parametrize("path", ["report", "log"])
def test_a_token_of_an_earlier_epoch_is_stale(path: str) -> None:
    caller = calling()
    run = running_run(agent=caller.agent, epoch=2)
    body = {"status": "completed", "summary": "late", "stream": "stdout", "chunk": "x", "seq": 1}
    late = Caller(caller.agent, token_of(run, 1))
    refused(late.post(f"tasks/{run.id}/{path}", body), 409, "STALE_EPOCH")
    assert HeartbeatRun.objects.get(id=run.id).status == RunStatus.RUNNING
    kept = LateReport.objects.filter(run=run)
    assert kept.count() == (1 if path == "report" else 0)
    if path == "report":
        assert (kept[0].epoch, kept[0].current_epoch, present(kept[0].payload)["summary"]) == (1, 2, "late")


def test_a_token_of_a_run_that_was_cancelled_meanwhile_is_stale() -> None:
    caller = calling()
    queued(caller)
    task = taken(caller)
    cancel_run(uuid.UUID(task["id"]), now=timezone.now())
    refused(by_token(caller, task).post(f"tasks/{task['id']}/report", {"status": "completed"}), 409, "STALE_EPOCH")
    assert HeartbeatRun.objects.get(id=task["id"]).status == RunStatus.CANCELLED
    assert caller.beat().json()["stopTaskIds"] == [task["id"]]


@pytest.mark.parametrize(
    ("status", "epoch", "held", "standing"),
    [
        ("running", 3, None, Standing.HOLDS),
        ("running", 3, 3, Standing.HOLDS),
        ("running", 3, 2, Standing.STALE),
        ("failed", 3, 3, Standing.STALE),
        ("failed", 3, None, Standing.STOP),
        ("queued", 0, None, Standing.STOP),
    ],
)
def test_who_may_still_speak_for_a_run(status: str, epoch: int, held: int | None, standing: Standing) -> None:
    assert standing_of(status, epoch, held_epoch=held) is standing


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "status"),
        ({"status": "done"}, "status"),
        ({"status": "failed", "errors": ["x"] * 21}, "errors"),
        ({"status": "failed", "errors": ["x", 1]}, "errors.1"),
        ({"status": "failed", "errors": ["x" * 4097]}, "errors.0"),
        ({"status": "running", "progress": None}, "progress"),
        ({"status": "completed", "costUsd": -1}, "costUsd"),
    ],
)
def test_a_wrong_report_is_a_400_that_names_the_place(caller: Caller, body: dict[str, Any], path: str) -> None:
    response = caller.post(f"tasks/{running_run(agent=caller.agent).id}/report", body)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"
    assert response.json()["error"]["message"].startswith(f"{path}: ")
