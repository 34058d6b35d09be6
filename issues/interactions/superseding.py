"""Questions that a person's comment makes pointless."""

from __future__ import annotations

from datetime import datetime

from agents.actors import Actor
from agents.journal import log_activity
from agents.models import ActivityEvent
from issues.models import Interaction, Issue, IssueComment
from issues.trail import issue_row
from issues.vocabulary import InteractionKind, InteractionStatus

ASKS_FOR_IT = "supersedeOnUserComment"


def expire_superseded(actor: Actor, issue: Issue, comment: IssueComment, *, now: datetime) -> int:
    """A person spoke: confirmations that said so expire, and wake nobody. The caller has locked the issue. How many."""
    if not actor.is_board:
        return 0
    waiting = Interaction.objects.filter(
        issue=issue, status=InteractionStatus.PENDING, kind=InteractionKind.REQUEST_CONFIRMATION
    )
    expired = [row for row in waiting if row.payload.get(ASKS_FOR_IT) is True]
    if not expired:
        return 0
    result = {"version": 1, "outcome": "superseded_by_comment", "commentId": str(comment.pk)}
    Interaction.objects.filter(pk__in=[row.pk for row in expired]).update(
        status=InteractionStatus.EXPIRED,
        result=result,
        resolved_at=now,
        resolved_by_user_id=actor.user_id,
        updated_at=now,
    )
    log_activity(*(_row(actor, issue, row) for row in expired))
    return len(expired)


def _row(actor: Actor, issue: Issue, row: Interaction) -> ActivityEvent:
    details = {"interactionId": str(row.pk), "interactionKind": str(row.kind), "interactionStatus": "expired"}
    return issue_row(actor, issue, "issue.thread_interaction_expired", details)
