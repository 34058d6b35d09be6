"""Finding the folder of a run among its options, with git where it takes git, and saying what was missing."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from heartbeats.execution.prelude.git import Git, GitError, Operations, shown


class NoPlaceError(Exception):
    """The run must not go on: a folder of its own was demanded and cannot be made. The message is for people."""


def settle(place: dict[str, Any]) -> None:
    """Enter the first option that works and leave the record of it. Raises NoPlaceError.

    `options`: `path`, `label`, `clone` (the folder is to be cloned from `repoUrl`), `worktree` (`path`, `branch`,
    `baseRef`: work there instead, or not at all), `facts` for the record, `env` for the command. The last one is there
    for sure. `limitSec` bounds all of git; `record` is the file that is left.
    """
    record: dict[str, Any] = {"operations": [], "warnings": [], "failure": None}
    git = Git(record["operations"], float(place["limitSec"]))
    try:
        option = _choose(place["options"], git, record["warnings"])
        cwd = _own_tree(option, git) if option.get("worktree") else option["path"]
        _enter(cwd, option)
        record |= {**option["facts"], "cwd": cwd}
    except NoPlaceError as problem:
        record["failure"] = {"code": "workspace_unavailable", "message": str(problem)}
        raise
    finally:
        _leave(place["record"], record)


def _choose(options: list[dict[str, Any]], git: Git, warnings: list[str]) -> dict[str, Any]:
    missing: list[str] = []
    for option in options:
        why_not = _why_not(option, git)
        if why_not is None:
            warnings += [f"{why}; using {option['path']} instead." for why in missing]
            _say(warnings)
            return option
        missing.append(why_not)
    raise NoPlaceError("; ".join(missing) or "there is no folder to work in")


def _why_not(option: dict[str, Any], git: Git) -> str | None:
    if option.get("clone"):
        return _clone(option, git)
    if os.path.isdir(option["path"]):
        return None
    why = f"{option['label']} {option['path']} does not exist on this host"
    if option.get("required"):
        raise NoPlaceError(why)
    return why


def _clone(option: dict[str, Any], git: Git) -> str | None:
    url = option["clone"]["url"]
    try:
        made = git.clone(url, option["clone"].get("ref"), option["path"])
    except (GitError, OSError) as problem:
        return f"{option['label']} could not be cloned from {shown(url)}: {problem}"
    if made:
        _say([f"{option['label']} was cloned from {shown(url)} to {option['path']}."])
    return None


def _own_tree(option: dict[str, Any], git: Git) -> str:
    tree = option["worktree"]
    try:
        return git.worktree(option["path"], tree["path"], tree["branch"], tree.get("baseRef"))
    except (GitError, OSError) as problem:
        which = f"the issue's own worktree {tree['path']} (branch {tree['branch']}) of {option['path']}"
        raise NoPlaceError(f"{which} cannot be made: {problem}") from None


def _enter(cwd: str, option: dict[str, Any]) -> None:
    try:
        os.chdir(cwd)
    except OSError as problem:
        raise NoPlaceError(f"{cwd} cannot be entered: {problem.strerror}") from None
    os.environ.update({name: cwd if value == "{cwd}" else value for name, value in option["env"].items()})
    os.environ["PWD"] = cwd


def _leave(path: str, record: dict[str, Any]) -> None:
    operations: Operations = record["operations"]
    with open(f"{path}.tmp", "w", encoding="utf-8") as file:
        json.dump({**record, "operations": operations}, file)
    os.replace(f"{path}.tmp", path)


def _say(lines: list[str]) -> None:
    for line in lines:
        sys.stderr.write(f"Workspace: {line}\n")
    sys.stderr.flush()
