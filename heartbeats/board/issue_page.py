"""What the page of one issue renders. The rules of view_models apply here too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heartbeats.board.page_parts import Explain, RunLine
from heartbeats.board.view_models import Action, AgentRef, IssueRef, Tone


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
