"""Which wakes a change of an issue asks for: rules W1 to W12 of spec/4 section 5, as pure functions.

A wake is listed in the order of the rules. `combine` keeps one per agent and issue: the later rule's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from heartbeats.vocabulary import WakeReason, WakeupSource
from issues.announcements import (
    CommentFacts,
    Flags,
    InteractionResolved,
    IssueCheckedOut,
    IssueCommented,
    IssueCreated,
    IssueFacts,
    IssueUpdated,
    TreeRestored,
)
from issues.consequences import ChildrenCompleted, Unblocked
from issues.vocabulary import IssueStatus

Json = dict[str, Any]

_REVIVING = {IssueStatus.DONE, IssueStatus.CANCELLED, IssueStatus.BLOCKED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """One agent to be woken about one issue (None: about nothing in particular)."""

    agent_id: UUID
    issue_id: UUID | None
    source: WakeupSource
    reason: str
    payload: Mapping[str, Any]
    context: Mapping[str, Any]


def combine(wakes: Iterable[Wake]) -> list[Wake]:
    """One wake per agent and issue: of several the last one counts."""
    return list({(wake.agent_id, wake.issue_id): wake for wake in wakes}.values())


def on_created(news: IssueCreated) -> list[Wake]:
    """W1: the assignee of a new issue, unless it lies in the backlog (or is closed already)."""
    issue = news.issue
    if issue.assignee_agent_id is None or issue.status == IssueStatus.BACKLOG or issue.is_closed:
        return []
    payload = {"issueId": str(issue.id), "mutation": "create"}
    context = {"issueId": str(issue.id), "source": news.source}
    return [_wake(issue, issue.assignee_agent_id, WakeupSource.ASSIGNMENT, WakeReason.ISSUE_ASSIGNED, payload, context)]


def on_updated(news: IssueUpdated, mentioned: Sequence[UUID] = ()) -> list[Wake]:
    """W2 to W7 for a PATCH: the stage's participant, else the new assignee, else the assignee; then its comment."""
    wakes = _moved(news)
    if news.comment is None:
        return wakes
    if not news.assignee_changed:
        wakes += _spoken_to_assignee(news, news.comment)
    return wakes + _mentions(news.issue, news.comment, mentioned)


def on_commented(news: IssueCommented, mentioned: Sequence[UUID] = ()) -> list[Wake]:
    """W5 to W7 for a comment; the assignee's own wake wins over a mention of it."""
    return _mentions(news.issue, news.comment, mentioned) + _spoken_to_assignee(news, news.comment)


def on_unblocked(blocker: IssueFacts, unblocked: Iterable[Unblocked]) -> list[Wake]:
    """W8a: the assignee of each issue that waited for this one and waits for none now."""
    wakes = []
    for waited in unblocked:
        facts: Json = {
            "issueId": str(waited.issue.id),
            "resolvedBlockerIssueId": str(blocker.id),
            "blockerIssueIds": [str(blocker_id) for blocker_id in waited.blocker_ids],
        }
        wakes += _resolved(waited.issue, WakeReason.ISSUE_BLOCKERS_RESOLVED, "issue.blockers_resolved", facts)
    return wakes


def on_children_completed(child: IssueFacts, completed: ChildrenCompleted) -> list[Wake]:
    """W8b: the parent's assignee, with what the children came to."""
    facts: Json = {
        "issueId": str(completed.issue.id),
        "completedChildIssueId": str(child.id),
        "childIssueIds": [str(child_id) for child_id in completed.child_ids],
        "childIssueSummaries": [dict(summary) for summary in completed.summaries],
        "childIssueSummaryTruncated": completed.truncated,
    }
    return _resolved(completed.issue, WakeReason.ISSUE_CHILDREN_COMPLETED, "issue.children_completed", facts)


def on_checked_out(news: IssueCheckedOut) -> list[Wake]:
    """W9: the agent for which somebody else checked an issue out."""
    if news.by_its_own_run:
        return []
    issue_id = str(news.issue.id)
    payload = {"issueId": issue_id, "mutation": "checkout"}
    context = {"issueId": issue_id, "source": "issue.checkout"}
    return [_wake(news.issue, news.agent_id, WakeupSource.ASSIGNMENT, WakeReason.ISSUE_CHECKED_OUT, payload, context)]


def on_interaction(news: InteractionResolved) -> list[Wake]:
    """W10: the assignee, when the answered question said so and the issue is open."""
    issue = news.issue
    if not news.wakes_assignee or issue.is_closed or issue.assignee_agent_id is None:
        return []
    facts: Json = {
        "issueId": str(issue.id),
        "interactionId": str(news.interaction_id),
        "interactionKind": news.kind,
        "interactionStatus": news.status,
        "sourceCommentId": str(news.source_comment_id) if news.source_comment_id else None,
        "sourceRunId": str(news.source_run_id) if news.source_run_id else None,
    }
    reason = WakeReason.ISSUE_COMMENTED
    context = {**facts, **_told(issue, reason), "source": f"issue.interaction.{news.action}"}
    payload = {**facts, "mutation": "interaction"}
    return [_wake(issue, issue.assignee_agent_id, WakeupSource.AUTOMATION, reason, payload, context)]


def on_restored(news: TreeRestored) -> list[Wake]:
    """W12: the assignee of each restored issue, when the operator asked for it."""
    if not news.wake_agents:
        return []
    wakes = []
    for issue in news.issues:
        if issue.assignee_agent_id is None or issue.is_closed or issue.status == IssueStatus.BACKLOG:
            continue
        facts = {
            "issueId": str(issue.id),
            "rootIssueId": str(news.root_issue_id),
            "restoreHoldId": str(news.hold_id),
        }
        reason = WakeReason.ISSUE_TREE_RESTORED
        context = {**facts, **_told(issue, reason), "source": "issue.tree_restore"}
        wakes.append(_wake(issue, issue.assignee_agent_id, WakeupSource.ASSIGNMENT, reason, facts, context))
    return wakes


def flags_of(flags: Flags) -> Json:
    """The flags that are set, as payloads and contexts carry them."""
    told: Json = {}
    if flags.resume_intent:
        told["resumeIntent"] = True
    if flags.follow_up_requested:
        told["followUpRequested"] = True
    if flags.interrupted_run_id is not None:
        told["interruptedRunId"] = str(flags.interrupted_run_id)
    return told


def _moved(news: IssueUpdated) -> list[Wake]:
    if news.stage is not None:
        return [_stage_wake(news)]
    if news.assignee_changed:
        return _assigned(news)
    return _status_changed(news)


def _stage_wake(news: IssueUpdated) -> Wake:
    """W2."""
    stage = news.stage
    assert stage is not None
    interrupted = {name: value for name, value in flags_of(news.flags).items() if name == "interruptedRunId"}
    issue_id, facts = str(news.issue.id), dict(stage.facts)
    payload = {"issueId": issue_id, "mutation": "update", "executionStage": facts, **interrupted}
    context = {
        **_told(news.issue, stage.reason),
        "source": "issue.execution_stage",
        "executionStage": facts,
        **interrupted,
    }
    return _wake(news.issue, stage.agent_id, WakeupSource.ASSIGNMENT, stage.reason, payload, context)


def _assigned(news: IssueUpdated) -> list[Wake]:
    """W3."""
    issue = news.issue
    if issue.assignee_agent_id is None or issue.status == IssueStatus.BACKLOG:
        return []
    flags, issue_id = flags_of(news.flags), str(issue.id)
    comment_id = str(news.comment.id) if news.comment else None
    payload: Json = {"issueId": issue_id, "mutation": "update", **flags}
    context: Json = {"issueId": issue_id, "source": "issue.update", **flags}
    if comment_id:
        payload["commentId"] = comment_id
        context |= {"taskId": issue_id, "commentId": comment_id, "wakeCommentId": comment_id}
    return [_wake(issue, issue.assignee_agent_id, WakeupSource.ASSIGNMENT, WakeReason.ISSUE_ASSIGNED, payload, context)]


def _status_changed(news: IssueUpdated) -> list[Wake]:
    """W4."""
    before, issue = news.before.status, news.issue
    left_backlog = before == IssueStatus.BACKLOG and issue.status != IssueStatus.BACKLOG
    revived = before in _REVIVING and issue.status == IssueStatus.TODO
    if issue.assignee_agent_id is None or not (left_backlog or revived):
        return []
    flags, issue_id = flags_of(news.flags), str(issue.id)
    payload = {"issueId": issue_id, "mutation": "update", **flags}
    context = {"issueId": issue_id, "source": "issue.status_change", **flags}
    reason = WakeReason.ISSUE_STATUS_CHANGED
    return [_wake(issue, issue.assignee_agent_id, WakeupSource.AUTOMATION, reason, payload, context)]


def _spoken_to_assignee(news: IssueUpdated | IssueCommented, comment: CommentFacts) -> list[Wake]:
    """W5, or W6 when the comment reopened the issue."""
    issue = news.issue
    if issue.assignee_agent_id is None:
        return []
    reopened = news.reopened_from is not None
    own = comment.author_agent_id == issue.assignee_agent_id
    if not reopened and (own or issue.is_closed):
        return []
    reason = WakeReason.ISSUE_REOPENED_VIA_COMMENT if reopened else WakeReason.ISSUE_COMMENTED
    more = {"reopenedFrom": str(news.reopened_from)} if reopened else {}
    said = {**more, **flags_of(news.flags)}
    payload = {"issueId": str(issue.id), "commentId": str(comment.id), "mutation": "comment", **said}
    source = "issue.comment.reopen" if reopened else "issue.comment"
    context = {**_told(issue, reason), **_by_comment(comment), "source": source, **said}
    return [_wake(issue, issue.assignee_agent_id, WakeupSource.AUTOMATION, reason, payload, context)]


def _mentions(issue: IssueFacts, comment: CommentFacts, mentioned: Sequence[UUID]) -> list[Wake]:
    """W7."""
    reason = WakeReason.ISSUE_COMMENT_MENTIONED
    payload = {"issueId": str(issue.id), "commentId": str(comment.id)}
    context = {**_told(issue, reason), **_by_comment(comment), "source": "comment.mention"}
    return [
        _wake(issue, agent_id, WakeupSource.AUTOMATION, reason, payload, context)
        for agent_id in mentioned
        if agent_id != comment.author_agent_id
    ]


def _resolved(issue: IssueFacts, reason: WakeReason, source: str, facts: Json) -> list[Wake]:
    if issue.assignee_agent_id is None:
        return []
    context = {**facts, **_told(issue, reason), "source": source}
    return [_wake(issue, issue.assignee_agent_id, WakeupSource.AUTOMATION, reason, facts, context)]


def _told(issue: IssueFacts, reason: str) -> Json:
    return {"issueId": str(issue.id), "taskId": str(issue.id), "wakeReason": str(reason)}


def _by_comment(comment: CommentFacts) -> Json:
    return {"commentId": str(comment.id), "wakeCommentId": str(comment.id)}


def _wake(
    issue: IssueFacts,
    agent_id: UUID,
    source: WakeupSource,
    reason: str,
    payload: Mapping[str, Any],
    context: Mapping[str, Any],
) -> Wake:
    return Wake(
        agent_id=agent_id, issue_id=issue.id, source=source, reason=str(reason), payload=payload, context=context
    )
