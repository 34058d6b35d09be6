"""Removing what nobody will ask for again: directories of runs that are gone, worktrees of issues that are closed."""

from __future__ import annotations

from pathlib import Path

from config.common.clock import utc_now
from heartbeats.execution.closing_trees import TreesClosed, close_trees
from heartbeats.execution.orders import parse_attempt_name
from heartbeats.execution.rundir import ARCHIVE, RunDir
from heartbeats.execution.supervisor.host import ThisHost
from heartbeats.models import HeartbeatRun

KEPT_SEC = 86_400.0
_BATCH = 500


def clean(runs_dir: Path, *, now: float) -> int:
    """Delete archived directories older than a day whose run no longer exists; how many. `now` is Unix seconds.

    A directory of a run that exists is kept: it holds the run's log. Works in batches, so that one pass stays short.
    """
    old = [directory for directory in _archived(runs_dir) if now - directory.path.stat().st_mtime > KEPT_SEC][:_BATCH]
    ids = {directory.name: parsed[0] for directory in old if (parsed := parse_attempt_name(directory.name))}
    known = set(HeartbeatRun.objects.filter(pk__in=set(ids.values())).values_list("pk", flat=True))
    return sum(directory.remove() for directory in old if directory.name in ids and ids[directory.name] not in known)


def tidy_trees(host: ThisHost) -> TreesClosed:
    """Close the worktrees of closed issues on this host. May take minutes: not for the desk that renews leases."""
    return close_trees(host.name, now=utc_now())


def _archived(runs_dir: Path) -> list[RunDir]:
    folder = runs_dir / ARCHIVE
    if not folder.is_dir():
        return []
    return [RunDir(path) for path in sorted(folder.iterdir()) if path.is_dir()]
