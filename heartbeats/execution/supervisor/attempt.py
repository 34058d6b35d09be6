"""One attempt of one run, as the supervisor sees it: what its run directory and the kernel say, and what goes on."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from heartbeats.execution.identity import Verdict, judge
from heartbeats.execution.orders import Orders, parse_attempt_name, read_orders, since_boot
from heartbeats.execution.rundir import ExitRecord, ProcessRecord, RunDir, Unreadable
from heartbeats.execution.start_lock import is_starting
from heartbeats.execution.terminate import Target, Termination

LEASE_LOST = "lease_lost"
_TICKS = os.sysconf("SC_CLK_TCK")


class Stage(StrEnum):
    """Where an attempt stands."""

    STARTING = "starting"  # no process yet, and somebody works on it
    ABANDONED = "abandoned"  # no process, and nobody works on it any more
    RUNNING = "running"
    ENDED = "ended"  # there is an exit record
    VANISHED = "vanished"  # the shim is gone and left no exit record
    OTHER_BOOT = "other_boot"  # the host restarted since


class StopCause(StrEnum):
    """Why the supervisor ends a process group."""

    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    LEASE = "lease"  # it could not be renewed in time: others may take over soon
    STALE = "stale"  # somebody else holds the run
    LEFTOVERS = "leftovers"  # the command has ended and left members of its group behind


@dataclass(slots=True)
class Attempt:
    """One run directory under watch. `lease_until` and `next_try_at` are seconds since boot."""

    directory: RunDir
    run_id: UUID
    epoch: int
    orders: Orders | None = None
    process: ProcessRecord | None = None
    exit: ExitRecord | None = None
    stage: Stage = Stage.STARTING
    lease_until: float = 0.0
    first_seen: float = 0.0
    termination: Termination | None = None
    ending: bool = False
    tries: int = 0
    next_try_at: float = 0.0
    watch_fd: int | None = None
    seen_bytes: int = 0
    told_at: float = 0.0
    flushed_at: float = 0.0
    flushed_bytes: int = 0
    cut_told: bool = False
    causes: list[StopCause] = field(default_factory=list)
    left_behind: bool = False  # by an earlier supervisor
    died_unwatched: bool = False  # it was gone when this supervisor came

    @property
    def name(self) -> str:
        """The attempt's name, which is also its marker."""
        return self.directory.name

    @property
    def grace(self) -> float:
        """Seconds between TERM and KILL."""
        return self.orders.grace_sec if self.orders else 5.0

    @property
    def target(self) -> Target:
        """Whom to end: without a process record only carriers of the marker."""
        if self.process is None:
            return Target(None, None, None, self.name)
        return Target(self.process.child, self.process.pgid, self.process.sid, self.name)

    @property
    def over(self) -> bool:
        """Whether its command runs no more, or never will."""
        return self.stage in (Stage.ENDED, Stage.VANISHED, Stage.OTHER_BOOT)

    @property
    def given_up(self) -> bool:
        """Whether its own host ended it for want of a lease: this supervisor, an earlier one, or the shim."""
        by_shim = self.exit is not None and self.exit.reason == LEASE_LOST
        return StopCause.LEASE in self.causes or by_shim or self.directory.given_up

    def deadline(self) -> float | None:
        """When the time limit ends, in seconds since boot; None without a limit or without a process."""
        if self.orders is None or not self.orders.timeout_sec or self.process is None:
            return None
        return started_since_boot(self.process) + self.orders.timeout_sec

    def look(self, boot_id: str) -> Stage:
        """Read the directory and ask the kernel again; what was once ended stays so."""
        if self.over:
            return self.stage
        self.stage = self._look(boot_id)
        return self.stage

    def _look(self, boot_id: str) -> Stage:
        if self.orders is None:
            self.orders = read_orders(self.directory)
            self.lease_until = max(self.lease_until, self.orders.lease_until if self.orders else 0.0)
        record = self.directory.process()
        if isinstance(record, ProcessRecord):
            self.process = record
            return self._exit_stage() or self._process_stage(record, boot_id)
        if isinstance(record, Unreadable):
            return self._exit_stage() or Stage.VANISHED
        return Stage.STARTING if is_starting(self.directory) else Stage.ABANDONED

    def _exit_stage(self) -> Stage | None:
        record = self.directory.exit_record()
        if isinstance(record, ExitRecord):
            self.exit = record
            return Stage.ENDED
        return None

    def _process_stage(self, record: ProcessRecord, boot_id: str) -> Stage:
        verdict = judge(record.shim, boot_id=boot_id)
        if verdict is Verdict.ALIVE:
            return Stage.RUNNING
        if verdict is Verdict.OTHER_BOOT:
            return Stage.OTHER_BOOT
        # it may have left its exit record between our two looks
        return self._exit_stage() or Stage.VANISHED


def started_since_boot(process: ProcessRecord) -> float:
    """When the command started, in seconds since boot, from the kernel: no step of the wall clock moves it."""
    return process.child.start_ticks / _TICKS


def attempt_of(directory: RunDir) -> Attempt | None:
    """The attempt of a run directory; None for a directory that is not named like one."""
    parsed = parse_attempt_name(directory.name)
    if parsed is None:
        return None
    return Attempt(directory, *parsed, first_seen=since_boot())
