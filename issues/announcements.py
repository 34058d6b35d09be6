"""What `issues` tells the apps above it, without knowing them.

Each hook is told, inside the transaction of one request's change, a frozen record of it: listeners decide from it who
is woken and which runs end, and write down what is to follow the commit. So nothing that was announced can be lost.
Listeners lock nothing and send nothing; what a listener raises undoes the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from agents.actors import Actor
from agents.announcements import Hook
from issues.models import Issue, IssueComment
from issues.vocabulary import ISSUE_TERMINAL, HoldMode, IssueStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueFacts:
    """An issue at one moment."""

    id: UUID
    company_id: UUID
    identifier: str
    status: IssueStatus
    assignee_agent_id: UUID | None = None
    parent_id: UUID | None = None

    @property
    def is_closed(self) -> bool:
        """Neither needs nor takes work."""
        return self.status in ISSUE_TERMINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentFacts:
    """A stored comment; `author_agent_id` is None for people and the system."""

    id: UUID
    body: str
    author_agent_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What a person or agent asked for along with its change."""

    resume_intent: bool = False
    follow_up_requested: bool = False
    interrupted_run_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMove:
    """An execution policy moved: this agent is to review, approve, or change its work (W2)."""

    agent_id: UUID
    reason: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCreated:
    """An issue exists. `source` is `issue.create` or `issue.child_create`."""

    issue: IssueFacts
    source: str
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueUpdated:
    """An issue was changed by PATCH. `reopened_from` is set when it came back to `todo` by `reopen` or a comment."""

    before: IssueFacts
    issue: IssueFacts
    actor: Actor
    now: datetime
    comment: CommentFacts | None = None
    reopened_from: IssueStatus | None = None
    flags: Flags = field(default_factory=Flags)
    stage: StageMove | None = None
    assignee_changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCommented:
    """Somebody spoke on an issue by POST."""

    before: IssueFacts
    issue: IssueFacts
    comment: CommentFacts
    actor: Actor
    now: datetime
    reopened_from: IssueStatus | None = None
    flags: Flags = field(default_factory=Flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCheckedOut:
    """An issue was checked out for an agent; `by_its_own_run` when that agent's run did it and needs no wake."""

    issue: IssueFacts
    agent_id: UUID
    by_its_own_run: bool
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReleased:
    """A checkout was given back: whatever waited for the lock may go on."""

    issue: IssueFacts
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionResolved:
    """A question in the thread got its answer; `action` is accept, reject or respond."""

    issue: IssueFacts
    interaction_id: UUID
    kind: str
    status: str
    action: str
    wakes_assignee: bool
    source_comment_id: UUID | None
    source_run_id: UUID | None
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHeld:
    """A pause or cancel took a tree: its live runs end, and its wakeups that nobody claimed."""

    company_id: UUID
    root_issue_id: UUID
    hold_id: UUID
    mode: HoldMode
    issues: tuple[IssueFacts, ...]
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRestored:
    """A cancelled tree came back."""

    company_id: UUID
    root_issue_id: UUID
    hold_id: UUID
    issues: tuple[IssueFacts, ...]
    wake_agents: bool
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeResumed:
    """Pause holds of a tree were released: what was gated may go on. `held_since`: when the first of them began."""

    company_id: UUID
    root_issue_id: UUID
    issue_ids: tuple[UUID, ...]
    held_since: datetime | None
    actor: Actor
    now: datetime


News = TypeVar("News")

issue_created: Hook[IssueCreated] = Hook()
issue_updated: Hook[IssueUpdated] = Hook()
issue_commented: Hook[IssueCommented] = Hook()
issue_checked_out: Hook[IssueCheckedOut] = Hook()
issue_released: Hook[IssueReleased] = Hook()
interaction_resolved: Hook[InteractionResolved] = Hook()
tree_held: Hook[TreeHeld] = Hook()
tree_restored: Hook[TreeRestored] = Hook()
tree_resumed: Hook[TreeResumed] = Hook()


def tell(hook: Hook[News], news: News) -> None:
    """Tell every listener, inside the caller's transaction."""
    hook.tell(news)


def facts_of(issue: Issue) -> IssueFacts:
    """The issue as it is now."""
    return IssueFacts(
        id=issue.pk,
        company_id=issue.company_id,
        identifier=issue.identifier,
        status=IssueStatus(issue.status),
        assignee_agent_id=issue.assignee_agent_id,
        parent_id=issue.parent_id,
    )


def comment_facts(comment: IssueComment) -> CommentFacts:
    """The comment as listeners see it."""
    return CommentFacts(id=comment.pk, body=comment.body, author_agent_id=comment.author_agent_id)
