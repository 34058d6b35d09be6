"""What the reaper may know about a running run, and who is looking. Plain values, gathered before any verdict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from agents.vocabulary import AdapterType

TRACKED_LOCAL_ADAPTERS = frozenset(
    {
        AdapterType.CLAUDE_LOCAL,
        AdapterType.CODEX_LOCAL,
        AdapterType.CURSOR,
        AdapterType.GEMINI_LOCAL,
        AdapterType.HERMES_LOCAL,
        AdapterType.OPENCODE_LOCAL,
        AdapterType.PI_LOCAL,
        AdapterType.PROCESS,
    }
)
"""Adapters whose process we start and can identify; only their losses are retried by the reaper (spec/3 A)."""


class ProcessVerdict(StrEnum):
    """What a look at the recorded process showed. Identity is pid + start time + boot id, never the pid alone."""

    ALIVE = "alive"
    GONE = "gone"
    RECYCLED = "recycled"
    """The pid lives, but belongs to somebody else now: our process is gone and nothing may be signalled."""
    OTHER_BOOT = "other_boot"
    """The host has booted since: every process of the earlier boot is gone and nothing may be signalled."""
    UNOBSERVED = "unobserved"
    """No process was recorded, or nobody could look."""


@dataclass(frozen=True)
class Observer:
    """Who judges: the host that looked at processes, its boot, and the database's time."""

    host: str
    boot_id: str
    now: datetime


@dataclass(frozen=True)
class RunFacts:
    """One run in status `running`.

    `process`, `group_alive` and `exit_record` come from the run's own host. Look at the process first and read the
    exit record afterwards: in the other order a run that ends between the two looks shows neither.
    """

    run_id: UUID | str
    adapter_type: str
    executor_host: str | None = None
    executor_boot_id: str | None = None
    lease_expires_at: datetime | None = None
    process_pid: int | None = None
    process_group_id: int | None = None
    process: ProcessVerdict = ProcessVerdict.UNOBSERVED
    group_alive: bool = False
    exit_record: bool = False
    given_up: bool = False
    """Its own host ended it for want of a lease, and said so on disk."""
    marked_detached: bool = False
    process_loss_retries: int = 0
    unspawned_requeues: int = 0
    executor_kills: int = 0

    @property
    def spawned(self) -> bool:
        """Whether a process was ever recorded for this execution."""
        return self.process_pid is not None or self.process_group_id is not None

    @property
    def tracked(self) -> bool:
        """Whether the adapter's process is one that we can identify and therefore retry."""
        return self.adapter_type in TRACKED_LOCAL_ADAPTERS

    def lease_held(self, now: datetime) -> bool:
        """Whether somebody still holds the run at `now`. A run without a lease is held by nobody."""
        return self.lease_expires_at is not None and now < self.lease_expires_at
