"""What the page of recovery renders. The rules of view_models apply here too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from heartbeats.board.view_models import Action, NeedsRow, Tone


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How often a sweep came to one outcome."""

    label: str
    count: int
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class SweepRow:
    """A sweep, its last pass, and what the last pass on record did (`acted_at`). `late`: no success for too long."""

    key: str
    name: str
    purpose: str
    period_seconds: float
    last_at: datetime | None = None
    duration_seconds: float | None = None
    looked_at: int = 0
    outcomes: tuple[OutcomeCount, ...] = ()
    error: str = ""
    late: bool = False
    off: bool = False
    acted_at: datetime | None = None
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class RecoveryPage:
    """Sweeps, and what they could not put right by themselves. `asked`: questions, approvals, budgets that wait for a
    person. `incident` is a sentence about a mass loss, or ""."""

    sweeps: tuple[SweepRow, ...]
    stranded: tuple[NeedsRow, ...] = ()
    asked: tuple[NeedsRow, ...] = ()
    parked: tuple[NeedsRow, ...] = ()
    silent: tuple[NeedsRow, ...] = ()
    incident: str = ""
    incident_action: Action | None = None
    actions: tuple[Action, ...] = ()
