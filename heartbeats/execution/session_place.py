"""Which session can be resumed where: a coding tool finds a session only in the folder that it was begun in."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

from heartbeats.execution.prelude.git import shown
from heartbeats.execution.workspaces import PROJECT, Place
from heartbeats.readings import object_of, text_of
from heartbeats.runs.sessions import NO_SESSION, ResumeChoice, SessionState


@dataclass(frozen=True, slots=True)
class Settled:
    """The session that the run starts with, and what its log is told about it."""

    resume: ResumeChoice
    note: str | None = None


def settle_session(resume: ResumeChoice, place: Place, home: str, *, bound_to_folder: bool) -> Settled:
    """Move a session from the agent's home to the project's folder when that is there at last
    [resolveRuntimeSessionParamsForWorkspace]; leave one alone that belongs to another folder, if its tool is bound.
    """
    saved = text_of(object_of(resume.session.params).get("cwd"))
    if not resume.session.exists or saved is None or _same(saved, place.cwd):
        return Settled(resume)
    if _may_move(resume.session, saved, place, home):
        moved = replace(resume, session=_moved(resume.session, place))
        return Settled(moved, _moving(resume.session, saved, place))
    if not bound_to_folder:
        return Settled(resume)
    why = f"the saved session belongs to {saved} and this run works in {place.cwd}"
    return Settled(ResumeChoice(NO_SESSION, reset_reason=why), f"Session: starting afresh, because {why}.")


def _may_move(session: SessionState, saved: str, place: Place, home: str) -> bool:
    """Only out of the agent's home, only into the project's folder, and never between two workspaces."""
    params = object_of(session.params)
    if place.folder.source != PROJECT or not _same(saved, home) or text_of(params.get("sessionId")) is None:
        return False
    theirs = text_of(params.get("workspaceId"))
    return theirs is None or place.folder.workspace_id is None or theirs == place.folder.workspace_id


def _moved(session: SessionState, place: Place) -> SessionState:
    folder = place.folder
    named = {"workspaceId": folder.workspace_id, "repoUrl": shown(folder.repo_url or ""), "repoRef": folder.repo_ref}
    params: dict[str, Any] = {**object_of(session.params), "cwd": place.cwd}
    return replace(session, params={**params, **{key: value for key, value in named.items() if value}})


def _moving(session: SessionState, saved: str, place: Place) -> str:
    return (
        f"Session: the project's folder {place.cwd} is there now; trying to resume {session.persisted_id}, "
        f"which was saved in {saved}."
    )


def _same(one: str, other: str) -> bool:
    return os.path.normpath(one) == os.path.normpath(other)
