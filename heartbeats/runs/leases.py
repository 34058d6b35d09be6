"""What an execution writes while it runs: its lease, its process, its output. All of it names the epoch (DESIGN 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class HeldRun:
    """An execution that its host believes to hold."""

    run_id: UUID
    epoch: int


@dataclass(frozen=True)
class Renewal:
    """Which of the asked executions are still ours, with the end of their lease, and which must stop their process."""

    kept: dict[UUID, datetime]
    lost: frozenset[UUID]


def renew_leases(host: str, boot_id: str, held: Sequence[HeldRun], lease_seconds: float) -> Renewal:
    """Renew in one statement, on the database's clock. A run that is not running, not on this incarnation of the host,
    or has another epoch is `lost`: its process must stop."""
    raise NotImplementedError


def record_process(
    run_id: UUID, *, epoch: int, pid: int, group_id: int | None, start_ticks: int | None, started_at: datetime
) -> bool:
    """Note the identity of the process. False: the execution is over (cancelled, paused, reaped), stop the process."""
    raise NotImplementedError


def record_output(run_id: UUID, *, epoch: int, at: datetime, seq: int, stream: str, total_bytes: int) -> bool:
    """Note the latest output; `seq` never goes back. Clears the mark `process_detached`. False: the execution is over."""
    raise NotImplementedError
