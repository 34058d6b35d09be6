"""Putting the prelude before a command that needs it: a folder that git has to make, a session that may be gone."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heartbeats.execution import prelude
from heartbeats.execution.adapters.base import Plan, SetupError
from heartbeats.execution.adapters.started import PLACE_NAME
from heartbeats.execution.prelude.git import shown
from heartbeats.execution.workspaces import PROJECT, Folder, OwnTree, Place

EnvironmentOf = Callable[[Folder, OwnTree | None], Mapping[str, str]]
# The most that git may take before a run, in seconds (spec/2 D).
GIT_LIMIT_SEC = 600
SCRIPT = Path(prelude.__file__).with_name("main.py")


@dataclass(frozen=True, slots=True)
class Command:
    """What the shim is to run, where, and what of it goes through stdin."""

    argv: Sequence[str]
    stdin: str | None
    cwd: str
    timeout_sec: float


def command_for(plan: Plan, place: Place, run_dir: Path, path: str | None, env_of: EnvironmentOf) -> Command:
    """The plan's own command, or the prelude with it. The time that git may take is added to the plan's limit.

    Raises SetupError for a command that does not exist: the prelude could only find out later.
    """
    if not place.options and plan.instead is None:
        return Command(plan.argv, plan.stdin, place.cwd, plan.timeout_sec)
    _must_exist(plan.argv[0], path)
    asked: dict[str, Any] = {"argv": list(plan.argv), "stdin": plan.stdin}
    if plan.instead is not None:
        instead = plan.instead
        asked["instead"] = {"argv": list(instead.argv), "stdin": instead.stdin, "words": list(instead.words)}
    if place.options:
        asked["place"] = {
            "options": [_option(folder, place, env_of(folder, place.tree)) for folder in place.options],
            "limitSec": GIT_LIMIT_SEC,
            "record": str(run_dir / PLACE_NAME),
        }
    limit = plan.timeout_sec + GIT_LIMIT_SEC if plan.timeout_sec and place.options else plan.timeout_sec
    cwd = str(run_dir) if place.options else place.cwd
    return Command([sys.executable, "-I", str(SCRIPT)], json.dumps(asked), cwd, limit)


def _option(folder: Folder, place: Place, env: Mapping[str, str]) -> dict[str, Any]:
    tree = place.tree if folder.source == PROJECT else None
    facts = {
        "source": folder.source,
        "workspaceId": folder.workspace_id,
        "repoUrl": shown(folder.repo_url) if folder.repo_url else None,
        "repoRef": folder.repo_ref,
        "executionWorkspaceId": tree.row_id if tree else None,
    }
    return {
        "path": folder.path,
        "label": folder.label,
        "required": folder.required,
        "clone": {"url": folder.repo_url, "ref": folder.repo_ref} if folder.clone else None,
        "worktree": {"path": tree.path, "branch": tree.branch, "baseRef": tree.base_ref} if tree else None,
        "facts": facts,
        "env": dict(env),
    }


def _must_exist(command: str, path: str | None) -> None:
    """A relative path can only be judged in the folder, which may not be there yet."""
    if "/" in command and not os.path.isabs(command):
        return
    if shutil.which(command, path=path) is None:
        where = "" if "/" in command else f" in PATH ({path})"
        raise SetupError("command_not_found", f"The command {command!r} does not exist{where} or cannot be executed.")
