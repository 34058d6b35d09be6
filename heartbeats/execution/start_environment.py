"""The environment of a run's process, for the folder that is known and for those that the prelude may choose from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from heartbeats.execution.adapters.base import RESULT_FILE_VARIABLE, RESULT_NAME
from heartbeats.execution.rundir import RunDir
from heartbeats.execution.skills import SKILLS_VARIABLE, skills_folder
from heartbeats.execution.start_facts import StartFacts, Wake
from heartbeats.execution.workspace_records import GIT_WORKTREE
from heartbeats.execution.workspaces import PROJECT, Folder, OwnTree, Place
from heartbeats.runs.environment import NATIVE, OURS, ProcessEnvironment, Workspace, build_environment, inherited

# Of the server's environment, what would mislead an agent that works on another Django project.
_NOT_FOR_AGENTS = frozenset({"DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "PYTHONUNBUFFERED"})
# What the prelude replaces by the folder that it finds.
_FOUND = "{cwd}"


@dataclass(frozen=True, slots=True)
class StartEnvironment:
    """Builds it; `configured` are the entries of project and agent with their secrets."""

    facts: StartFacts
    configured: Mapping[str, str]
    wake: Wake
    token: str | None
    directory: RunDir

    def of_place(self, place: Place) -> dict[str, str]:
        """The whole environment. While the folder is still to be made, nothing is said of it: the prelude will."""
        workspace = self._workspace(None, None, None) if place.options else self._at(place)
        from_server = {key: value for key, value in inherited(os.environ).items() if key not in _NOT_FOR_AGENTS}
        return {**from_server, **self._built(workspace)}

    def of_option(self, folder: Folder, tree: OwnTree | None) -> dict[str, str]:
        """What the environment says of this folder, if it becomes the run's."""
        names = tuple(f"{prefix}WORKSPACE_" for prefix in (OURS, NATIVE))
        built = self._built(self._workspace(folder, tree if folder.source == PROJECT else None, _FOUND))
        return {key: value for key, value in built.items() if key.startswith(names)}

    def _at(self, place: Place) -> Workspace:
        return self._workspace(place.folder, place.tree, place.cwd)

    def _workspace(self, folder: Folder | None, tree: OwnTree | None, cwd: str | None) -> Workspace:
        home = str(settings.AGENT_HOMES_DIR / str(self.facts.run.agent_id))
        hints = [
            {"workspaceId": str(row.pk), "cwd": row.cwd, "repoUrl": row.repo_url, "repoRef": row.repo_ref}
            for row in self.facts.places.workspaces
        ]
        if folder is None:
            return Workspace(agent_home=home, hints=hints)
        return Workspace(
            cwd=cwd,
            source=folder.source,
            strategy=GIT_WORKTREE if tree else None,
            workspace_id=folder.workspace_id,
            repo_url=folder.repo_url,
            repo_ref=folder.repo_ref,
            branch=tree.branch if tree else None,
            worktree_path=tree.path if tree else None,
            agent_home=home,
            hints=hints,
        )

    def _skills(self) -> dict[str, str]:
        """Where commands of any kind find the run's skills: a folder for each, with its text."""
        return {SKILLS_VARIABLE: str(skills_folder(self.directory.path))} if self.facts.skills else {}

    def _built(self, workspace: Workspace) -> dict[str, str]:
        run = self.facts.run
        ours = ProcessEnvironment(
            agent_id=str(run.agent_id),
            company_id=str(run.company_id),
            run_id=str(run.pk),
            api_url=settings.API_URL,
            run_token=self.token,
            context=self.wake.context,
            wake_payload=self.wake.payload,
            workspace=workspace,
            configured=self.configured,
            extra={RESULT_FILE_VARIABLE: str(self.directory.path / RESULT_NAME), **self._skills()},
        )
        return build_environment(ours)
