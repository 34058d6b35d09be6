"""From the facts of a start to the folder of the run (spec/2 D) [resolveWorkspaceForRun, realizeExecutionWorkspace]."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from django.conf import settings

from heartbeats.execution.adapters.base import SetupError
from heartbeats.execution.prelude.git import shown
from heartbeats.execution.project_places import strategy_of
from heartbeats.execution.start_facts import StartFacts
from heartbeats.execution.workspace_records import own_tree
from heartbeats.execution.workspaces import (
    CONFIGURED,
    DEFAULT_BRANCH,
    PROJECT,
    REPO_ONLY,
    SESSION,
    Folder,
    Place,
    branch_name,
    choose_place,
    in_checkout,
    in_own_tree,
    look_at,
    make_home,
    repository_name,
)
from heartbeats.readings import object_of, text_of
from issues.models import ProjectWorkspace

NOTHING_WANTED = "Workspace: no project, no saved session and no configuration names a folder; using {} instead."


def find_place(facts: StartFacts, *, now: datetime) -> Place:
    """Where the run works. Makes the agent's home and the project's own folder; git does the rest when the run starts.

    Raises SetupError when a folder cannot be made.
    """
    home = agent_home(facts)
    wanted = _wanted(facts)
    place = choose_place(wanted, home, look=look_at)
    if not wanted and facts.places.usable:
        place = replace(place, warnings=(NOTHING_WANTED.format(home),))
    issue = facts.issue
    if not facts.places.isolated or issue is None:
        return place
    if place.folder.source != PROJECT or not (place.options or in_checkout(place.cwd)):
        why = f"Workspace: the issue should have a worktree of its own, but {place.cwd} is no git checkout; using it."
        return replace(place, warnings=(*place.warnings, why))
    strategy = strategy_of(facts.config.values)
    tree = own_tree(
        issue,
        branch=branch_name(text_of(strategy.get("branchTemplate")) or DEFAULT_BRANCH, issue.identifier, issue.title),
        base_ref=text_of(strategy.get("baseRef")) or place.folder.repo_ref,
        repo_url=shown(place.folder.repo_url) if place.folder.repo_url else None,
        now=now,
    )
    return in_own_tree(place, tree, look=look_at)


def agent_home(facts: StartFacts) -> str:
    """The agent's home on this host. Raises SetupError."""
    try:
        return make_home(settings.AGENT_HOMES_DIR, str(facts.run.agent_id))
    except OSError as problem:
        told = f"The agent's home cannot be made: {problem.strerror}."
        raise SetupError("agent_home_unwritable", told, None) from None


def _wanted(facts: StartFacts) -> list[Folder]:
    """The folders in order: the project's, the saved session's, the configured one. For a bare process the
    configuration comes first: its `cwd` is part of its command.
    """
    configured = text_of(facts.config.values.get("cwd"))
    wanted = [_of_workspace(workspace) for workspace in facts.places.workspaces]
    own = Folder(CONFIGURED, configured, "The configured folder", required=True) if configured else None
    if own is not None and facts.run.adapter_type == "process":
        return [own, *wanted]
    if not wanted and facts.project is not None and facts.places.usable:
        wanted.append(_common_folder(facts))
    saved = object_of(facts.previous.params)
    folder = text_of(saved.get("cwd"))
    if folder:
        wanted.append(
            Folder(
                SESSION,
                folder,
                "The folder of the saved session",
                workspace_id=text_of(saved.get("workspaceId")),
                repo_url=text_of(saved.get("repoUrl")),
                repo_ref=text_of(saved.get("repoRef")),
            )
        )
    return [*wanted, own] if own is not None else wanted


def _of_workspace(workspace: ProjectWorkspace) -> Folder:
    path = text_of(workspace.cwd)
    path = None if path == REPO_ONLY else path
    managed = path is None and bool(workspace.repo_url)
    if managed:
        name = f"{repository_name(workspace.repo_url or '')}-{str(workspace.pk)[-8:]}"
        path = str(_managed(workspace.company_id, workspace.project_id) / name)
    return Folder(
        PROJECT,
        path,
        f"The project's workspace {workspace.name!r}",
        workspace_id=str(workspace.pk),
        repo_url=workspace.repo_url,
        repo_ref=workspace.repo_ref,
        clone=managed,
    )


def _common_folder(facts: StartFacts) -> Folder:
    """A project that names no workspace still has one folder per host, which its agents share."""
    assert facts.project is not None
    path = _managed(facts.run.company_id, facts.project.pk) / "_default"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        told = f"The project's folder {path} cannot be made: {problem.strerror}."
        raise SetupError("workspace_unwritable", told, None) from None
    return Folder(PROJECT, str(path), "The project's folder")


def _managed(company_id: object, project_id: object) -> Path:
    return Path(settings.WORKSPACES_DIR) / str(company_id) / str(project_id)
