"""Closing the worktrees of issues that are done or cancelled: the folder goes, the branch and unsaved work stay."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from heartbeats.execution.prelude.git import Git, GitError
from heartbeats.execution.workspace_records import GIT_WORKTREE, tree_of
from heartbeats.models import ExecutionWorkspace, HeartbeatRun, WorkspaceOperation
from heartbeats.models.environment import WorkspaceStatus
from heartbeats.vocabulary import RunStatus
from issues.models import Issue
from issues.vocabulary import ISSUE_TERMINAL

# The most that git may take to look at one tree, in seconds.
LOOK_LIMIT_SEC = 60
_PHASE = "close"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TreesClosed:
    """What one pass did: trees that are gone, and closed ones whose folder was kept for what is in it."""

    removed: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class _Look:
    """What git says of a tree. `why_kept` None: nothing would be lost with the folder. `base` is its repository."""

    why_kept: str | None = None
    base: str | None = None


def close_trees(host: str, *, now: datetime, most: int = 20) -> TreesClosed:
    """Close the worktrees on this host whose issue is closed and has no live run. Repeating changes nothing.

    A tree with changes that no commit holds, or commits that no branch holds, keeps its folder: people find the reason
    among the workspace's operations. An issue that is reopened gets its tree back (`own_tree`).
    """
    removed = kept = 0
    for row in _closable(host)[:most]:
        path = tree_of(row)
        look = _look(path)
        moved = _close(row, path, look, now)
        if moved is None:
            continue
        removed, kept = removed + (look.why_kept is None), kept + (look.why_kept is not None)
        _clear_away(moved, look.base)
    return TreesClosed(removed, kept)


def _closable(host: str) -> QuerySet[ExecutionWorkspace]:
    at_work = Q(status__in=RunStatus.LIVE) | Q(process_stopping=True)
    live = HeartbeatRun.objects.filter(at_work, issue=OuterRef("source_issue"))
    closed = Q(source_issue__status__in=ISSUE_TERMINAL) | Q(source_issue__isnull=True)
    rows = ExecutionWorkspace.objects.filter(closed, host=host, strategy=GIT_WORKTREE, status=WorkspaceStatus.ACTIVE)
    return rows.filter(~Exists(live)).order_by("last_used_at")


def _look(path: str | None) -> _Look:
    if path is None:
        return _Look("it is not a worktree that Everbeat made")
    if not os.path.isdir(path):
        return _Look()
    git = Git([], LOOK_LIMIT_SEC)
    try:
        base = git.run(_PHASE, path, "rev-parse", "--path-format=absolute", "--git-common-dir").strip()
        if changes := git.run(_PHASE, path, "status", "--porcelain").splitlines():
            return _Look(f"{len(changes)} changed or new files are in no commit", base)
        if not git.run(_PHASE, path, "for-each-ref", "--count=1", "--contains=HEAD", "refs").strip():
            return _Look("its last commit is on no branch", base)
    except GitError as problem:
        return _Look(f"git cannot tell what is in it: {problem}")
    return _Look(None, base)


def _close(row: ExecutionWorkspace, path: str | None, look: _Look, now: datetime) -> str | None:
    """Close the row and move its folder aside; where it is now, "" when it stays, None when the tree is in use again.

    The folder moves while the issue is locked: no run can be queued or claimed for it meanwhile, so none finds a
    folder that is about to go. If the commit fails, the next run makes the tree anew from its branch.
    """
    with transaction.atomic():
        if row.source_issue_id is not None:
            Issue.objects.select_for_update(no_key=True).filter(pk=row.source_issue_id).first()
        again = _closable(row.host).filter(pk=row.pk, last_used_at=row.last_used_at)
        if not again.exists():
            return None
        ExecutionWorkspace.objects.filter(pk=row.pk).update(
            status=WorkspaceStatus.CLOSED, closed_at=now, updated_at=now
        )
        moved, problem = ("", look.why_kept) if look.why_kept or path is None else _move(path, row)
        _note(row, path or row.cwd, problem, now)
    return moved


def _move(path: str, row: ExecutionWorkspace) -> tuple[str, str | None]:
    """Where the folder is now, and why it could not be moved. There may be none: then nothing is to be done."""
    target = f"{path}.closed-{row.pk}"
    try:
        os.rename(path, target)
    except FileNotFoundError:
        return "", None
    except OSError as problem:
        return "", f"it cannot be moved: {problem.strerror}"
    return target, None


def _note(row: ExecutionWorkspace, path: str, why_kept: str | None, now: datetime) -> None:
    WorkspaceOperation.objects.create(
        company_id=row.company_id,
        workspace=row,
        phase=_PHASE,
        cwd=path[:1000],
        status="skipped" if why_kept else "succeeded",
        started_at=now,
        finished_at=now,
        output_excerpt=f"The folder was kept: {why_kept}." if why_kept else None,
    )
    if why_kept:
        log.warning("worktree_kept", path=path, why=why_kept)


def _clear_away(moved: str, base: str | None) -> None:
    """Delete what was moved aside, and let the repository forget it. What is left is deleted with the next one."""
    if not moved:
        return
    shutil.rmtree(moved, ignore_errors=True)
    _delete_leftovers(Path(moved).parent)
    if base is not None:
        _forget(base)


def _forget(base: str) -> None:
    try:
        Git([], LOOK_LIMIT_SEC).run(_PHASE, base, "worktree", "prune")
    except GitError as problem:
        log.warning("worktrees_not_pruned", repository=base, error=str(problem))


def _delete_leftovers(folder: Path) -> None:
    leftovers: Sequence[Path] = sorted(folder.glob("*.closed-*"))
    for path in leftovers:
        shutil.rmtree(path, ignore_errors=True)
