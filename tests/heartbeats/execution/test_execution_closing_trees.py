"""The worktree of an issue goes when the issue is closed, with real git: never with work in it, never under a run."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from heartbeats.execution.closing_trees import TreesClosed, close_trees
from heartbeats.execution.prelude.git import Git
from heartbeats.execution.workspace_records import own_tree, tree_of
from heartbeats.models import ExecutionWorkspace, WorkspaceOperation
from issues.models import Issue
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import running_run
from tests.factories.issues import assigned_to

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org")


@pytest.fixture
def repository(tmp_path: Path, settings: Any) -> Path:
    settings.WORKSPACES_DIR, settings.HOST_ID = tmp_path / "workspaces", "host-a"
    made = tmp_path / "origin"
    made.mkdir()
    (made / "readme").write_text("first line\n")
    for words in (("init", "-q", "-b", "main"), ("add", "."), (*IDENTITY, "commit", "-q", "-m", "first")):
        git(made, *words)
    return made


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def tree(repository: Path, issue: Issue, *, now: datetime = NOW) -> Path:
    """The issue's worktree, as a run's start makes it."""
    own = own_tree(issue, branch=f"{issue.identifier}-work", base_ref=None, repo_url=None, now=now)
    Git([], 30).worktree(str(repository), own.path, own.branch, None)
    return Path(own.path)


def closed_issue(status: str = "done") -> Issue:
    return assigned_to(AgentFactory(), status=status)


@pytest.mark.parametrize("status", ["done", "cancelled"])
def test_a_tree_without_work_in_it_goes_and_its_branch_stays(repository: Path, status: str) -> None:
    issue = closed_issue(status)
    path = tree(repository, issue)
    (path / "readme").write_text("second line\n")
    git(path, *IDENTITY, "commit", "-qam", "second")
    assert close_trees("host-a", now=NOW) == TreesClosed(removed=1)
    assert not path.exists()
    assert list(path.parent.glob("*.closed-*")) == []
    assert git(repository, "log", "-1", "--format=%s", f"{issue.identifier}-work") == "second"
    assert str(path) not in git(repository, "worktree", "list")
    row = ExecutionWorkspace.objects.get(source_issue=issue)
    assert (row.status, row.closed_at) == ("closed", NOW)
    assert (row.operations.get().phase, row.operations.get().status) == ("close", "succeeded")
    assert close_trees("host-a", now=NOW) == TreesClosed()


def test_an_open_issue_keeps_its_tree_and_so_does_a_closed_one_with_a_live_run(repository: Path) -> None:
    at_work, working = closed_issue("in_progress"), closed_issue()
    running_run(agent=AgentFactory(company=working.company), issue=working)
    paths = [tree(repository, issue) for issue in (at_work, working)]
    assert close_trees("host-a", now=NOW) == TreesClosed()
    assert all(path.exists() for path in paths)


def test_another_host_s_tree_is_not_touched(repository: Path) -> None:
    path = tree(repository, closed_issue())
    assert close_trees("host-b", now=NOW) == TreesClosed()
    assert path.exists()


def new_file(path: Path) -> None:
    (path / "notes").write_text("not committed\n")


def changed_file(path: Path) -> None:
    (path / "readme").write_text("changed\n")


def commit_on_no_branch(path: Path) -> None:
    git(path, "checkout", "-q", "--detach")
    git(path, *IDENTITY, "commit", "-q", "--allow-empty", "-m", "lost")


def broken(path: Path) -> None:
    (path / ".git").write_text("gitdir: /nowhere\n")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (new_file, "1 changed or new files are in no commit"),
        (changed_file, "1 changed or new files are in no commit"),
        (commit_on_no_branch, "its last commit is on no branch"),
        (broken, "git cannot tell what is in it"),
    ],
)
def test_work_that_would_be_lost_keeps_its_folder_and_people_are_told_why(
    repository: Path, spoil: Any, why: str
) -> None:
    issue = closed_issue()
    path = tree(repository, issue)
    spoil(path)
    assert close_trees("host-a", now=NOW) == TreesClosed(kept=1)
    assert path.exists()
    row = ExecutionWorkspace.objects.get(source_issue=issue)
    assert row.status == "closed"
    operation = WorkspaceOperation.objects.get(workspace=row)
    assert operation.status == "skipped"
    assert why in (operation.output_excerpt or "")


def test_a_reopened_issue_gets_its_tree_and_branch_back(repository: Path) -> None:
    issue = closed_issue()
    path = tree(repository, issue)
    close_trees("host-a", now=NOW)
    Issue.objects.filter(pk=issue.pk).update(status="todo")
    issue.refresh_from_db()
    again = tree(repository, issue, now=NOW + timedelta(hours=1))
    row = ExecutionWorkspace.objects.get(source_issue=issue)
    assert (again, row.status, row.closed_at) == (path, "active", None)
    assert git(again, "rev-parse", "--abbrev-ref", "HEAD") == f"{issue.identifier}-work"


def test_a_run_that_came_between_the_look_and_the_lock_keeps_the_tree(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from heartbeats.execution import closing_trees

    issue = closed_issue()
    path, look = tree(repository, issue), closing_trees._look

    def look_while_a_run_starts(seen: str | None) -> Any:
        answer = look(seen)
        own_tree(issue, branch="x", base_ref=None, repo_url=None, now=NOW + timedelta(seconds=1))
        return answer

    monkeypatch.setattr(closing_trees, "_look", look_while_a_run_starts)
    assert close_trees("host-a", now=NOW) == TreesClosed()
    assert path.exists()
    assert ExecutionWorkspace.objects.get(source_issue=issue).status == "active"


def test_the_top_of_a_tree_is_found_from_a_folder_in_it_and_nothing_else_is_one(repository: Path) -> None:
    issue = closed_issue()
    path = tree(repository, issue)
    row = ExecutionWorkspace.objects.get(source_issue=issue)
    row.cwd = str(path / "deep" / "inside")
    assert tree_of(row) == str(path)
    for cwd in (str(repository), str(path.parent), "/", str(path.parent / ".." / "x")):
        row.cwd = cwd
        assert tree_of(row) is None


def test_the_tree_of_a_deleted_issue_goes_too(repository: Path) -> None:
    issue = closed_issue("todo")
    path = tree(repository, issue)
    Issue.objects.filter(pk=issue.pk).delete()
    assert close_trees("host-a", now=NOW) == TreesClosed(removed=1)
    assert not path.exists()
