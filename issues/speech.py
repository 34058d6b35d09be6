"""Applying what a comment asks for: the part that posting a comment and PATCH with a comment share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from agents.actors import Actor
from agents.models import ActivityEvent
from config.common.wire.errors import Conflict, Forbidden
from issues.announcements import Flags
from issues.models import Issue, IssueComment
from issues.ownership import oversees
from issues.readiness import Readiness, readiness_of
from issues.runs import running_run_id
from issues.speech_rules import INTERRUPT_BY_BOARD, SpokenOn, Wishes, reopens, resume_refusal
from issues.trail import issue_row
from issues.vocabulary import ISSUE_TERMINAL, IssueStatus

RESUME_FOREIGN = "Agent cannot resume another agent's issue"
SNIPPET = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What the wishes come to. `reopens`: the issue is to become `todo`."""

    reopens: bool
    flags: Flags


def weigh(actor: Actor, issue: Issue, wishes: Wishes, *, assignee_id: UUID | None, spoken: bool) -> Effects:
    """Check the wishes (403, 409) and say what they come to. `assignee_id` is the agent that will own the issue.

    `spoken`: a comment comes with them. The caller has locked the issue; nothing is written.
    """
    if wishes.interrupt and not actor.is_board:
        raise Forbidden(INTERRUPT_BY_BOARD)
    ready = _readiness(issue, wishes)
    on = SpokenOn(
        status=issue.status,
        agent_owned=assignee_id is not None,
        has_blockers=bool(ready and ready.blockers),
        held=bool(ready and ready.hold),
    )
    if wishes.resume:
        _require_resumable(actor, on, assignee_id)
    flags = Flags(
        resume_intent=wishes.resume,
        follow_up_requested=wishes.resume,
        interrupted_run_id=running_run_id(issue) if wishes.interrupt else None,
    )
    return Effects(reopens=reopens(on, wishes, by_person=actor.is_board and spoken), flags=flags)


def _readiness(issue: Issue, wishes: Wishes) -> Readiness | None:
    matters = wishes.resume or issue.status == IssueStatus.BLOCKED
    return readiness_of(issue.company_id, [issue.pk]).get(issue.pk) if matters else None


def _require_resumable(actor: Actor, on: SpokenOn, assignee_id: UUID | None) -> None:
    refusal = resume_refusal(on)
    if refusal:
        raise Conflict(refusal)
    foreign = actor.is_agent and assignee_id is not None and actor.agent_id != assignee_id
    if foreign and assignee_id is not None and not oversees(actor, assignee_id):
        raise Forbidden(RESUME_FOREIGN)


def store_comment(actor: Actor, issue: Issue, body: str, flags: Flags) -> IssueComment:
    """Write the comment in the caller's transaction."""
    return IssueComment.objects.create(
        company_id=issue.company_id,
        issue=issue,
        body=body,
        author_agent_id=actor.agent_id,
        author_user_id=None if actor.is_agent else actor.user_id,
        created_by_run_id=actor.run_id,
        follow_up_requested=flags.follow_up_requested,
    )


def comment_row(actor: Actor, issue: Issue, comment: IssueComment, more: dict[str, Any]) -> ActivityEvent:
    """The activity of a comment."""
    details = {"commentId": str(comment.pk), "bodySnippet": comment.body[:SNIPPET], "issueTitle": issue.title, **more}
    return issue_row(actor, issue, "issue.comment_added", details)


def flag_details(flags: Flags) -> dict[str, Any]:
    """The flags that are set, as wakes and activity carry them."""
    details: dict[str, Any] = {}
    if flags.resume_intent:
        details["resumeIntent"] = True
    if flags.follow_up_requested:
        details["followUpRequested"] = True
    if flags.interrupted_run_id:
        details["interruptedRunId"] = str(flags.interrupted_run_id)
    return details


def human_action(actor: Actor, now: datetime) -> dict[str, Any]:
    """The column that a person's action sets: the retry ledger of the issue begins anew (spec/3 K.6)."""
    return {"last_human_action_at": now} if actor.is_board else {}


def is_closed(issue: Issue) -> bool:
    """Done or cancelled."""
    return issue.status in ISSUE_TERMINAL
