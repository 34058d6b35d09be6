"""What the pages of one run, one issue and one agent share. The rules of view_models apply here too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from heartbeats.board.view_models import AgentRef, IssueRef, Tone


@dataclass(frozen=True, slots=True)
class Fact:
    """One labelled value. `kind` chooses how `value` is set; with `at` the value is that time instead."""

    label: str
    value: str = ""
    kind: Literal["text", "mono", "id", "json"] = "text"
    url: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Facts under one heading: Context, Usage and cost, Session, Process."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of an explanation: what was looked at and what it means."""

    text: str
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class Explain:
    """Why things stand as they do (`verdict`, `because`) and what moves them on (`next_step`, perhaps at a time)."""

    verdict: str
    tone: Tone = "neutral"
    because: tuple[Reason, ...] = ()
    next_step: str = ""
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in the list of an issue or an agent."""

    run_id: UUID
    status: str
    at: datetime
    agent: AgentRef | None = None
    issue: IssueRef | None = None
    duration_seconds: float | None = None
    cause: str = ""
    note: str = ""
