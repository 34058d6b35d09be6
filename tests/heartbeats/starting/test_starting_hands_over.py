"""What a started agent finds: environment, folder, issue, and what its log says of them (spec/2 D, spec/4 12)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent
from agents.run_token import read_run_token
from agents.secrets import store_secret
from heartbeats.execution import preparation, starting
from heartbeats.execution.logs import plain_text
from heartbeats.execution.rundir import ExitRecord
from heartbeats.models import EnvironmentLease, HeartbeatRun
from issues.models import Issue, ProjectWorkspace
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import ProjectFactory, assigned_to
from tests.processes import Machine
from tests.waiting import wait_for

pytestmark = pytest.mark.processes

SHOW = {"command": "sh", "args": ["-c", "env; echo CWD=$PWD"]}


def test_the_agent_knows_who_it_is_why_it_woke_and_how_to_speak(machine: Machine) -> None:
    agent: Agent = AgentFactory(adapter_config={**SHOW, "env": {"COLOUR": "blue"}})
    issue = assigned_to(agent, status="todo")
    run, env = run_of(machine, agent, issue)
    assert env["PAPERCLIP_AGENT_ID"] == env["EVERBEAT_AGENT_ID"] == str(agent.pk)
    assert env["PAPERCLIP_RUN_ID"] == str(run.pk)
    assert env["PAPERCLIP_TASK_ID"] == str(issue.pk)
    assert env["PAPERCLIP_WAKE_REASON"] == "issue_assigned"
    assert env["COLOUR"] == "blue"
    wake = json.loads(env["PAPERCLIP_WAKE_PAYLOAD_JSON"])
    assert wake["issue"]["id"] == str(issue.pk)
    assert wake["checkedOutByHarness"] is True
    assert wake["issue"]["status"] == "in_progress"


def test_the_run_token_and_the_secrets_reach_the_agent_and_neither_log_nor_event(machine: Machine) -> None:
    agent: Agent = AgentFactory(
        adapter_config={**SHOW, "env": {"DEPLOY": {"type": "secret_ref", "name": "deploy"}, "MY_TOKEN": "plain-token"}}
    )
    store_secret(agent.company_id, "deploy", "hidden-deploy-value", now=timezone.now())
    run, env = run_of(machine, agent, None)
    assert env["DEPLOY"] == "***REDACTED***"
    assert env["PAPERCLIP_API_KEY"] == "***REDACTED***"
    invoked = run.events.get(event_type="adapter.invoke").payload
    assert invoked is not None
    assert "hidden-deploy-value" not in json.dumps(invoked)
    assert invoked["env"]["MY_TOKEN"] == "***REDACTED***"
    assert invoked["env"]["PAPERCLIP_API_KEY"] == "***REDACTED***"


def test_the_issue_is_checked_out_for_the_run(machine: Machine) -> None:
    agent: Agent = AgentFactory(adapter_config=SHOW)
    issue = assigned_to(agent, status="todo")
    run, _env = run_of(machine, agent, issue)
    issue.refresh_from_db()
    assert (issue.status, issue.checkout_run_id, issue.execution_run_id) == ("in_progress", run.pk, run.pk)


def test_a_mention_checks_nothing_out(machine: Machine) -> None:
    agent: Agent = AgentFactory(adapter_config=SHOW)
    issue = assigned_to(agent, status="todo")
    run_of(machine, agent, issue, wake_reason="issue_comment_mentioned")
    issue.refresh_from_db()
    assert (issue.status, issue.checkout_run_id) == ("todo", None)


def test_without_a_project_the_agent_works_at_home(machine: Machine, settings: Any) -> None:
    agent: Agent = AgentFactory(adapter_config=SHOW)
    _run, env = run_of(machine, agent, None)
    home = str(settings.AGENT_HOMES_DIR / str(agent.pk))
    assert env["CWD"] == env["AGENT_HOME"] == env["PAPERCLIP_WORKSPACE_CWD"] == home


def test_a_project_folder_is_used_and_a_missing_one_is_told_in_the_log(machine: Machine, tmp_path: Path) -> None:
    agent: Agent = AgentFactory(adapter_config=SHOW)
    project = ProjectFactory(company=agent.company)
    workspace = ProjectWorkspace.objects.create(
        company=agent.company, project=project, name="main", cwd=str(tmp_path), is_primary=True
    )
    _run, env = run_of(machine, agent, assigned_to(agent, status="todo", project=project))
    assert (env["CWD"], env["PAPERCLIP_WORKSPACE_ID"]) == (str(tmp_path), str(workspace.pk))
    ProjectWorkspace.objects.filter(pk=workspace.pk).update(cwd="/no/such/folder")
    other: Agent = AgentFactory(company=agent.company, adapter_config=SHOW)
    _run, env = run_of(machine, other, assigned_to(other, status="todo", project=project))
    assert "/no/such/folder does not exist" in env["LOG"].splitlines()[0]
    assert env["PAPERCLIP_WORKSPACE_SOURCE"] == "agent_home"


def test_a_start_leaves_its_lease_its_event_and_a_token_of_its_epoch(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[str | None] = []
    mint = preparation.prepare

    def remember(*args: Any, **kwargs: Any) -> Any:
        prepared = mint(*args, **kwargs)
        tokens.append(prepared.spec.env["PAPERCLIP_API_KEY"])
        return prepared

    monkeypatch.setattr(starting, "prepare", remember)
    run, _env = run_of(machine, AgentFactory(adapter_config=SHOW), None)
    assert EnvironmentLease.objects.filter(run=run, status="active").count() == 1
    claims = read_run_token(tokens[0] or "", now=timezone.now())
    assert claims is not None
    assert (claims.run_id, claims.epoch) == (run.pk, run.epoch)
    assert (run.log_store, run.log_ref) == ("local_file", f"{run.pk}-1")


def run_of(machine: Machine, agent: Agent, issue: Issue | None, **columns: Any) -> tuple[HeartbeatRun, dict[str, str]]:
    """Start one run, let it end, and read the environment that it printed; `LOG` is all of its log."""
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent, issue=issue, **columns)
    assert starting.start_runs(agent.pk, now=timezone.now()).started == (run.pk,)
    directory = machine.live(run.pk)
    assert directory is not None
    wait_for(lambda: isinstance(directory.exit_record(), ExitRecord), what="the exit record")
    text = "".join(plain_text(directory.log_path))
    env = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return HeartbeatRun.objects.get(pk=run.pk), {**env, "LOG": text}
