"""Giving queued runs to a host: order, gates, slots, epoch and lease in one short transaction (spec/2 C)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class ClaimedRun:
    """A run that now belongs to the caller's host under `epoch`; every later write names that epoch."""

    run_id: UUID
    epoch: int
    lease_expires_at: datetime


@dataclass(frozen=True)
class Claimed:
    """What one claim did. `cancelled` runs failed a gate. `waiting`: queued runs remain that slots did not allow."""

    runs: tuple[ClaimedRun, ...] = ()
    cancelled: tuple[UUID, ...] = field(default=())
    waiting: int = 0


def claim_runs(
    agent_id: UUID, *, host: str, boot_id: str, capacity: int, lease_seconds: float, now: datetime
) -> Claimed:
    """Claim as many queued runs of one agent as its slots and `capacity` (runs) allow, for this incarnation of a host.

    Takes the agent's lock, then those of the candidates' issues, runs and wakeups. The lease ends `lease_seconds`
    after the database's clock. Nothing for an agent that is unknown or not invokable.
    """
    raise NotImplementedError
