"""Turning what `issues` announces into intents: wakeups, cancellations, promotions (spec/4 section 5).

Listeners run in the transaction of the change and write only what is to follow its commit, so that nothing which was
announced can be lost. A fault in a rule is logged and never fails the change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from typing import Protocol, TypeVar
from uuid import UUID

import structlog
from django.db import DatabaseError

from agents.actors import Actor
from agents.journal import activity, log_activity
from agents.models import ActivityEvent, Agent
from agents.vocabulary import AgentStatus
from config.common import after_commit
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import ISSUE_CANCELLED
from heartbeats.runs.leases import clear_detached
from heartbeats.vocabulary import ErrorCode
from heartbeats.wakeups import deeds
from heartbeats.wakeups import trigger_rules as rules
from heartbeats.wakeups.intents import Wanted, intend
from heartbeats.wakeups.mentions import NamedAgent, mentioned_agents
from heartbeats.wakeups.tree_holds import begin_hold, wakes_of_resumed
from issues import announcements as said
from issues.vocabulary import HoldMode, IssueStatus

News = TypeVar("News")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def connect() -> None:
    """Listen to `issues`. Called once, when the app is ready; repeating changes nothing."""
    said.issue_created.connect(on_issue_created)
    said.issue_updated.connect(on_issue_updated)
    said.issue_commented.connect(on_issue_commented)
    said.issue_checked_out.connect(on_issue_checked_out)
    said.issue_released.connect(on_issue_released)
    said.interaction_resolved.connect(on_interaction_resolved)
    said.tree_held.connect(on_tree_held)
    said.tree_restored.connect(on_tree_restored)
    said.tree_resumed.connect(on_tree_resumed)


def _forgiven(listener: Callable[[News], None]) -> Callable[[News], None]:
    """What a rule raises must not undo the change; what the database refuses has undone it already."""

    @wraps(listener)
    def listen(news: News) -> None:
        try:
            listener(news)
        except DatabaseError:
            raise
        except Exception:
            log.exception("wake_rules_failed", news=type(news).__name__)

    return listen


@_forgiven
def on_issue_created(news: said.IssueCreated) -> None:
    """W1."""
    _intend(news.issue.company_id, news, [deeds.wake(one) for one in rules.on_created(news)])


@_forgiven
def on_issue_updated(news: said.IssueUpdated) -> None:
    """W2 to W8; then the run that was interrupted ends, or the one of an issue that was cancelled.

    The wake comes before the interruption: it waits behind the run that still lives, and what is released next is it
    and not an automatic recovery (spec/4 16, fault 2).
    """
    issue, before = news.issue, news.before
    wakes = rules.combine(rules.on_updated(news, _mentioned(issue, news.comment)))
    wanted = [deeds.wake(one) for one in wakes]
    done = issue.status == IssueStatus.DONE != before.status
    closed = issue.is_closed and not before.is_closed
    if done or closed:
        wanted.append(deeds.follow_closing(issue, done=done, closed=closed))
    if issue.status == IssueStatus.CANCELLED != before.status:
        wanted.append(deeds.end_runs(issue, ISSUE_CANCELLED))
    _intend(issue.company_id, news, [*wanted, *_interruption(news.flags)])
    _shows_life(news.actor)


@_forgiven
def on_issue_commented(news: said.IssueCommented) -> None:
    """W5 to W7; then the interrupted run ends."""
    wakes = rules.combine(rules.on_commented(news, _mentioned(news.issue, news.comment)))
    _intend(news.issue.company_id, news, [*(deeds.wake(one) for one in wakes), *_interruption(news.flags)])
    _shows_life(news.actor)


@_forgiven
def on_issue_checked_out(news: said.IssueCheckedOut) -> None:
    """W9."""
    _intend(news.issue.company_id, news, [deeds.wake(one) for one in rules.on_checked_out(news)])


@_forgiven
def on_issue_released(news: said.IssueReleased) -> None:
    """Whatever waited for the lock goes on (spec/4 16, fault 1)."""
    _intend(news.issue.company_id, news, [deeds.promote(news.issue)])


@_forgiven
def on_interaction_resolved(news: said.InteractionResolved) -> None:
    """W10."""
    _intend(news.issue.company_id, news, [deeds.wake(one) for one in rules.on_interaction(news)])


@_forgiven
def on_tree_restored(news: said.TreeRestored) -> None:
    """W12."""
    wakes = rules.on_restored(news)
    _intend(news.company_id, news, [deeds.wake(one) for one in wakes])
    if wakes:
        log_activity(*(_restored_row(news, one) for one in wakes))


@_forgiven
def on_tree_resumed(news: said.TreeResumed) -> None:
    """What the pause stopped goes on; where a hold further up remains, the wakeup's own gate says so."""
    _intend(news.company_id, news, [deeds.wake(one) for one in wakes_of_resumed(news)])


@_forgiven
def on_tree_held(news: said.TreeHeld) -> None:
    """A pause or cancel ends the live runs of the tree; a cancel also wakes the parent above it (W8b).

    The hold itself says what is to end: what is lost here, the reconciling sweep finds by it.
    """
    after_commit.call(begin_hold, news)
    if news.mode == HoldMode.CANCEL:
        inside = {issue.id for issue in news.issues}
        edge = {issue.parent_id: issue for issue in news.issues if issue.parent_id not in {None, *inside}}
        wanted = [deeds.follow_closing(issue, done=False, closed=True) for issue in edge.values()]
        _intend(news.company_id, news, wanted)


def _restored_row(news: said.TreeRestored, one: rules.Wake) -> ActivityEvent:
    details = {"restoreHoldId": str(news.hold_id), "agentId": str(one.agent_id)}
    action = "issue.tree_restore_wakeup_requested"
    issue_id = str(one.issue_id)
    return activity(news.actor, news.company_id, action, entity_type="issue", entity_id=issue_id, details=details)


def _interruption(flags: said.Flags) -> list[Wanted]:
    return [deeds.interrupt(flags.interrupted_run_id)] if flags.interrupted_run_id else []


def _intend(company_id: UUID, news: _Told, wanted: Sequence[Wanted]) -> None:
    intend(company_id, news.actor, wanted, now=news.now)


class _Told(Protocol):
    """What all news have: who did it, and when."""

    @property
    def actor(self) -> Actor:
        """Who did it."""

    @property
    def now(self) -> datetime:
        """When."""


def _mentioned(issue: said.IssueFacts, comment: said.CommentFacts | None) -> list[UUID]:
    if comment is None or ("@" not in comment.body and "agent://" not in comment.body.casefold()):
        return []
    rows = Agent.objects.filter(company_id=issue.company_id).exclude(status=AgentStatus.TERMINATED)
    known = [
        NamedAgent(str(agent_id), name) for agent_id, name in rows.order_by("created_at").values_list("id", "name")
    ]
    author = str(comment.author_agent_id) if comment.author_agent_id else None
    return [UUID(agent_id) for agent_id in mentioned_agents(comment.body, known, author_agent_id=author)]


def _shows_life(actor: Actor) -> None:
    """A run that speaks is not detached, whatever was marked on it (spec/4 0, run header 3)."""
    if actor.run_id is not None and actor.is_agent:
        after_commit.call(_clear_detached, actor.run_id)


def _clear_detached(run_id: UUID) -> None:
    marked = HeartbeatRun.objects.filter(pk=run_id, error_code=ErrorCode.PROCESS_DETACHED)
    for epoch in marked.values_list("epoch", flat=True):
        clear_detached(run_id, epoch=epoch)
