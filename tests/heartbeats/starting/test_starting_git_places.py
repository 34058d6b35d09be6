"""Folders that git makes, with real repositories, the real shim and the real supervisor (spec/2 D)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent
from heartbeats.execution.logs import plain_text
from heartbeats.execution.rundir import locate
from heartbeats.execution.starting import start_runs
from heartbeats.models import ExecutionWorkspace, HeartbeatRun, WorkspaceOperation
from heartbeats.vocabulary import RunStatus
from issues.models import Issue, Project, ProjectWorkspace
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import ProjectFactory, assigned_to
from tests.heartbeats.supervisor.conftest import Work
from tests.present import present
from tests.processes import Machine

pytestmark = pytest.mark.processes

SHOW = {
    "command": "sh",
    "args": ["-c", "echo CWD=$PWD BRANCH=$(git rev-parse --abbrev-ref HEAD); cat readme; env | grep WORKSPACE; true"],
}


@pytest.fixture
def repository(tmp_path: Path, settings: Any) -> Path:
    """A repository with one commit on `main`, and a folder for Everbeat's own clones."""
    settings.WORKSPACES_DIR = tmp_path / "workspaces"
    made = tmp_path / "origin"
    made.mkdir()
    (made / "readme").write_text("first line\n")
    (made / "inside").mkdir()
    (made / "inside" / "readme").write_text("inside\n")
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for words in (("init", "-q", "-b", "main"), ("add", "."), (*identity, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *words], cwd=made, check=True)
    return made


def test_a_workspace_with_only_a_repository_is_cloned_once_and_used_again(
    machine: Machine, work: Work, repository: Path
) -> None:
    machine.supervise()
    agent, project = on_project(repo_url=f"file://{repository}", repo_ref="main")
    run, log = worked(work, agent, project)
    workspace = project.workspaces.get()
    assert run.status == RunStatus.SUCCEEDED, log
    assert "first line" in log
    assert "was cloned from" in log
    assert f"EVERBEAT_WORKSPACE_ID={workspace.pk}" in log
    operations = WorkspaceOperation.objects.filter(run=run, company=agent.company)
    assert [(one.phase, one.status, one.exit_code) for one in operations] == [("clone", "succeeded", 0)] * 2
    (repository / "readme").write_text("changed after the clone\n")
    again, log = worked(work, agent, project)
    assert "first line" in log
    assert "cloned" not in log
    assert not WorkspaceOperation.objects.filter(run=again).exists()


def test_a_repository_that_cannot_be_cloned_is_named_and_the_next_folder_is_taken(
    machine: Machine, work: Work, repository: Path, settings: Any
) -> None:
    machine.supervise()
    agent, project = on_project(repo_url="https://user:hidden-word@127.0.0.1:9/none.git")
    run, log = worked(work, agent, project)
    home = str(settings.AGENT_HOMES_DIR / str(agent.pk))
    assert run.status == RunStatus.SUCCEEDED
    assert f"CWD={home}" in log
    assert "EVERBEAT_WORKSPACE_SOURCE=agent_home" in log
    assert "could not be cloned from https://***@127.0.0.1:9/none.git" in log
    assert f"using {home} instead" in log
    assert "hidden-word" not in log
    failed = WorkspaceOperation.objects.get(run=run)
    assert failed.status == "failed"
    assert "hidden-word" not in f"{failed.command}{failed.output_excerpt}"


def test_two_runs_that_start_together_clone_once(machine: Machine, work: Work, repository: Path) -> None:
    machine.supervise()
    agent, project = on_project(repo_url=f"file://{repository}")
    other: Agent = AgentFactory(company=agent.company, adapter_config=SHOW)
    runs = [queued(one, assigned_to(one, status="todo", project=project)) for one in (agent, other)]
    for run in runs:
        start_runs(run.agent_id, now=timezone.now())
    logs = [log_of(work.ended(run)) for run in runs]
    assert all("first line" in log for log in logs)
    assert sum("was cloned from" in log for log in logs) == 1


def test_a_name_that_looks_like_an_option_never_reaches_git(machine: Machine, work: Work, repository: Path) -> None:
    machine.supervise()
    agent, project = on_project(repo_url=f"--upload-pack=touch {repository}/owned")
    _run, log = worked(work, agent, project)
    assert "is not a name that git can use" in log
    assert not (repository / "owned").exists()


def test_an_isolated_issue_gets_a_tree_and_a_branch_and_keeps_them(
    machine: Machine, work: Work, repository: Path
) -> None:
    machine.supervise()
    agent, project = on_project(cwd=str(repository), isolated=True)
    issue = assigned_to(agent, status="todo", project=project, title="Fix the parser")
    run, log = worked(work, agent, project, issue)
    kept = ExecutionWorkspace.objects.get(source_issue=issue)
    assert f"BRANCH={issue.identifier}-Fix-the-parser".lower() in log.lower()
    assert f"CWD={kept.cwd}" in log
    assert f"EVERBEAT_WORKSPACE_WORKTREE_PATH={kept.cwd}" in log
    assert "EVERBEAT_WORKSPACE_STRATEGY=git_worktree" in log
    assert (kept.strategy, kept.status, kept.company_id) == ("git_worktree", "active", agent.company_id)
    issue.refresh_from_db()
    assert issue.execution_workspace_id == kept.pk
    assert run.environment_leases.get().workspace_id == kept.pk
    assert {one.workspace_id for one in WorkspaceOperation.objects.filter(run=run)} == {kept.pk}
    (Path(kept.cwd) / "readme").write_text("work in progress\n")
    Issue.objects.filter(pk=issue.pk).update(title="Another title")
    again, log = worked(work, agent, project, issue)
    assert "work in progress" in log
    assert ExecutionWorkspace.objects.filter(source_issue=issue).count() == 1
    assert not WorkspaceOperation.objects.filter(run=again).exists()
    assert (repository / "readme").read_text() == "first line\n"


def test_an_isolated_tree_is_entered_where_the_workspace_is(machine: Machine, work: Work, repository: Path) -> None:
    machine.supervise()
    agent, project = on_project(cwd=str(repository / "inside"), isolated=True)
    issue = assigned_to(agent, status="todo", project=project)
    for _turn in range(2):
        _run, log = worked(work, agent, project, issue)
        kept = ExecutionWorkspace.objects.get(source_issue=issue)
        assert kept.cwd.endswith("/inside")
        assert f"CWD={kept.cwd}" in log


def test_a_tree_that_cannot_be_made_fails_the_run_instead_of_sharing_the_folder(
    machine: Machine, work: Work, repository: Path
) -> None:
    machine.supervise()
    agent, project = on_project(cwd=str(repository), isolated=True, repo_ref="no-such-branch")
    run, log = worked(work, agent, project)
    assert (run.status, run.error_code) == (RunStatus.FAILED, "adapter_failed")
    assert present(run.result)["setupError"] == "workspace_unavailable"
    assert "no-such-branch" in (run.error or "")
    assert "CWD=" not in log


def test_a_folder_that_is_no_checkout_cannot_be_isolated_and_says_so(
    machine: Machine, work: Work, repository: Path, tmp_path: Path
) -> None:
    machine.supervise()
    (tmp_path / "plain").mkdir()
    agent, project = on_project(cwd=str(tmp_path / "plain"), isolated=True)
    run, log = worked(work, agent, project)
    assert run.status == RunStatus.SUCCEEDED
    assert f"{tmp_path / 'plain'} is no git checkout; using it" in log


def test_the_preferred_workspace_comes_first_and_another_projects_is_refused(
    machine: Machine, work: Work, repository: Path, tmp_path: Path
) -> None:
    machine.supervise()
    agent, project = on_project(cwd=str(repository))
    second = ProjectWorkspace.objects.create(
        company=agent.company, project=project, name="second", cwd=str(repository / "inside")
    )
    issue = assigned_to(agent, status="todo", project=project, project_workspace=second)
    _run, log = worked(work, agent, project, issue)
    assert f"CWD={repository / 'inside'}" in log
    foreign = ProjectWorkspace.objects.create(
        company=agent.company, project=ProjectFactory(company=agent.company), name="foreign", cwd=str(tmp_path)
    )
    issue = assigned_to(agent, status="todo", project=project, project_workspace=foreign)
    _run, log = worked(work, agent, project, issue)
    assert f"CWD={repository} " in log
    assert f"the selected workspace {foreign.pk} is not one of the project's" in log


def test_a_project_without_workspaces_has_one_folder_that_its_agents_share(
    machine: Machine, work: Work, repository: Path, settings: Any
) -> None:
    machine.supervise()
    agent, project = on_project()
    _run, log = worked(work, agent, project)
    assert f"CWD={settings.WORKSPACES_DIR}/{agent.company_id}/{project.pk}/_default" in log


def test_a_run_without_any_folder_says_that_it_works_at_home(
    machine: Machine, work: Work, repository: Path, settings: Any
) -> None:
    machine.supervise()
    agent: Agent = AgentFactory(adapter_config=SHOW)
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent, context={"projectId": str(ProjectFactory().pk)})
    start_runs(agent.pk, now=timezone.now())
    log = log_of(work.ended(run))
    home = settings.AGENT_HOMES_DIR / str(agent.pk)
    assert f"no project, no saved session and no configuration names a folder; using {home} instead" in log
    assert "that the wake names is not one of this company's" in log


def on_project(
    *, cwd: str | None = None, repo_url: str | None = None, repo_ref: str | None = None, isolated: bool = False
) -> tuple[Agent, Project]:
    agent: Agent = AgentFactory(adapter_config=SHOW)
    project: Project = ProjectFactory(company=agent.company, isolated_workspaces=isolated)
    if cwd or repo_url:
        ProjectWorkspace.objects.create(
            company=agent.company,
            project=project,
            name="code",
            cwd=cwd,
            repo_url=repo_url,
            repo_ref=repo_ref,
            is_primary=True,
        )
    return agent, project


def queued(agent: Agent, issue: Issue) -> HeartbeatRun:
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent, issue=issue)
    return run


def worked(work: Work, agent: Agent, project: Project, issue: Issue | None = None) -> tuple[HeartbeatRun, str]:
    """A run on the issue, ended, and its log."""
    HeartbeatRun.objects.live().update(issue=None)
    run = queued(agent, issue or assigned_to(agent, status="todo", project=project))
    start_runs(agent.pk, now=timezone.now())
    ended = work.ended(run)
    return ended, log_of(ended)


def log_of(run: HeartbeatRun) -> str:
    from django.conf import settings

    directory = locate(settings.RUNS_DIR, f"{run.pk}-{run.epoch}")
    assert directory is not None, json.dumps(run.result)
    return "".join(plain_text(directory.log_path))
