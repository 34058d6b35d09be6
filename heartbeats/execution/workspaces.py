"""Where a run works (spec/2 D): the first folder of a fixed order that is there; each that is not is named."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

PROJECT, SESSION, HOME, CONFIGURED = "project_primary", "task_session", "agent_home", "adapter_config"
# What a workspace that only has a repository may carry in place of a folder (seed 002).
REPO_ONLY = "/__paperclip_repo_only__"
DEFAULT_BRANCH = "{{issue.identifier}}-{{slug}}"
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")
_NOT_IN_BRANCHES = re.compile(r"[^A-Za-z0-9._/-]+")
_SLUG_CHARS = 48


class Look(StrEnum):
    """What is at a path."""

    MISSING = "missing"
    EMPTY = "empty"
    FOLDER = "folder"
    CHECKOUT = "checkout"


@dataclass(frozen=True, slots=True)
class Folder:
    """One place where a run might work. `required`: if it is missing the run fails, instead of working elsewhere.

    `clone`: the folder is a clone of `repo_url` at `repo_ref` that Everbeat keeps.
    """

    source: str
    path: str | None
    label: str
    required: bool = False
    workspace_id: str | None = None
    repo_url: str | None = None
    repo_ref: str | None = None
    clone: bool = False


@dataclass(frozen=True, slots=True)
class OwnTree:
    """An issue's own worktree. `row_id` is its ExecutionWorkspace; `cwd` the folder in it, once it is known."""

    path: str
    branch: str
    base_ref: str | None
    row_id: str
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the run works, and what people are told about the places that were wanted and missing.

    With `options` it is only where the run is expected to work: git has to make it, or the next of them is taken.
    """

    folder: Folder
    cwd: str
    warnings: tuple[str, ...] = ()
    options: tuple[Folder, ...] = ()
    tree: OwnTree | None = None


def choose_place(wanted: Sequence[Folder], home: str, *, look: Callable[[str], Look]) -> Place:
    """The first wanted folder that is there or can be cloned, else the agent's home. A required one is taken unseen."""
    missing: list[str] = []
    at_home = Folder(HOME, home, "the agent's home")
    for index, folder in enumerate(wanted):
        if not folder.path:
            missing.append(f"{folder.label} names no folder and no repository")
            continue
        seen = Look.FOLDER if folder.required else look(folder.path)
        if folder.clone and seen in (Look.MISSING, Look.EMPTY):
            options = (folder, *(other for other in wanted[index + 1 :] if other.path), at_home)
            return Place(folder, folder.path, _told(missing, folder.path), options)
        if seen is not Look.MISSING:
            as_it_is = (_as_it_is(folder),) if folder.clone and seen is not Look.CHECKOUT else ()
            return Place(folder, folder.path, (*_told(missing, folder.path), *as_it_is))
        missing.append(f"{folder.label} {folder.path} does not exist on this host")
    return Place(at_home, home, _told(missing, home))


def in_own_tree(place: Place, tree: OwnTree, *, look: Callable[[str], Look]) -> Place:
    """The same place, in the issue's own worktree; git has to make it unless it is there."""
    if tree.cwd and look(tree.path) is Look.CHECKOUT and look(tree.cwd) is not Look.MISSING:
        return replace(place, cwd=tree.cwd, options=(), tree=tree)
    return replace(place, cwd=tree.path, options=place.options or (place.folder,), tree=tree)


def look_at(path: str) -> Look:
    """What is at a path of this host. A checkout has `.git`; what may not be read counts as a folder."""
    if not os.path.isdir(path):
        return Look.MISSING
    if os.path.exists(os.path.join(path, ".git")):
        return Look.CHECKOUT
    try:
        with os.scandir(path) as entries:
            return Look.EMPTY if next(entries, None) is None else Look.FOLDER
    except OSError:
        return Look.FOLDER


def in_checkout(path: str) -> bool:
    """Whether the folder, or one above it, is a git checkout."""
    here = Path(path)
    return any(look_at(str(folder)) is Look.CHECKOUT for folder in (here, *here.parents))


def make_home(homes: Path, agent_id: str) -> str:
    """The agent's own folder on this host, made if need be; only its owner may enter. Raises OSError."""
    home = homes / agent_id
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(home)


def repository_name(url: str) -> str:
    """The last part of a repository's address as a folder name: `https://host/team/app.git` is `app`."""
    last = re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git").lower()
    return _NOT_IN_NAMES.sub("-", last).strip("-.") or "repository"


def branch_name(template: str, identifier: str, title: str) -> str:
    """The branch of an issue: `{{issue.identifier}}` and `{{slug}}` (of the title) filled in, fit for git."""
    slug = _NOT_IN_NAMES.sub("-", title.lower().replace(".", "-"))[:_SLUG_CHARS].strip("-")
    named = template.replace("{{issue.identifier}}", identifier).replace("{{slug}}", slug)
    parts = [part.strip("-.") for part in _NOT_IN_BRANCHES.sub("-", named).replace("..", "-").split("/")]
    return "/".join(part.removesuffix(".lock") for part in parts if part)[:200].rstrip("-./") or identifier.lower()


def _as_it_is(folder: Folder) -> str:
    return f"Workspace: {folder.label} {folder.path} exists and is no git checkout; using it as it is."


def _told(missing: Sequence[str], used: str) -> tuple[str, ...]:
    return tuple(f"Workspace: {why}; using {used} instead." for why in missing)
