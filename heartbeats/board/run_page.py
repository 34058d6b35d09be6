"""What the page of one run renders. The rules of view_models apply here too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heartbeats.board.page_parts import Explain, FactGroup
from heartbeats.board.view_models import Action, AgentRef, IssueRef, RunningRow, Tone


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
