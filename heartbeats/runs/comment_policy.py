"""Whether a run left the comment that it owed, and what happens if not (spec/2 F)."""

from __future__ import annotations

from dataclasses import dataclass

from heartbeats.vocabulary import IssueCommentStatus, RetryReason, WakeReason

_EXHAUSTED = "Run ended without an issue comment after one retry; no further comment wake is queued"
_DEFERRED = "Run ended without an issue comment; a deferred comment wake waits for this issue already"
_QUEUED = "Run ended without an issue comment; one follow-up run is queued to ask for it"
_UNABLE = "Run ended without an issue comment, and no follow-up run could be queued"


@dataclass(frozen=True, kw_only=True)
class CommentFacts:
    """What decides. ``ledger_allows``: the issue's automatic runs are below their cap (spec/3 K.6)."""

    issue_id: str | None
    wake_reason: str | None
    retry_reason: str | None
    own_comment_id: str | None
    deferred_comment_wake: bool
    holds_lock: bool
    agent_invokable: bool = True
    ledger_allows: bool = True


@dataclass(frozen=True)
class CommentDecision:
    """The status to keep. ``queue_follow_up``: one run with wake and retry reason ``missing_issue_comment``.

    ``level`` and ``message`` are the event to leave; no message, no event.
    """

    status: IssueCommentStatus
    comment_id: str | None = None
    queue_follow_up: bool = False
    level: str | None = None
    message: str | None = None


def judge_comment(facts: CommentFacts) -> CommentDecision:
    """Decide for one finished run, successful or not. The issue must be locked."""
    if facts.issue_id is None:
        return CommentDecision(IssueCommentStatus.NOT_APPLICABLE)
    if facts.own_comment_id is not None:
        return CommentDecision(IssueCommentStatus.SATISFIED, comment_id=facts.own_comment_id)
    if facts.retry_reason == RetryReason.MISSING_ISSUE_COMMENT:
        return CommentDecision(IssueCommentStatus.RETRY_EXHAUSTED, level="warn", message=_EXHAUSTED)
    if facts.wake_reason not in WakeReason.OWES_COMMENT:
        return CommentDecision(IssueCommentStatus.NOT_APPLICABLE)
    if facts.deferred_comment_wake:
        return CommentDecision(IssueCommentStatus.NOT_APPLICABLE, level="info", message=_DEFERRED)
    if facts.holds_lock and facts.agent_invokable and facts.ledger_allows:
        return CommentDecision(IssueCommentStatus.RETRY_QUEUED, queue_follow_up=True, level="warn", message=_QUEUED)
    return CommentDecision(IssueCommentStatus.RETRY_EXHAUSTED, level="warn", message=_UNABLE)
