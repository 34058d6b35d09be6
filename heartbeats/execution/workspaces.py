"""Where a run works (spec/2 D): the first folder of a fixed order that exists, with a warning for each that did not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folder:
    """One place where a run might work. `required`: if it is missing the run fails, instead of working elsewhere."""

    source: str
    path: str | None
    label: str
    required: bool = False
    workspace_id: str | None = None
    repo_url: str | None = None
    repo_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the run works, and what people are told about the places that were wanted and missing."""

    folder: Folder
    cwd: str
    warnings: tuple[str, ...] = ()


def choose_place(wanted: Sequence[Folder], home: str, *, exists: Callable[[str], bool]) -> Place:
    """The first wanted folder that exists, else the agent's home. A required folder is taken without asking."""
    missing: list[str] = []
    for folder in wanted:
        if folder.path and (folder.required or exists(folder.path)):
            return Place(folder, folder.path, _told(missing, folder.path))
        missing.append(_why_not(folder))
    return Place(Folder("agent_home", home, "the agent's home"), home, _told(missing, home))


def make_home(homes: Path, agent_id: str) -> str:
    """The agent's own folder on this host, made if need be; only its owner may enter. Raises OSError."""
    home = homes / agent_id
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(home)


def _why_not(folder: Folder) -> str:
    if folder.path:
        return f"{folder.label} {folder.path} does not exist on this host"
    if folder.repo_url:
        return f"{folder.label} has a repository ({folder.repo_url}) and no folder; it is not cloned here"
    return f"{folder.label} names no folder"


def _told(missing: Sequence[str], used: str) -> tuple[str, ...]:
    return tuple(f"Workspace: {why}; using {used} instead." for why in missing)
