"""The clock wakes agents (spec/2 B "Timers")."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class TimerTick:
    """What one tick looked at and did. `failed` are agents whose wake raised: logged, and tried at the next tick."""

    checked: int = 0
    enqueued: int = 0
    skipped: int = 0
    failed: int = 0
    run_ids: tuple[UUID, ...] = field(default=())


def tick_timers(now: datetime) -> TimerTick:
    """Wake every agent whose `timer_due_at` has come, each in its own transaction. One statement when none is due."""
    raise NotImplementedError
