"""An issue's overrides reach its assignee's run, the run keeps what its agent was told, and labels choose the host."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent
from heartbeats.execution.logs import plain_text
from heartbeats.execution.rundir import locate
from heartbeats.execution.starting import Started, start_runs
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from tests.factories.agents import AgentFactory, SkillFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import assigned_to
from tests.heartbeats.supervisor.conftest import Work
from tests.present import present
from tests.processes import Machine
from tests.waiting import wait_for

pytestmark = pytest.mark.processes

SAY = {"command": sys.executable, "args": ["-c", "import os; print('SAID', os.environ.get('WORD'))"]}


def test_a_run_is_started_with_what_its_issue_overrides(machine: Machine, work: Work) -> None:
    machine.supervise()
    agent: Agent = AgentFactory(adapter_config={**SAY, "env": {"WORD": "own"}})
    overrides = {"adapterConfig": {"env": {"WORD": "override"}, "timeoutSec": 77}}
    issue = assigned_to(agent, status="todo", assignee_adapter_overrides=overrides)
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent, issue=issue)
    start_runs(agent.pk, now=timezone.now())
    ended = work.ended(run)
    directory = locate(machine.runs_dir, f"{run.pk}-{ended.epoch}")
    assert directory is not None
    assert "SAID override" in "".join(plain_text(directory.log_path))
    assert ended.result is not None
    assert (ended.result["effectiveTimeoutSec"], ended.result["timeoutSource"]) == (77, "config")
    handed = ended.context["paperclipWake"]
    assert (handed["reason"], handed["issue"]["identifier"]) == ("issue_assigned", issue.identifier)
    assert ended.context["paperclipHarnessCheckedOut"] is True
    agent.refresh_from_db()
    assert agent.adapter_config["env"] == {"WORD": "own"}


def test_a_skill_that_is_mentioned_lies_in_the_run_s_own_folder(machine: Machine) -> None:
    show = ["-c", "cat $EVERBEAT_SKILLS_DIR/release/SKILL.md"]
    agent: Agent = AgentFactory(adapter_config={"command": "sh", "args": show})
    skill = SkillFactory(company=agent.company, key="release", body="Tag, then publish.\n")
    issue = assigned_to(agent, status="todo", description=f"Use [release](skill://{skill.pk}?s=release).")
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent, issue=issue)
    start_runs(agent.pk, now=timezone.now())
    directory = present(machine.live(run.pk))
    wait_for(lambda: directory.exit_record(), what="the exit record")
    log = "".join(plain_text(directory.log_path))
    assert "Tag, then publish." in log
    assert "Skills: enabled for this run, because the issue mentions them: release." in log


@pytest.mark.parametrize(("labels", "starts"), [([], False), (["cpu"], False), (["cpu", "gpu"], True)])
def test_an_agent_with_a_label_starts_only_on_a_host_that_has_it(
    machine: Machine, settings: Any, labels: list[str], starts: bool
) -> None:
    settings.HOST_LABELS = labels
    agent: Agent = AgentFactory(adapter_config=SAY, host_label="gpu")
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent)
    answer = start_runs(agent.pk, now=timezone.now())
    run.refresh_from_db()
    assert (answer == Started()) is not starts
    assert (run.status == RunStatus.QUEUED) is not starts
