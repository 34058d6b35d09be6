"""Is this still the process that we started? Boot id, pid and start time together are an answer; a pid alone is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from heartbeats.execution import procfs
from heartbeats.execution.procfs import PROC_ROOT
from heartbeats.execution.shim_parts.spawn import MARKER_VARIABLE


class Verdict(StrEnum):
    """What became of a process that we once recorded."""

    ALIVE = "alive"
    GONE = "gone"
    RECYCLED = "recycled"  # the pid now belongs to a stranger
    OTHER_BOOT = "other_boot"  # the host has been rebooted since


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process for all time. `start_ticks` counts clock ticks from boot to its start."""

    boot_id: str
    pid: int
    start_ticks: int


def current_boot_id(proc_root: str = PROC_ROOT) -> str:
    """The boot id of this host. Raises OSError where the host has none."""
    return procfs.boot_id(proc_root)


def identify(pid: int, *, proc_root: str = PROC_ROOT) -> ProcessIdentity | None:
    """The identity of a process that runs now, or None when it does not."""
    stat = procfs.read_stat(pid, proc_root)
    if stat is None or stat.dead:
        return None
    return ProcessIdentity(procfs.boot_id(proc_root), pid, stat.start_ticks)


def judge(identity: ProcessIdentity, *, boot_id: str, proc_root: str = PROC_ROOT) -> Verdict:
    """Decide by boot id, then existence, then start time (spec/6 rows 5 and 6). A zombie is gone."""
    if identity.boot_id != boot_id:
        return Verdict.OTHER_BOOT
    stat = procfs.read_stat(identity.pid, proc_root)
    if stat is None:
        return Verdict.GONE
    if stat.start_ticks != identity.start_ticks:
        return Verdict.RECYCLED
    return Verdict.GONE if stat.dead else Verdict.ALIVE


def members_of_group(pgid: int, *, proc_root: str = PROC_ROOT) -> list[ProcessIdentity]:
    """The living members of a process group; zombies are not alive."""
    return _select(lambda stat: stat.pgid == pgid, proc_root)


def members_of_session(sid: int, *, proc_root: str = PROC_ROOT) -> list[ProcessIdentity]:
    """The living members of a session."""
    return _select(lambda stat: stat.sid == sid, proc_root)


def find_by_marker(marker: str, *, proc_root: str = PROC_ROOT) -> list[ProcessIdentity]:
    """Living processes that carry this run marker in their environment, as far as this user may look (spec/6 row 4)."""
    return _select(lambda stat: carries_marker(stat.pid, marker, proc_root=proc_root), proc_root)


def carries_marker(pid: int, marker: str, *, proc_root: str = PROC_ROOT) -> bool:
    """Whether the process was started with this run marker. What may not be read is not ours."""
    wanted = f"{MARKER_VARIABLE}={marker}".encode()
    try:
        with open(f"{proc_root}/{pid}/environ", "rb") as file:
            return wanted in file.read().split(b"\0")
    except OSError:
        return not os.path.isdir(proc_root) and _carries_marker_without_proc(pid, marker)


def _carries_marker_without_proc(pid: int, marker: str) -> bool:
    import psutil

    try:
        return psutil.Process(pid).environ().get(MARKER_VARIABLE) == marker
    except (psutil.Error, OSError):
        return False


def _select(wanted: Callable[[procfs.ProcessStat], bool], proc_root: str) -> list[ProcessIdentity]:
    chosen = [stat for stat in procfs.list_stats(proc_root) if wanted(stat)]
    if not chosen:
        return []
    boot = procfs.boot_id(proc_root)
    return [ProcessIdentity(boot, stat.pid, stat.start_ticks) for stat in chosen]
