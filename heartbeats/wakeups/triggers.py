"""Turning what `issues` announces into wakeups and cancellations (spec/4 section 5).

Receivers run after commit and outside of any transaction. Each wake is asked for by itself: one that fails is logged
and counted, and keeps none of the others back. What was lost here is found again by the reconciling sweeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import structlog

from agents.actors import Actor
from agents.journal import activity, log_activity
from agents.models import ActivityEvent, Agent
from agents.vocabulary import AgentStatus
from config.common import after_commit
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import BY_CONTROL_PLANE, ISSUE_CANCELLED, cancel_run, cancel_runs_of_issue
from heartbeats.runs.leases import clear_detached
from heartbeats.vocabulary import ErrorCode, TriggerDetail
from heartbeats.wakeups import trigger_rules as rules
from heartbeats.wakeups.deferred import promote_orphaned_deferred
from heartbeats.wakeups.mentions import NamedAgent, mentioned_agents
from heartbeats.wakeups.request import AgentNotFound, WakeupAsk, WakeupConflict, request_wakeup
from heartbeats.wakeups.tree_holds import begin_hold, wakes_of_resumed
from issues import announcements as said
from issues.consequences import completed_parent, unblocked_by
from issues.vocabulary import HoldMode, IssueStatus

INTERRUPTED = "Interrupted by a comment"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def connect() -> None:
    """Listen to `issues`. Called once, when the app is ready; repeating changes nothing."""
    said.issue_created.connect(on_issue_created, dispatch_uid="wake.created")
    said.issue_updated.connect(on_issue_updated, dispatch_uid="wake.updated")
    said.issue_commented.connect(on_issue_commented, dispatch_uid="wake.commented")
    said.issue_checked_out.connect(on_issue_checked_out, dispatch_uid="wake.checked_out")
    said.issue_released.connect(on_issue_released, dispatch_uid="wake.released")
    said.interaction_resolved.connect(on_interaction_resolved, dispatch_uid="wake.interaction")
    said.tree_held.connect(on_tree_held, dispatch_uid="wake.tree_held")
    said.tree_restored.connect(on_tree_restored, dispatch_uid="wake.tree_restored")
    said.tree_resumed.connect(on_tree_resumed, dispatch_uid="wake.tree_resumed")


def on_issue_created(news: said.IssueCreated, **_: object) -> None:
    """W1."""
    _ask(rules.on_created(news), news.issue.company_id, news.actor, news.now)


def on_issue_updated(news: said.IssueUpdated, **_: object) -> None:
    """W2 to W8; then the run that was interrupted ends, or the one of an issue that was cancelled.

    The wake comes before the interruption: it waits behind the run that still lives, and what is released next is it
    and not an automatic recovery (spec/4 16, fault 2).
    """
    wakes = rules.on_updated(news, _mentioned(news.issue, news.comment))
    wakes += _of_closing(news.before, news.issue)
    _ask(rules.combine(wakes), news.issue.company_id, news.actor, news.now)
    cancelled = news.issue.status == IssueStatus.CANCELLED != news.before.status
    if cancelled:
        after_commit.call(_cancel_issue_runs, news.issue.id, ISSUE_CANCELLED, news.now)
    _interrupt(news.issue.company_id, news.flags, news.now)
    _shows_life(news.actor)


def on_issue_commented(news: said.IssueCommented, **_: object) -> None:
    """W5 to W7; then the interrupted run ends."""
    wakes = rules.on_commented(news, _mentioned(news.issue, news.comment))
    _ask(rules.combine(wakes), news.issue.company_id, news.actor, news.now)
    _interrupt(news.issue.company_id, news.flags, news.now)
    _shows_life(news.actor)


def on_issue_checked_out(news: said.IssueCheckedOut, **_: object) -> None:
    """W9."""
    _ask(rules.on_checked_out(news), news.issue.company_id, news.actor, news.now)


def on_issue_released(news: said.IssueReleased, **_: object) -> None:
    """Whatever waited for the lock goes on (spec/4 16, fault 1); nothing happens while a run lives."""
    promote_orphaned_deferred(news.issue.id, now=news.now)


def on_interaction_resolved(news: said.InteractionResolved, **_: object) -> None:
    """W10."""
    _ask(rules.on_interaction(news), news.issue.company_id, news.actor, news.now)


def on_tree_restored(news: said.TreeRestored, **_: object) -> None:
    """W12."""
    wakes = rules.on_restored(news)
    _ask(wakes, news.company_id, news.actor, news.now)
    if wakes:
        log_activity(*(_restored_row(news, wake) for wake in wakes))


def on_tree_resumed(news: said.TreeResumed, **_: object) -> None:
    """What the pause stopped goes on; where a hold further up remains, the wakeup's own gate says so."""
    _ask(wakes_of_resumed(news), news.company_id, news.actor, news.now)


def _restored_row(news: said.TreeRestored, wake: rules.Wake) -> ActivityEvent:
    details = {"restoreHoldId": str(news.hold_id), "agentId": str(wake.agent_id)}
    action = "issue.tree_restore_wakeup_requested"
    issue_id = str(wake.issue_id)
    return activity(news.actor, news.company_id, action, entity_type="issue", entity_id=issue_id, details=details)


def on_tree_held(news: said.TreeHeld, **_: object) -> None:
    """A pause or cancel ends the live runs of the tree; a cancel also wakes the parent above it (W8b)."""
    after_commit.call(begin_hold, news)
    if news.mode == HoldMode.CANCEL:
        _ask(_of_cancelled_tree(news), news.company_id, news.actor, news.now)


def _of_cancelled_tree(news: said.TreeHeld) -> list[rules.Wake]:
    inside = {issue.id for issue in news.issues}
    edge = [issue for issue in news.issues if issue.parent_id is not None and issue.parent_id not in inside]
    wakes: list[rules.Wake] = []
    for issue in edge:
        assert issue.parent_id is not None
        completed = completed_parent(news.company_id, issue.parent_id)
        wakes += rules.on_children_completed(issue, completed) if completed else []
    return rules.combine(wakes)


def _of_closing(before: said.IssueFacts, issue: said.IssueFacts) -> list[rules.Wake]:
    """W8."""
    wakes: list[rules.Wake] = []
    if issue.status == IssueStatus.DONE != before.status:
        wakes += rules.on_unblocked(issue, unblocked_by(issue.company_id, issue.id))
    if issue.is_closed and not before.is_closed and issue.parent_id is not None:
        completed = completed_parent(issue.company_id, issue.parent_id)
        wakes += rules.on_children_completed(issue, completed) if completed else []
    return wakes


def _ask(wakes: Iterable[rules.Wake], company_id: UUID, actor: Actor, now: datetime) -> None:
    for wake in wakes:
        after_commit.call(ask_for, wake, company_id, actor, now)


def ask_for(wake: rules.Wake, company_id: UUID, actor: Actor, now: datetime) -> None:
    """Ask for one wake. An agent that cannot be woken now is no fault: the reason is logged."""
    ask = WakeupAsk(
        agent_id=wake.agent_id,
        company_id=company_id,
        source=wake.source,
        trigger_detail=TriggerDetail.SYSTEM,
        reason=wake.reason,
        payload=wake.payload,
        context=wake.context,
        requested_by=actor,
    )
    try:
        request_wakeup(ask, now=now)
    except (WakeupConflict, AgentNotFound) as refused:
        log.info("wake_refused", agent_id=str(wake.agent_id), reason=wake.reason, why=str(refused))


def _mentioned(issue: said.IssueFacts, comment: said.CommentFacts | None) -> list[UUID]:
    if comment is None or ("@" not in comment.body and "agent://" not in comment.body.casefold()):
        return []
    rows = Agent.objects.filter(company_id=issue.company_id).exclude(status=AgentStatus.TERMINATED)
    known = [
        NamedAgent(str(agent_id), name) for agent_id, name in rows.order_by("created_at").values_list("id", "name")
    ]
    author = str(comment.author_agent_id) if comment.author_agent_id else None
    return [UUID(agent_id) for agent_id in mentioned_agents(comment.body, known, author_agent_id=author)]


def _interrupt(company_id: UUID, flags: said.Flags, now: datetime) -> None:
    if flags.interrupted_run_id is not None:
        after_commit.call(_cancel_run, flags.interrupted_run_id, company_id, now)


def _shows_life(actor: Actor) -> None:
    """A run that speaks is not detached, whatever was marked on it (spec/4 0, run header 3)."""
    if actor.run_id is not None and actor.is_agent:
        after_commit.call(_clear_detached, actor.run_id)


def _clear_detached(run_id: UUID) -> None:
    marked = HeartbeatRun.objects.filter(pk=run_id, error_code=ErrorCode.PROCESS_DETACHED)
    for epoch in marked.values_list("epoch", flat=True):
        clear_detached(run_id, epoch=epoch)


def _cancel_run(run_id: UUID, company_id: UUID, now: datetime) -> None:
    cancel_run(run_id, now=now, reason=f"{BY_CONTROL_PLANE}: {INTERRUPTED}", company_id=company_id)


def _cancel_issue_runs(issue_id: UUID, reason: str, now: datetime) -> None:
    cancel_runs_of_issue(issue_id, reason=reason, now=now)
    promote_orphaned_deferred(issue_id, now=now)
