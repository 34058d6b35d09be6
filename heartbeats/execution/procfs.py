"""What the kernel says about processes: boot, start times, groups. Built-in modules only: the shim imports it."""

from __future__ import annotations

import os

PROC_ROOT = "/proc"
_DEAD_STATES = frozenset("ZXx")


class ProcessStat:
    """The few fields of `/proc/PID/stat` that decide about identity. `start_ticks` counts clock ticks since boot."""

    __slots__ = ("pgid", "pid", "sid", "start_ticks", "state")

    def __init__(self, pid: int, state: str, pgid: int, sid: int, start_ticks: int) -> None:
        self.pid = pid
        self.state = state
        self.pgid = pgid
        self.sid = sid
        self.start_ticks = start_ticks

    @property
    def dead(self) -> bool:
        """A zombie counts as dead: it runs nothing, and in a container PID 1 may never reap it."""
        return self.state in _DEAD_STATES


def boot_id(proc_root: str = PROC_ROOT) -> str:
    """The identity of this boot of the host; different after every reboot. Raises OSError where there is none."""
    try:
        with open(f"{proc_root}/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        # macOS: the session id, unlike kern.boottime, does not move when the clock is corrected.
        for name in ("kern.bootsessionuuid", "kern.boottime"):
            answer = _output_of("sysctl", "-n", name)
            if answer:
                return answer
        raise


def read_stat(pid: int, proc_root: str = PROC_ROOT) -> ProcessStat | None:
    """The stat of one process, or None when there is no such process."""
    try:
        with open(f"{proc_root}/{pid}/stat", "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return _stat_from_ps(pid) if not os.path.isdir(proc_root) else None
    # The command name may hold spaces and brackets: the fields start behind the last bracket.
    fields = text[text.rfind(b")") + 2 :].split()
    if len(fields) < 20:
        return None
    return ProcessStat(pid, fields[0].decode(), int(fields[2]), int(fields[3]), int(fields[19]))


def list_stats(proc_root: str = PROC_ROOT) -> list[ProcessStat]:
    """Every process that is not dead."""
    if not os.path.isdir(proc_root):
        pids = [int(word) for word in _output_of("ps", "-Ao", "pid=").split()]
    else:
        pids = [int(name) for name in os.listdir(proc_root) if name.isdigit()]
    stats = (read_stat(pid, proc_root) for pid in pids)
    return [stat for stat in stats if stat is not None and not stat.dead]


def _stat_from_ps(pid: int) -> ProcessStat | None:
    """Hosts without /proc: seconds since the epoch stand in for ticks; shim and supervisor read them the same way."""
    fields = _output_of("ps", "-o", "stat=,pgid=,lstart=", "-p", str(pid)).split(None, 2)
    if len(fields) < 3:
        return None
    import time

    try:
        started = int(time.mktime(time.strptime(fields[2].strip(), "%a %b %d %H:%M:%S %Y")))
        sid = os.getsid(pid)
    except (ValueError, OSError):
        return None
    return ProcessStat(pid, fields[0][0], int(fields[1]), sid, started)


def _output_of(*argv: str) -> str:
    import subprocess

    try:
        environment = {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(argv, capture_output=True, timeout=5, check=False, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
