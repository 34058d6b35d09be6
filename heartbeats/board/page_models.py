"""What the pages of one run, one issue, one agent, and of recovery render. The rules of view_models apply here too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from heartbeats.board.view_models import (
    Action,
    AgentRef,
    HourCount,
    IssueRef,
    NeedsRow,
    RunningRow,
    Tone,
)


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
class TimelineStep:
    """A moment in a run's life. `at` None: has not happened; `after_seconds` is the distance to the step before."""

    key: str
    label: str
    at: datetime | None = None
    tone: Tone = "neutral"
    detail: str = ""
    after_seconds: float | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class LineageNode:
    """One attempt in the family of a run. `depth` is the distance from the first; siblings share a depth."""

    run_id: UUID
    status: str
    cause: str = ""
    at: datetime | None = None
    depth: int = 0
    current: bool = False


@dataclass(frozen=True, slots=True)
class LogSource:
    """Where the viewer reads. `first_error_offset` is a byte offset, None when unknown; `live` while it may grow."""

    run_id: UUID
    url: str
    download_url: str
    size: int = 0
    live: bool = False
    first_error_offset: int | None = None
    absent: str = ""


@dataclass(frozen=True, slots=True)
class RunHead:
    """The first line of a run's page. `silence` repeats the board's row while the run is `running`."""

    run_id: UUID
    status: str
    agent: AgentRef
    requested_at: datetime
    issue: IssueRef | None = None
    task: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_seconds: float | None = None
    outcome: str = ""
    error_code: str = ""
    attempt: int = 1
    silence: RunningRow | None = None
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run."""

    head: RunHead
    timeline: tuple[TimelineStep, ...]
    explain: Explain
    log: LogSource
    facts: tuple[FactGroup, ...] = ()
    lineage: tuple[LineageNode, ...] = ()


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


@dataclass(frozen=True, slots=True)
class BlockerNode:
    """An issue in the small graph around another, pre-order; `depth` 1 is a direct neighbour."""

    issue: IssueRef
    depth: int = 1
    owner: str = ""
    note: str = ""
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class CommentEntry:
    """A comment. `body` is plain text; line breaks are kept."""

    id: UUID
    author: str
    at: datetime
    body: str
    by_agent: bool = False
    run_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ActivityEntry:
    """One line of the trail: who did what, in words."""

    id: UUID
    at: datetime
    who: str
    did: str
    run_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a select."""

    value: str
    label: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class IssuePage:
    """One issue. `comment_url` is where the comment form posts `body`; empty hides the form.

    `assign_url` and `status_url` take one of `assignees` and `statuses`; empty hides the control.
    """

    issue: IssueRef
    status: str
    priority: str
    explain: Explain
    assignee: AgentRef | None = None
    assignee_user: str = ""
    description: str = ""
    created_at: datetime | None = None
    project: str = ""
    actions: tuple[Action, ...] = ()
    blocked_by: tuple[BlockerNode, ...] = ()
    blocks: tuple[BlockerNode, ...] = ()
    runs: tuple[RunLine, ...] = ()
    comments: tuple[CommentEntry, ...] = ()
    activity: tuple[ActivityEntry, ...] = ()
    comment_url: str = ""
    assign_url: str = ""
    assignees: tuple[Choice, ...] = ()
    status_url: str = ""
    statuses: tuple[Choice, ...] = ()


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
    """Sweeps, and what they could not put right by themselves. `incident` is a sentence about a mass loss, or ""."""

    sweeps: tuple[SweepRow, ...]
    stranded: tuple[NeedsRow, ...] = ()
    parked: tuple[NeedsRow, ...] = ()
    silent: tuple[RunningRow, ...] = ()
    incident: str = ""
    incident_action: Action | None = None
    actions: tuple[Action, ...] = ()
