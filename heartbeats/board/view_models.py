"""What the board and every shared fragment render: plain frozen values, no ORM, no clock, no URLs but those of actions.

Whoever fills these reads the database once per section; a template follows no relation and asks no query.
Times are aware UTC. `id` fields of rows become element ids: keep them stable while the row is about the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Tone = Literal["neutral", "live", "ok", "warn", "bad"]
ActionLook = Literal["primary", "plain", "danger"]

QUIET_AFTER_SECONDS = 600
SUSPICIOUS_AFTER_SECONDS = 3_600
CRITICAL_AFTER_SECONDS = 14_400


@dataclass(frozen=True, slots=True)
class CompanyLink:
    """A company that the operator may switch to."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Shell:
    """What surrounds every page. `live_origin` is ws(s)://host:port, or "" for the page's own origin.

    `may_act` is False for viewers: nothing is offered that they may not do.
    """

    company_id: UUID
    company_name: str
    operator: str
    live_origin: str
    last_event_id: int
    other_companies: tuple[CompanyLink, ...] = ()
    may_act: bool = True
    may_administer: bool = True


@dataclass(frozen=True, slots=True)
class AgentRef:
    """Enough of an agent to name it and link to it."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class IssueRef:
    """Enough of an issue to name it and link to it."""

    identifier: str
    title: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """One button. `post` submits the shared form to `url`; `confirm` is the sentence shown before it does."""

    label: str
    url: str
    method: Literal["get", "post"] = "post"
    look: ActionLook = "plain"
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class HealthFact:
    """One part of the status strip, in words: "Beat" "on time". `at` is when it last reported, if it reports."""

    key: str
    label: str
    value: str
    tone: Tone = "ok"
    at: datetime | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StatusStrip:
    """Healthy or not (`verdict`) and the reason (`why`, one sentence; empty when all is well)."""

    tone: Tone
    verdict: str
    why: str = ""
    facts: tuple[HealthFact, ...] = ()


@dataclass(frozen=True, slots=True)
class NeedsRow:
    """One thing only a person can move. `kind` is a key of `NEED_FACES` in status_faces."""

    id: str
    kind: str
    what: str
    since: datetime
    why: tuple[str, ...]
    action: Action | None = None
    issue: IssueRef | None = None
    agent: AgentRef | None = None
    run_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NeedsSection:
    """Worst first. `total` may exceed the rows shown; `more_url` then lists the rest."""

    rows: tuple[NeedsRow, ...] = ()
    total: int = 0
    more_url: str = ""


@dataclass(frozen=True, slots=True)
class RunningRow:
    """A run in status `running`. `silent_since` follows spec/3 I: last output, else process start, start, creation."""

    run_id: UUID
    agent: AgentRef
    started_at: datetime
    silent_since: datetime
    issue: IssueRef | None = None
    task: str = ""
    has_output: bool = True
    snoozed_until: datetime | None = None
    attempt: int = 1
    retry_of: UUID | None = None
    retry_reason: str = ""
    host: str = ""
    lease_expires_at: datetime | None = None
    detached: bool = False


@dataclass(frozen=True, slots=True)
class RunningSection:
    """Longest silence first, then oldest."""

    rows: tuple[RunningRow, ...] = ()
    total: int = 0
    more_url: str = ""


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """Work that waits, and why in words: `reason` + linked `refs` + the time `due_at` + `tail` form one sentence.

    `kind` is a key of `WAIT_FACES`: queued, deferred, scheduled_retry, parked, blocked, held, resting.
    """

    id: str
    kind: str
    since: datetime
    reason: str
    agent: AgentRef | None = None
    issue: IssueRef | None = None
    task: str = ""
    run_id: UUID | None = None
    refs: tuple[IssueRef, ...] = ()
    due_at: datetime | None = None
    tail: str = ""


@dataclass(frozen=True, slots=True)
class WaitingSection:
    """What starts soonest first."""

    rows: tuple[WaitingRow, ...] = ()
    total: int = 0
    more_url: str = ""


@dataclass(frozen=True, slots=True)
class FinishedRow:
    """A run that ended. `note` says how in words ("exit 1", "timed out after 30 m"); `followup` what it triggered."""

    run_id: UUID
    agent: AgentRef
    status: str
    finished_at: datetime
    duration_seconds: float | None = None
    issue: IssueRef | None = None
    task: str = ""
    note: str = ""
    followup: str = ""


@dataclass(frozen=True, slots=True)
class FinishedSection:
    """Newest first."""

    rows: tuple[FinishedRow, ...] = ()
    total: int = 0
    more_url: str = ""


@dataclass(frozen=True, slots=True)
class HourCount:
    """Runs that ended in one hour, and how many of them went wrong (`errors` ≤ `runs`)."""

    runs: int
    errors: int = 0


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent. `hours` are the last 24, oldest first; `note` says in a few words what the status does not."""

    agent: AgentRef
    status: str
    running: int = 0
    slots: int = 1
    queued: int = 0
    hours: tuple[HourCount, ...] = ()
    issue: IssueRef | None = None
    note: str = ""
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class AgentsSection:
    """Those in trouble first, then working, then idle, then resting; by name within."""

    rows: tuple[AgentRow, ...] = ()
    total: int = 0
    working: int = 0
    more_url: str = ""


@dataclass(frozen=True, slots=True)
class BoardPage:
    """The page at `/`."""

    status: StatusStrip
    needs: NeedsSection
    running: RunningSection
    waiting: WaitingSection
    finished: FinishedSection
    agents: AgentsSection
