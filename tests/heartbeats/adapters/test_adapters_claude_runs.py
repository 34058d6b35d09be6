"""claude_local whole: claimed, started under the shim, watched by the supervisor, finalised; the tool is a fake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent, CostEvent
from heartbeats.execution.logs import plain_text
from heartbeats.execution.rundir import locate
from heartbeats.execution.starting import start_runs
from heartbeats.models import HeartbeatRun, RuntimeState, TaskSession
from heartbeats.vocabulary import RunStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import assigned_to
from tests.heartbeats.adapters.fake_tool import FakeTool, fake_tool
from tests.heartbeats.supervisor.conftest import Work
from tests.present import present
from tests.processes import Machine

pytestmark = pytest.mark.processes

SESSION = "7c0f3f6e-52d1-4a3b-9f5e-0b6f0c1d2e3f"


def agent_with(tool: FakeTool, **config: Any) -> Agent:
    agent: Agent = AgentFactory(
        adapter_type="claude_local", adapter_config={"command": tool.command, "graceSec": 1, **config}
    )
    return agent


def worked(work: Work, agent: Agent, reason: str = "issue_commented", **columns: Any) -> HeartbeatRun:
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent, wake_reason=reason, **columns)
    start_runs(agent.pk, now=timezone.now())
    return work.ended(run)


def log_of(run: HeartbeatRun, machine: Machine) -> str:
    directory = locate(machine.runs_dir, f"{run.pk}-{run.epoch}")
    assert directory is not None
    return "".join(plain_text(directory.log_path))


def test_a_run_is_told_its_task_and_its_stream_is_understood(machine: Machine, work: Work, tmp_path: Path) -> None:
    machine.supervise()
    tool = fake_tool(tmp_path / "bin", "claude_success")
    agent = agent_with(tool, model="sonnet")
    issue = assigned_to(agent, status="todo", title="Mend the parser")
    run = worked(work, agent, "issue_assigned", issue=issue)
    assert (run.status, run.exit_code, run.session_id_after) == (RunStatus.SUCCEEDED, 0, SESSION)
    assert run.result is not None
    assert run.result["summary"] == "The parser is fixed and all three tests pass."
    assert run.usage is not None
    assert (run.usage["inputTokens"], run.usage["cachedInputTokens"], run.usage["outputTokens"]) == (11, 13497, 79)
    assert (run.usage["model"], run.usage["billingType"]) == ("claude-sonnet-4-5-20250929", "subscription_included")
    assert CostEvent.objects.get(run_id=run.pk).cost_cents == 0
    call = tool.calls[0]
    assert "Mend the parser" in call["stdin"]
    assert call["env"]["EVERBEAT_TASK_ID"] == str(issue.pk)
    saved = TaskSession.objects.get(agent=agent, task_key=str(issue.pk))
    assert saved.session_params == {"sessionId": SESSION, "cwd": call["cwd"]}
    assert issue.comments.get().body == "The parser is fixed and all three tests pass."


def test_the_next_run_of_the_task_resumes_its_session(machine: Machine, work: Work, tmp_path: Path) -> None:
    machine.supervise()
    tool = fake_tool(tmp_path / "bin", "claude_success")
    agent = agent_with(tool)
    worked(work, agent, task_key="task", context={"taskKey": "task"})
    second = worked(work, agent, task_key="task", context={"taskKey": "task"})
    assert tool.calls[1]["argv"][-2:] == ["--resume", SESSION]
    assert (second.session_id_before, second.session_id_after) == (SESSION, SESSION)
    assert second.usage is not None
    assert (second.usage["sessionReused"], second.usage["taskSessionReused"]) == (True, True)
    assert (second.usage["outputTokens"], second.usage["rawOutputTokens"]) == (79, 79), "this tool counts each call"


def test_an_unknown_session_is_tried_afresh_once_within_the_run(machine: Machine, work: Work, tmp_path: Path) -> None:
    machine.supervise()
    tool = fake_tool(tmp_path / "bin", "claude_success")
    tool.forget()
    agent = agent_with(tool)
    dead = "dead0000-0000-4000-8000-000000000000"
    TaskSession.objects.create(
        company=agent.company,
        agent=agent,
        adapter_type="claude_local",
        task_key="task",
        session_params={"sessionId": dead},
        session_display_id=dead,
    )
    run = worked(work, agent, task_key="task", context={"taskKey": "task"})
    assert run.status == RunStatus.SUCCEEDED, run.error
    assert (run.session_id_before, run.session_id_after) == (dead, SESSION)
    assert ["--resume" in call["argv"] for call in tool.calls] == [True, False]
    assert tool.calls[0]["stdin"] == tool.calls[1]["stdin"] != ""
    assert "the saved session is not known any more; starting afresh" in log_of(run, machine)
    assert TaskSession.objects.get(agent=agent).session_display_id == SESSION


def test_a_second_failure_is_final_and_forgets_the_session(machine: Machine, work: Work, tmp_path: Path) -> None:
    machine.supervise()
    tool = fake_tool(tmp_path / "bin", "claude_unknown_session", code=1)
    tool.forget()
    agent = agent_with(tool)
    RuntimeState.objects.create(company=agent.company, agent=agent, adapter_type="claude_local", session_id="dead0000")
    run = worked(work, agent)
    assert (run.status, run.exit_code, len(tool.calls)) == (RunStatus.FAILED, 1, 2)
    assert (run.session_id_before, run.session_id_after) == ("dead0000", None)
    assert RuntimeState.objects.get(agent=agent).session_id is None


def test_a_limit_upstream_is_retried_when_it_ends(machine: Machine, work: Work, tmp_path: Path) -> None:
    machine.supervise()
    agent = agent_with(fake_tool(tmp_path / "bin", "claude_limit", code=1))
    run = worked(work, agent, issue=assigned_to(agent, status="todo"))
    assert (run.status, run.error_code) == (RunStatus.FAILED, "claude_transient_upstream")
    assert run.result is not None
    assert (run.result["errorFamily"], run.result["retryNotBefore"]) == (
        "transient_upstream",
        "2026-07-04T14:00:00+00:00",
    )
    assert HeartbeatRun.objects.get(retry_of_run=run).status == RunStatus.SCHEDULED_RETRY


def test_a_cancelled_resume_ends_the_tool_behind_the_prelude(machine: Machine, work: Work, tmp_path: Path) -> None:
    from heartbeats.runs.cancelling import cancel_run

    machine.supervise()
    (tmp_path / "slow").write_text("#!/bin/sh\necho begun\nexec sleep 600\n")
    (tmp_path / "slow").chmod(0o755)
    agent = agent_with(FakeTool(tmp_path, str(tmp_path / "slow")))
    run: HeartbeatRun = HeartbeatRunFactory(
        agent=agent, wake_reason="issue_commented", context={"resumeSessionDisplayId": "s-1"}
    )
    start_runs(agent.pk, now=timezone.now())
    work.until(run, lambda now: now.process_pid is not None)
    cancel_run(run.pk, now=timezone.now())
    ended = work.until(run, lambda now: not now.process_stopping)
    assert ended.status == RunStatus.CANCELLED


def test_a_command_that_does_not_exist_stops_the_start_also_behind_the_prelude(machine: Machine, work: Work) -> None:
    agent = agent_with(FakeTool(Path("/"), "no-such-claude"))
    run: HeartbeatRun = HeartbeatRunFactory(
        agent=agent, wake_reason="issue_commented", context={"resumeSessionDisplayId": "s-1"}
    )
    start_runs(agent.pk, now=timezone.now())
    run.refresh_from_db()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "adapter_failed")
    assert present(run.result)["setupError"] == "command_not_found"
