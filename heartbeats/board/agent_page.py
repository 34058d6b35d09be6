"""What the page of one agent renders. The rules of view_models apply here too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heartbeats.board.page_parts import Explain, FactGroup, RunLine
from heartbeats.board.view_models import Action, AgentRef, HourCount, IssueRef, RunningRow


@dataclass(frozen=True, slots=True)
class ErrorGroupRow:
    """Errors of one kind from one agent (spec/1 I)."""

    id: UUID
    severity: str
    message: str
    count: int
    first_seen: datetime
    last_seen: datetime
    state: str
    run_id: UUID | None = None
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class WakeupRow:
    """A wakeup that started nothing, and why in words."""

    id: UUID
    status: str
    at: datetime
    asked_by: str
    why: str
    issue: IssueRef | None = None


@dataclass(frozen=True, slots=True)
class PresenceRow:
    """A change of an agent's status."""

    at: datetime
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AgentPage:
    """One agent."""

    agent: AgentRef
    status: str
    since: datetime | None
    explain: Explain
    adapter: str = ""
    running: int = 0
    slots: int = 1
    queued: int = 0
    actions: tuple[Action, ...] = ()
    current: tuple[RunningRow, ...] = ()
    hours: tuple[HourCount, ...] = ()
    errors: tuple[ErrorGroupRow, ...] = ()
    wakeups: tuple[WakeupRow, ...] = ()
    runs: tuple[RunLine, ...] = ()
    presence: tuple[PresenceRow, ...] = ()
    facts: tuple[FactGroup, ...] = ()
