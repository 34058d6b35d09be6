"""Ending a run's processes: TERM, grace, KILL, and proof that nobody is left. Strangers are never signalled.

A group is ours when its leader is verified, or, when the leader has gone, when a member carries the run's marker: the
kernel gives a group's number to nobody else while the group has members.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from enum import StrEnum

from heartbeats.execution import procfs
from heartbeats.execution.identity import ProcessIdentity, Verdict, carries_marker, judge
from heartbeats.execution.procfs import PROC_ROOT, ProcessStat

KILL_MARGIN_SEC = 2.0
_POLL_SEC = 0.02


class Outcome(StrEnum):
    """How a termination ended."""

    NOT_OURS = "not_ours"  # another boot or a recycled pid: nothing was signalled
    ALREADY_GONE = "already_gone"
    TERMINATED = "terminated"  # TERM was enough
    KILLED = "killed"
    SURVIVED = "survived"  # members are left although they were killed (uninterruptible, or another user's)


@dataclass(frozen=True, slots=True)
class TerminationResult:
    """The end of a termination. `signalled` are pids that got a signal, `left` those still alive."""

    outcome: Outcome
    signalled: tuple[int, ...]
    left: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to end. Without an identity only processes that carry the marker are ours."""

    identity: ProcessIdentity | None
    pgid: int | None
    sid: int | None
    marker: str | None = None


class Termination:
    """One termination in progress, for an event loop: `begin`, then `poll` until it returns a result.

    `now` is monotonic seconds. Neither call blocks. Polling faster than every 20 ms gains nothing.
    """

    def __init__(self, target: Target, *, grace: float, now: float, boot_id: str, proc_root: str = PROC_ROOT) -> None:
        self._target = target
        self._proc_root = proc_root
        self._began = now
        self._kill_at = now + grace
        self._give_up_at = self._kill_at + KILL_MARGIN_SEC
        self._signalled: set[int] = set()
        self._verdict = Verdict.GONE
        self._group_is_ours = False
        self.killing = False
        if target.identity is not None:
            self._verdict = judge(target.identity, boot_id=boot_id, proc_root=proc_root)
            self._group_is_ours = self._verdict is Verdict.ALIVE

    @classmethod
    def begin(cls, target: Target, *, grace: float, now: float, proc_root: str = PROC_ROOT) -> Termination:
        """Send TERM (and CONT, so that stopped processes can obey) to every member. Never raises for lost races."""
        boot = procfs.boot_id(proc_root)
        termination = cls(target, grace=grace, now=now, boot_id=boot, proc_root=proc_root)
        if termination._ours():
            termination._signal(termination._members(), signal.SIGTERM, signal.SIGCONT)
        return termination

    def poll(self, now: float) -> TerminationResult | None:
        """The result once nobody is left or hope is lost; None while waiting. Sends KILL when the grace is over."""
        if not self._ours():
            return self._result(Outcome.NOT_OURS, (), now)
        members = self._members()
        if not members:
            return self._result(self._success(), (), now)
        if now >= self._kill_at:
            if self.killing and now >= self._give_up_at:
                return self._result(Outcome.SURVIVED, tuple(stat.pid for stat in members), now)
            self.killing = True
            self._signal(members, signal.SIGKILL)
        return None

    def _ours(self) -> bool:
        return self._verdict in (Verdict.ALIVE, Verdict.GONE)

    def _success(self) -> Outcome:
        if self.killing:
            return Outcome.KILLED
        return Outcome.TERMINATED if self._signalled else Outcome.ALREADY_GONE

    def _result(self, outcome: Outcome, left: tuple[int, ...], now: float) -> TerminationResult:
        return TerminationResult(outcome, tuple(sorted(self._signalled)), left, now - self._began)

    def _members(self) -> list[ProcessStat]:
        """Who belongs to the run now: its group and session when proven ours, and whoever carries its marker."""
        stats = [stat for stat in procfs.list_stats(self._proc_root) if stat.pid not in (1, os.getpid())]
        related = [] if self._number_was_taken_over(stats) else self._related(stats)
        marked = [stat for stat in stats if self._marked(stat)]
        marked_pids = {stat.pid for stat in marked}
        if related and not self._group_is_ours:
            self._group_is_ours = any(stat.pid in marked_pids for stat in related)
        if not self._group_is_ours:
            return marked
        return marked + [stat for stat in related if stat.pid not in marked_pids]

    def _related(self, stats: list[ProcessStat]) -> list[ProcessStat]:
        return [stat for stat in stats if stat.pgid == self._target.pgid or stat.sid == self._target.sid]

    def _number_was_taken_over(self, stats: list[ProcessStat]) -> bool:
        """During the grace our group may end and a stranger may be given its number."""
        identity = self._target.identity
        if identity is None:
            return False
        return any(stat.pid == identity.pid and stat.start_ticks != identity.start_ticks for stat in stats)

    def _marked(self, stat: ProcessStat) -> bool:
        marker = self._target.marker
        return marker is not None and carries_marker(stat.pid, marker, proc_root=self._proc_root)

    def _signal(self, members: list[ProcessStat], *numbers: int) -> None:
        for stat in members:
            if _signal_exactly(stat, self._proc_root, numbers):
                self._signalled.add(stat.pid)


def terminate_group(
    identity: ProcessIdentity, pgid: int, sid: int, *, grace: float, marker: str | None = None
) -> TerminationResult:
    """End the group, the session and every carrier of the marker; wait for it. At most `grace` + 2 s.

    Returns `not_ours`, having signalled nobody, when the identity belongs to another boot or its pid was recycled.
    """
    return _run_to_end(Target(identity, pgid, sid, marker), grace)


def terminate_marked(marker: str, *, grace: float) -> TerminationResult:
    """End stray processes of which only the marker is known (spec/6 row 4)."""
    return _run_to_end(Target(None, None, None, marker), grace)


def _run_to_end(target: Target, grace: float) -> TerminationResult:
    termination = Termination.begin(target, grace=grace, now=time.monotonic())
    pause = threading.Event()
    while (result := termination.poll(time.monotonic())) is None:
        pause.wait(_POLL_SEC)
    return result


def _signal_exactly(stat: ProcessStat, proc_root: str, numbers: tuple[int, ...]) -> bool:
    """Signal this very process: a pid that changed hands since it was listed is left alone."""
    if not hasattr(os, "pidfd_open"):
        return _signal_if_same(stat, proc_root, numbers)
    try:
        handle = os.pidfd_open(stat.pid)
    except OSError:
        return False
    try:
        if not _same(stat, proc_root):
            return False
        for number in numbers:
            signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(handle)
    return True


def _signal_if_same(stat: ProcessStat, proc_root: str, numbers: tuple[int, ...]) -> bool:
    try:
        if not _same(stat, proc_root):
            return False
        for number in numbers:
            os.kill(stat.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _same(stat: ProcessStat, proc_root: str) -> bool:
    current = procfs.read_stat(stat.pid, proc_root)
    return current is not None and current.start_ticks == stat.start_ticks
