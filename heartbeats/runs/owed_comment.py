"""The comment that a run owes its issue: its summary is posted; if nothing was said, it is asked once (spec/2 F)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from agents.actors import system
from agents.vocabulary import NOT_INVOKABLE
from heartbeats.models import HeartbeatRun
from heartbeats.readings import first_text
from heartbeats.runs.comment_policy import CommentDecision, CommentFacts, judge_comment
from heartbeats.runs.ending import Ending
from heartbeats.runs.issue_ledger import ledger_of
from heartbeats.runs.lifecycle import Note, add_notes
from heartbeats.runs.scheduling import queue_run, repeat_of, retry_context
from heartbeats.vocabulary import IssueCommentStatus, RetryReason, WakeReason
from heartbeats.wakeups.context import comment_ids
from heartbeats.wakeups.deferred import WaitingWakes
from issues.models import Issue, IssueComment
from issues.speech import comment_row
from issues.trail import record

COMMENT_CHARS = 20_000


def post_summary(ending: Ending, result: Mapping[str, Any] | None) -> UUID | None:
    """Post the run's summary as its agent's comment; the comment's id, None when there is nothing to say."""
    given = result or {}
    text = first_text(given.get("summary"), given.get("result"), given.get("message"))
    if ending.issue is None or text is None:
        return None
    return post_for_agent(ending.issue, ending.run, text.strip()[:COMMENT_CHARS])


def post_for_agent(issue: Issue, run: HeartbeatRun, body: str) -> UUID:
    """A comment by the run's agent that the control plane writes: no action of the agent, and it wakes nobody."""
    comment = IssueComment(
        company_id=issue.company_id,
        issue_id=issue.pk,
        author_agent_id=run.agent_id,
        created_by_run_id=run.pk,
        body=body,
    )
    comment.save(force_insert=True)
    row = comment_row(system("heartbeat"), issue, comment, {"agentId": str(run.agent_id)})
    row.run_id = run.pk
    record(issue, row)
    return comment.pk


def settle_comment(
    ending: Ending, own_comment_id: UUID | None, waiting: WaitingWakes, *, now: datetime
) -> HeartbeatRun | None:
    """Keep whether the run left the comment it owed; the follow-up run that asks for it, if one is queued.

    The rows of `ending` are locked, the run is terminal, and a bounded retry has taken the lock already if there is
    one.
    """
    decision = judge_comment(_facts(ending, own_comment_id, waiting))
    follow_up = _ask_once(ending, now) if decision.queue_follow_up else None
    if decision.status != IssueCommentStatus.NOT_APPLICABLE:
        _keep(ending.run, decision, now)
    if decision.message is not None:
        facts = {"issueId": str(ending.run.issue_id), "followUpRunId": str(follow_up.pk) if follow_up else None}
        add_notes(ending.run, Note(decision.message, level=decision.level or "info", payload=facts))
    return follow_up


def _facts(ending: Ending, own_comment_id: UUID | None, waiting: WaitingWakes) -> CommentFacts:
    issue, run = ending.issue, ending.run
    may_ask = (
        issue is not None
        and own_comment_id is None
        and issue.execution_run_id == run.pk
        and run.wake_reason in WakeReason.OWES_COMMENT
    )
    return CommentFacts(
        issue_id=str(issue.pk) if issue else None,
        wake_reason=run.wake_reason,
        retry_reason=run.retry_reason,
        own_comment_id=str(own_comment_id) if own_comment_id else None,
        deferred_comment_wake=any(comment_ids(wake.context) for wake in waiting.wakes),
        holds_lock=issue is not None and issue.execution_run_id == run.pk,
        agent_invokable=ending.agent.status not in NOT_INVOKABLE,
        ledger_allows=ledger_of(issue).allows if may_ask and issue else True,
    )


def _ask_once(ending: Ending, now: datetime) -> HeartbeatRun:
    run, reason = ending.run, RetryReason.MISSING_ISSUE_COMMENT
    facts = {
        "wakeReason": WakeReason.MISSING_ISSUE_COMMENT.value,
        "retryReason": reason.value,
        "missingIssueCommentForRunId": str(run.pk),
    }
    new = repeat_of(
        run,
        ending.agent,
        reason=WakeReason.MISSING_ISSUE_COMMENT,
        retry_reason=reason,
        context=retry_context(run, **facts),
    )
    follow_up = queue_run(new, now=now)
    if ending.issue is not None:
        ending.issue.execution_run_id = follow_up.pk
    return follow_up


def _keep(run: HeartbeatRun, decision: CommentDecision, now: datetime) -> None:
    columns: dict[str, Any] = {
        "issue_comment_status": decision.status.value,
        "issue_comment_satisfied_by_comment_id": decision.comment_id,
        "issue_comment_retry_queued_at": now if decision.queue_follow_up else None,
    }
    HeartbeatRun.objects.filter(pk=run.pk).update(**columns, updated_at=Now())
    for name, value in columns.items():
        setattr(run, name, value)
