"""Which session a start resumes, on real history, and what its end leaves behind (spec/2 I, seed 003, its review)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent
from heartbeats.execution.auto_checkout import HarnessCheckout
from heartbeats.execution.preparation import Prepared, prepare
from heartbeats.execution.rundir import create
from heartbeats.execution.start_facts import StartFacts, load_facts, load_run, load_wake
from heartbeats.models import HeartbeatRun, RuntimeState, TaskSession
from heartbeats.runs.finalising import ExecutionResult, finalise_run
from heartbeats.vocabulary import RunStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import RuntimeStateFactory, TaskSessionFactory, finished_run, running_run

pytestmark = pytest.mark.django_db

DEAD = {
    "sessionReused": True, "persistedSessionId": "s-1", "inputTokens": 0, "cachedInputTokens": 0, "outputTokens": 0,
    "rawInputTokens": 0, "rawCachedInputTokens": 0, "rawOutputTokens": 0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, settings: Any) -> None:
    settings.RUNS_DIR = tmp_path / "runs"
    settings.AGENT_HOMES_DIR = tmp_path / "agents"


def saved(agent: Agent, **columns: Any) -> TaskSession:
    made: TaskSession = TaskSessionFactory(
        agent=agent, session_params={"sessionId": "s-1"}, session_display_id="s-1", **columns
    )
    return made


def history(agent: Agent, count: int, *, session: str = "s-1", hours: float = 1, **columns: Any) -> list[HeartbeatRun]:
    """Finished runs that ended with the session, oldest first, the latest an hour ago."""
    runs = []
    for age in range(count, 0, -1):
        run = finished_run(RunStatus.FAILED, **{"agent": agent, "session_id_after": session, **columns})
        HeartbeatRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(hours=age * hours))
        runs.append(run)
    return runs


def dead_history(agent: Agent, count: int = 3, **columns: Any) -> list[HeartbeatRun]:
    return history(agent, count, **{"liveness_state": "failed", "usage": DEAD, **columns})


def begin(agent: Agent, *, task_key: str | None = "task", **context: Any) -> HeartbeatRun:
    told = {"wakeReason": "issue_commented", **({"taskKey": task_key} if task_key else {}), **context}
    return running_run(agent=agent, task_key=task_key, wake_reason=told["wakeReason"], context=told)


def facts_of(run: HeartbeatRun) -> StartFacts:
    loaded = load_run(run.pk, run.epoch)
    assert loaded is not None
    return load_facts(loaded, HarnessCheckout(held=False))


def prepared(run: HeartbeatRun, tmp_path: Path) -> Prepared:
    return prepare(facts_of(run), create(tmp_path / "runs", f"{run.pk}-1"), lease_until=0.0, now=timezone.now())


def end(run: HeartbeatRun, start: Prepared, **said: Any) -> HeartbeatRun:
    result = ExecutionResult(**{"exit_code": 0, "started_with": start.orders.started_with, **said})
    assert finalise_run(run.pk, epoch=1, result=result, now=timezone.now()).won
    return HeartbeatRun.objects.get(pk=run.pk)


def test_a_task_resumes_its_session_and_the_run_says_so(tmp_path: Path) -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    run = begin(agent)
    start = prepared(run, tmp_path)
    assert start.orders.started_with.session.session_id == "s-1"
    ended = end(run, start)
    assert (ended.session_id_before, ended.session_id_after) == ("s-1", "s-1")


@pytest.mark.parametrize(
    "context",
    [{"wakeReason": "issue_assigned"}, {"wakeReason": "execution_review_requested"}, {"forceFreshSession": True}],
)
def test_a_reset_is_told_in_the_log_with_its_reason(tmp_path: Path, context: dict[str, Any]) -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    run = begin(agent, **context)
    HeartbeatRun.objects.filter(pk=run.pk).update(session_id_before="s-1")
    start = prepared(run, tmp_path)
    assert not start.orders.started_with.session.exists
    (note,) = [line for line in start.spec.notes if line.startswith("Session: ")]
    assert str(context.get("wakeReason", "forceFreshSession")) in note
    run.refresh_from_db()
    assert run.session_id_before is None


@pytest.mark.parametrize(
    ("mode", "resumed"),
    [("same_session", "s-1"), ("safer_invocation", "s-1"), ("fresh_session", None),
     ("fresh_session_safer_invocation", None)],
)  # fmt: skip
def test_a_retry_that_is_to_be_fresh_resumes_nothing(mode: str, resumed: str | None) -> None:
    agent: Agent = AgentFactory(adapter_type="codex_local", adapter_config={})
    saved(agent)
    run = begin(agent, codexTransientFallbackMode=mode, resumeSessionParams={"sessionId": "s-1"})
    facts = facts_of(run)
    assert facts.resume.session.session_id == resumed
    assert any(mode in note for note in facts.notes) is (resumed is None)


def test_an_explicit_resume_beats_a_reset(tmp_path: Path) -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    run = begin(agent, wakeReason="issue_assigned", resumeSessionParams={"sessionId": "s-9"})
    assert prepared(run, tmp_path).orders.started_with.session.session_id == "s-9"
    run.refresh_from_db()
    assert run.session_id_before == "s-9"


def test_without_a_task_the_agents_own_session_serves_if_it_is_of_this_adapter(tmp_path: Path) -> None:
    agent: Agent = AgentFactory()
    state = RuntimeStateFactory(agent=agent, session_id="s-1")
    assert facts_of(begin(agent, task_key=None)).resume.session.session_id == "s-1"
    RuntimeState.objects.filter(pk=state.pk).update(adapter_type="claude_local")
    assert not facts_of(begin(agent, task_key=None)).resume.session.exists


def test_a_dead_session_is_rotated_and_its_successor_is_told_of_it(tmp_path: Path) -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    runs = dead_history(agent)
    facts = facts_of(begin(agent))
    assert (facts.rotation.rotate, facts.rotation.previous_run_id) == (True, str(runs[-1].pk))
    assert not facts.resume.session.exists
    assert "s-1" in (facts.rotation.handoff_markdown or "")
    context = load_wake(facts).context
    assert context["paperclipPreviousSessionId"] == "s-1"
    assert context["paperclipSessionHandoffMarkdown"] == facts.rotation.handoff_markdown
    assert any("without any tokens" in note for note in facts.notes)


def test_a_silent_adapter_does_not_bring_the_dead_session_back(tmp_path: Path) -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    RuntimeStateFactory(agent=agent, session_id="s-1")
    dead_history(agent)
    run = begin(agent)
    start = prepared(run, tmp_path)
    assert (start.orders.started_with.rotated, start.orders.started_with.session.exists) == (True, False)
    ended = end(run, start, usage={"inputTokens": 5})
    assert (ended.session_id_before, ended.session_id_after) == (None, None)
    assert not TaskSession.objects.filter(agent=agent).exists()
    assert RuntimeState.objects.get(agent=agent).session_id is None
    assert ended.usage is not None
    assert (ended.usage["sessionRotated"], ended.usage["sessionReused"]) == (True, False)
    assert "persistedSessionId" not in ended.usage
    assert not facts_of(begin(agent)).resume.session.exists


def test_three_dead_ends_in_a_row_rotate_the_session_and_two_do_not(tmp_path: Path) -> None:
    """The whole circle: what the ends write is what the next start reads."""
    agent: Agent = AgentFactory()
    saved(agent)
    nothing = {"inputTokens": 0, "cachedInputTokens": 0, "outputTokens": 0}
    for _turn in range(3):
        run = begin(agent)
        start = prepared(run, tmp_path)
        assert start.orders.started_with.session.session_id == "s-1"
        end(run, start, exit_code=1, error_message="no answer", usage=nothing)
    assert prepared(begin(agent), tmp_path).orders.started_with.rotated


def test_an_adapter_that_names_its_session_after_a_rotation_is_believed(tmp_path: Path) -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    dead_history(agent)
    run = begin(agent)
    ended = end(run, prepared(run, tmp_path), session_id="s-2")
    assert ended.session_id_after == "s-2"
    assert TaskSession.objects.get(agent=agent).session_params == {"sessionId": "s-2"}


def test_progress_breaks_the_streak() -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    runs = dead_history(agent)
    HeartbeatRun.objects.filter(pk=runs[1].pk).update(usage={**DEAD, "outputTokens": 1})
    rotation = facts_of(begin(agent)).rotation
    assert (rotation.rotate, rotation.reason, rotation.previous_run_id) == (False, None, str(runs[-1].pk))


def test_the_history_of_another_company_does_not_count() -> None:
    """Rows that share the agent and the session by mistake, but belong to another tenant."""
    agent: Agent = AgentFactory()
    other: Agent = AgentFactory()
    saved(agent)
    runs = dead_history(agent)
    HeartbeatRun.objects.filter(pk__in=[run.pk for run in runs]).update(company_id=other.company_id)
    rotation = facts_of(begin(agent)).rotation
    assert (rotation.rotate, rotation.previous_run_id) == (False, None)


def test_the_first_run_of_a_session_is_looked_for_in_the_own_company_only() -> None:
    """Else a foreign row could make the session look old."""
    agent: Agent = AgentFactory(runtime_config={"heartbeat": {"sessionCompaction": {"maxSessionAgeHours": 50}}})
    saved(agent)
    (oldest, *_) = history(agent, 6, hours=12, liveness_state="advanced")
    HeartbeatRun.objects.filter(pk=oldest.pk).update(company_id=AgentFactory().company_id)
    rotation = facts_of(begin(agent)).rotation
    assert (rotation.rotate, rotation.reason) == (False, None)


def test_the_usage_of_another_company_s_run_is_taken_off_nothing(tmp_path: Path) -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    (foreign,) = history(agent, 1, usage={"rawInputTokens": 100})
    HeartbeatRun.objects.filter(pk=foreign.pk).update(company_id=AgentFactory().company_id)
    run = begin(agent)
    ended = end(run, prepared(run, tmp_path), usage={"inputTokens": 150})
    assert ended.usage is not None
    assert ended.usage["inputTokens"] == 150


def test_a_rotation_holds_though_the_wake_asks_for_the_dead_session_by_name(tmp_path: Path) -> None:
    agent: Agent = AgentFactory()
    dead_history(agent)
    run = begin(agent, resumeSessionParams={"sessionId": "s-1"}, resumeSessionDisplayId="s-1")
    start = prepared(run, tmp_path)
    assert not start.orders.started_with.session.exists
    ended = end(run, start)
    assert (ended.session_id_before, ended.session_id_after) == (None, None)
    assert not TaskSession.objects.filter(agent=agent).exists()


@pytest.mark.parametrize(
    "said",
    [
        {"session_display_id": None, "session_params": {}},
        {"exit_code": 1, "error_message": "again nothing"},
        {"exit_code": None, "signal": "SIGKILL"},
        {"timed_out": True},
    ],
)
def test_however_the_successor_ends_the_dead_session_stays_away(tmp_path: Path, said: dict[str, Any]) -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    RuntimeStateFactory(agent=agent, session_id="s-1")
    dead_history(agent)
    run = begin(agent)
    ended = end(run, prepared(run, tmp_path), **said)
    assert ended.session_id_after is None
    assert not TaskSession.objects.filter(agent=agent).exists()
    assert RuntimeState.objects.get(agent=agent).session_id is None


def test_the_history_of_another_agent_does_not_count() -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    dead_history(AgentFactory(company=agent.company))
    assert not facts_of(begin(agent)).rotation.rotate


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"maxSessionRuns": 2}, "session exceeded 2 runs"),
        ({"maxRawInputTokens": 100}, "raw input reached 100 tokens"),
        ({"maxSessionAgeHours": 2}, "age reached 2 hours"),
        ({}, None),
    ],
)
def test_a_session_over_its_limits_is_rotated(policy: dict[str, Any], reason: str | None) -> None:
    agent: Agent = AgentFactory(runtime_config={"heartbeat": {"sessionCompaction": policy}})
    saved(agent)
    history(agent, 3, usage={"rawInputTokens": 100}, liveness_state="advanced", result={"summary": "half done"})
    rotation = facts_of(begin(agent)).rotation
    assert rotation.rotate is (reason is not None)
    assert (reason or "") in (rotation.reason or "")
    assert ("half done" in (rotation.handoff_markdown or "")) is (reason is not None)


def test_age_counts_from_the_first_run_of_the_session_though_few_are_read() -> None:
    agent: Agent = AgentFactory(runtime_config={"heartbeat": {"sessionCompaction": {"maxSessionAgeHours": 50}}})
    saved(agent)
    history(agent, 6, hours=12, liveness_state="advanced")
    assert facts_of(begin(agent)).rotation.reason == "session age reached 60 hours"


def test_judging_a_session_costs_two_statements(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    agent: Agent = AgentFactory()
    saved(agent)
    history(agent, 10)
    run = load_run(begin(agent).pk, 1)
    assert run is not None
    with django_assert_num_queries(3):  # the task session, its latest runs, its first run
        load_facts(run, HarnessCheckout(held=False))


def test_a_rotated_session_leaves_its_folder_to_the_next(tmp_path: Path) -> None:
    agent: Agent = AgentFactory()
    folder = tmp_path / "folder"
    folder.mkdir()
    session = saved(agent)
    TaskSession.objects.filter(pk=session.pk).update(session_params={"sessionId": "s-1", "cwd": str(folder)})
    dead_history(agent)
    assert prepared(begin(agent), tmp_path).spec.cwd == str(folder)


def test_a_session_saved_at_home_moves_to_the_projects_folder(tmp_path: Path, settings: Any) -> None:
    from issues.models import ProjectWorkspace
    from tests.factories.issues import ProjectFactory, assigned_to

    agent: Agent = AgentFactory(adapter_type="claude_local", adapter_config={"command": "sh"})
    project = ProjectFactory(company=agent.company)
    issue = assigned_to(agent, status="in_progress", project=project)
    home, folder = settings.AGENT_HOMES_DIR / str(agent.pk), tmp_path / "project"
    folder.mkdir()
    workspace = ProjectWorkspace.objects.create(
        company=agent.company, project=project, name="main", cwd=str(folder), is_primary=True
    )
    session = saved(agent, task_key=str(issue.pk))
    TaskSession.objects.filter(pk=session.pk).update(session_params={"sessionId": "s-1", "cwd": str(home)})
    run = running_run(agent=agent, issue=issue, wake_reason="issue_commented")
    start = prepared(run, tmp_path)
    assert start.orders.started_with.session.params == {
        "sessionId": "s-1", "cwd": str(folder), "workspaceId": str(workspace.pk)
    }  # fmt: skip
    assert any("is there now; trying to resume s-1" in note for note in start.spec.notes)
