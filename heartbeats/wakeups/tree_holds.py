"""What a hold on a tree of issues does to runs, and what its end wakes (spec/4 section 6).

The answer to an operator waits at most a second for runs to end; the rest is a worker's, and the sweep's if that
message is lost. What a pause stopped is woken when the pause is released; what rested before it goes on resting.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.db.models.functions import Now

from agents.actors import Actor
from agents.journal import activity, log_activity
from config.common.after_commit import send_task
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.cancelling import cancel_runs_of_issue
from heartbeats.runs.lifecycle import WAKEUP_MOVES
from heartbeats.vocabulary import RunStatus, WakeReason, WakeupSource, WakeupStatus
from heartbeats.wakeups.deferred import promote_orphaned_deferred
from heartbeats.wakeups.trigger_rules import Wake
from issues import announcements as said
from issues.holds.draining import HeldTree, held_tree, release_drained
from issues.models import Issue
from issues.vocabulary import ISSUE_ACTIVE, HoldMode

TREE_PAUSED = "Cancelled because an operator paused the issue tree (pause hold)"
TREE_CANCELLED = "Cancelled because an operator cancelled the issue tree"
WAIT_SECONDS = 1.0
TASK = "heartbeats.tasks.end_held_runs"
HELD_BACK = "issue_tree_hold_active"
INTERRUPTED = "issue.tree_hold_run_interrupted"
FAILED = "issue.tree_hold_run_interrupt_failed"
DROPPED = "issue.tree_hold_wakeup_deferred"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def begin_hold(news: said.TreeHeld, *, wait_seconds: float = WAIT_SECONDS) -> None:
    """End the runs of the tree, as many as `wait_seconds` allow; a worker ends the others."""
    tree = HeldTree(news.company_id, news.root_issue_id, news.hold_id, news.mode, [issue.id for issue in news.issues])
    if not end_held_runs(tree, news.actor, now=news.now, wait_seconds=wait_seconds):
        send_task(TASK, news.hold_id)


def end_hold_of(hold_id: UUID, actor: Actor, *, now: datetime) -> bool:
    """End what still runs under a hold; True when nothing is left of it to do. For workers and sweeps; repeatable."""
    tree = held_tree(hold_id)
    return tree is None or end_held_runs(tree, actor, now=now)


def end_held_runs(tree: HeldTree, actor: Actor, *, now: datetime, wait_seconds: float | None = None) -> bool:
    """End the live runs and drop the waiting wakeups of these issues; False when something is left to do.

    A hold whose policy says so ends with the last run. Locks each run's agent, issue and run in turn. What raises
    costs its own issue only.
    """
    began, all_ended = time.monotonic(), True
    for issue_id in _with_work(tree):
        if wait_seconds is not None and time.monotonic() - began >= wait_seconds:
            return False
        all_ended &= _end_runs_of(tree, issue_id, actor, now)
    release_drained(tree.hold_id, now=now)
    return all_ended


def _with_work(tree: HeldTree) -> list[UUID]:
    """The issues on which a run lives or a wakeup waits, in the order of the tree. Two statements."""
    live = HeartbeatRun.objects.live().filter(issue_id__in=tree.issue_ids)
    if tree.since is not None:  # whoever began under the hold was let through it (a verified interaction)
        live = live.filter(created_at__lt=tree.since)
    waiting = WakeupRequest.objects.deferred().filter(issue_id__in=tree.issue_ids)
    concerned = {*live.values_list("issue_id", flat=True), *waiting.values_list("issue_id", flat=True)}
    return [issue_id for issue_id in tree.issue_ids if issue_id in concerned]


def _end_runs_of(tree: HeldTree, issue_id: UUID, actor: Actor, now: datetime) -> bool:
    reason = TREE_PAUSED if tree.mode == HoldMode.PAUSE else TREE_CANCELLED
    unclaimed = _unclaimed(tree, issue_id)
    try:
        if (
            tree.mode != HoldMode.PAUSE
        ):  # no hold is there to stop their promotion, and a comment would reopen the issue
            _drop_deferred(unclaimed, reason, now)
        cancelled = cancel_runs_of_issue(issue_id, reason=reason, now=now)
        promote_orphaned_deferred(issue_id, now=now)
    except Exception:
        log.exception("held_run_not_ended", issue_id=str(issue_id), hold_id=str(tree.hold_id))
        _log(tree, issue_id, actor, FAILED, [issue_id], entity_type="issue")
        return False
    _log(tree, issue_id, actor, INTERRUPTED, cancelled.run_ids, entity_type="heartbeat_run")
    dropped = WakeupRequest.objects.filter(pk__in=unclaimed, status=WakeupStatus.CANCELLED).order_by("pk")
    _log(tree, issue_id, actor, DROPPED, list(dropped.values_list("pk", flat=True)), entity_type="wakeup_request")
    _log(tree, issue_id, actor, FAILED, cancelled.failed, entity_type="heartbeat_run")
    return not cancelled.failed


def _unclaimed(tree: HeldTree, issue_id: UUID) -> list[UUID]:
    """The wakeups of the issue that no run has taken up yet, as far as they were asked for before the hold."""
    waiting = WakeupRequest.objects.filter(issue_id=issue_id, status__in=(WakeupStatus.QUEUED, WakeupStatus.DEFERRED))
    if tree.since is not None:
        waiting = waiting.filter(requested_at__lt=tree.since)
    return list(waiting.values_list("pk", flat=True))


def _drop_deferred(wakeup_ids: Sequence[UUID], reason: str, now: datetime) -> None:
    if wakeup_ids:
        WAKEUP_MOVES.move_all(
            WakeupRequest.objects.filter(pk__in=wakeup_ids),
            to=WakeupStatus.CANCELLED,
            expected={WakeupStatus.DEFERRED},
            finished_at=now,
            error=reason,
            updated_at=Now(),
        )


def _log(
    tree: HeldTree, issue_id: UUID, actor: Actor, action: str, entity_ids: Sequence[UUID], *, entity_type: str
) -> None:
    details = {"holdId": str(tree.hold_id), "rootIssueId": str(tree.root_issue_id), "issueId": str(issue_id)}
    if entity_ids:
        log_activity(
            *(
                activity(
                    actor,
                    tree.company_id,
                    action,
                    entity_type=entity_type,
                    entity_id=entity_id,
                    issue_id=issue_id,
                    details=details,
                )
                for entity_id in entity_ids
            )
        )


def wakes_of_resumed(news: said.TreeResumed) -> list[Wake]:
    """A wake for the agent of each active issue that the released holds stopped: a run of it, or a wakeup."""
    stopped = _stopped(news)
    issues = Issue.objects.agent_owned_active().filter(company_id=news.company_id, id__in=stopped).order_by("number")
    return [_wake(news, issue) for issue in issues]


def _stopped(news: said.TreeResumed) -> set[UUID]:
    if news.held_since is None:
        return set()
    newest = HeartbeatRun.objects.filter(issue_id__in=news.issue_ids).order_by("issue_id", "-created_at", "-id")
    last = newest.distinct("issue_id").values_list("issue_id", "status", "error")
    interrupted = {issue_id for issue_id, *end in last if end == [RunStatus.CANCELLED, TREE_PAUSED]}
    wakeups = WakeupRequest.objects.filter(
        issue_id__in=news.issue_ids,
        status__in=(WakeupStatus.SKIPPED, WakeupStatus.CANCELLED),
        requested_at__gte=news.held_since,
        reason=HELD_BACK,
    )
    return interrupted | set(wakeups.values_list("issue_id", flat=True))


def _wake(news: said.TreeResumed, issue: Issue) -> Wake:
    assert issue.assignee_agent_id is not None
    assert issue.status in ISSUE_ACTIVE
    facts = {"issueId": str(issue.pk), "rootIssueId": str(news.root_issue_id)}
    told = {"taskId": str(issue.pk), "wakeReason": WakeReason.ISSUE_TREE_RESUMED.value, "source": "issue.tree_resume"}
    return Wake(
        agent_id=issue.assignee_agent_id,
        issue_id=issue.pk,
        source=WakeupSource.AUTOMATION,
        reason=WakeReason.ISSUE_TREE_RESUMED,
        payload={**facts, "mutation": "resume"},
        context={**facts, **told},
    )
