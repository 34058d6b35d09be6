"""Speaking on an issue, and taking a comment back (spec/4 section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from config.common.wire.errors import Conflict, Forbidden, NotFound
from issues import announcements as news
from issues.access import locked_issue_for
from issues.interactions.superseding import expire_superseded
from issues.lifecycle import change_issue, touch_issue
from issues.models import Issue, IssueComment
from issues.ownership import authorise_mutation
from issues.runs import RUNNING, runs
from issues.speech import Effects, comment_row, flag_details, human_action, store_comment, weigh
from issues.speech_rules import Wishes
from issues.trail import issue_row, record
from issues.vocabulary import IssueStatus

NOT_AUTHOR = "Only the author can withdraw a comment"
NOTHING_RUNS = "Comment cannot be withdrawn: no run is active"
SEEN_ALREADY = "Comment cannot be withdrawn: the active run has it already"


@dataclass(frozen=True, slots=True)
class Commented:
    """The stored comment; `reopened_from` is the status that the issue left for `todo`, None if it did not."""

    comment: IssueComment
    issue: Issue
    reopened_from: IssueStatus | None


def add_comment(actor: Actor, ref: UUID | str, body: str, wishes: Wishes, *, now: datetime) -> Commented:
    """Store a comment and what it asks for in one transaction; wakes and interruption follow after commit (W5–W7).

    Locks the issue. 401, 403, 409 by the agent mutation rule and as `weigh` says.
    """
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        authorise_mutation(actor, issue, now=now)
        effects = weigh(actor, issue, wishes, assignee_id=issue.assignee_agent_id, spoken=True)
        before = news.facts_of(issue)
        reopened_from = before.status if effects.reopens else None
        comment = store_comment(actor, issue, body, effects.flags)
        status = {"status": IssueStatus.TODO} if effects.reopens else {}
        change_issue(issue, {**status, **human_action(actor, now)}, now=now)
        touch_issue(issue, now=now)
        expire_superseded(actor, issue, comment, now=now)
        _log(actor, issue, comment, effects, reopened_from)
        spoken = news.IssueCommented(
            before=before,
            issue=news.facts_of(issue),
            comment=news.comment_facts(comment),
            actor=actor,
            now=now,
            reopened_from=reopened_from,
            flags=effects.flags,
        )
        news.tell(news.issue_commented, spoken)
    return Commented(comment, issue, reopened_from)


def _log(
    actor: Actor, issue: Issue, comment: IssueComment, effects: Effects, reopened_from: IssueStatus | None
) -> None:
    flags = flag_details(effects.flags)
    reopened = {"reopened": True, "reopenedFrom": str(reopened_from)} if reopened_from else {}
    rows = [comment_row(actor, issue, comment, {**flags, **reopened})]
    if reopened_from:
        details = {"status": "todo", **reopened, "source": "comment", "_previous": {"status": str(reopened_from)}}
        rows.insert(0, issue_row(actor, issue, "issue.updated", {**details, **flags}))
    record(issue, *rows)


def comment_of(issue: Issue, comment_id: UUID) -> IssueComment:
    """A comment of this very issue, else 404."""
    comment = IssueComment.objects.filter(id=comment_id, issue=issue).first()
    if comment is None:
        raise NotFound.of("Comment")
    return comment


def withdraw_comment(actor: Actor, ref: UUID | str, comment_id: UUID, *, now: datetime) -> IssueComment:
    """Take back a comment that still waits behind the active run; returns what it was. Locks the issue.

    403 for anybody but its author; 409 when no run is active, or when the run began after the comment and has it.
    """
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        comment = comment_of(issue, comment_id)
        _require_author(actor, comment)
        _require_unread(issue, comment)
        change_issue(issue, human_action(actor, now), now=now)
        record(issue, issue_row(actor, issue, "issue.comment_cancelled", {"commentId": str(comment.pk)}))
        IssueComment.objects.filter(pk=comment.pk).delete()
    return comment


def _require_author(actor: Actor, comment: IssueComment) -> None:
    mine = comment.author_agent_id == actor.agent_id if actor.is_agent else comment.author_user_id == actor.user_id
    if not mine:
        raise Forbidden(NOT_AUTHOR)


def _require_unread(issue: Issue, comment: IssueComment) -> None:
    began = runs(issue.company_id).filter(issue_id=issue.pk, status=RUNNING).values_list("started_at", flat=True)
    started_at = began.first()
    if started_at is None:
        raise Conflict(NOTHING_RUNS)
    if comment.created_at < started_at:
        raise Conflict(SEEN_ALREADY)
