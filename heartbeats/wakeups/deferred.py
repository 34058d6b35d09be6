"""Promoting wakeups that waited for an issue's live run (spec/2 H.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import system
from agents.vocabulary import ActorType
from config.common.models import uuid7
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.readings import count_of
from heartbeats.runs.claim_facts import is_verified
from heartbeats.runs.lifecycle import CALLED_FORWARD, call_forward, move_wakeup
from heartbeats.runs.release import DeferredWake, Drop, Promote, ReleasedIssue, judge_deferred
from heartbeats.runs.scheduling import TASK_KEY_CHARS, NewRun, insert_run, ring, saved_session_id
from heartbeats.vocabulary import TriggerDetail, WakeupRowReason, WakeupSource, WakeupStatus
from heartbeats.wakeups.context import (
    comment_ids,
    current_comment_id,
    derive_session_key,
    merge_coalesced,
    promoted_context,
)
from heartbeats.wakeups.interactions import Requester
from issues.lifecycle import change_issue
from issues.models import Issue
from issues.readiness import pause_hold_of
from issues.trail import issue_row, record
from issues.vocabulary import IssueStatus


@dataclass(frozen=True)
class WaitingWakes:
    """The locked deferred wakeups of an issue, oldest first, and the pause hold over it (None without one).

    The hold is read only when something waits.
    """

    rows: list[WakeupRequest]
    hold: dict[str, Any] | None
    wakes: list[DeferredWake]


def nobody_waits() -> WaitingWakes:
    """What `load_waiting` would find for an issue of which it is known that no wakeup waits."""
    return WaitingWakes([], None, [])


def promote_deferred(issue: Issue, *, now: datetime) -> HeartbeatRun | None:
    """Give the oldest deferred wakeup that can still be served a queued run; the caller holds the issue's lock.

    Rows of agents that are gone or not invokable become `failed`, rows under a pause hold `cancelled`; the first
    other one is promoted, and only that one. None when no row could be promoted, or the issue has a live run.
    """
    waiting = load_waiting(issue)
    if not waiting.wakes or HeartbeatRun.objects.live().filter(issue_id=issue.pk).exists():
        return None
    released = ReleasedIssue(
        status=issue.status,
        assignee_agent_id=str(issue.assignee_agent_id) if issue.assignee_agent_id else None,
        execution_run_id=str(issue.execution_run_id) if issue.execution_run_id else None,
        held=waiting.hold is not None,
    )
    for wake in waiting.wakes:
        step = judge_deferred(wake, released)
        if isinstance(step, Promote):
            return promote(issue, waiting, step, now=now)
        drop(waiting, step, now=now)
    return None


def promote_orphaned_deferred(issue_id: UUID, *, now: datetime) -> HeartbeatRun | None:
    """The same for an issue that no live run will release (spec/3 K.10). Locks the issue; None: nothing to do."""
    with transaction.atomic():
        issue = Issue.objects.select_for_update(no_key=True).filter(pk=issue_id).first()
        return promote_deferred(issue, now=now) if issue else None


def load_waiting(issue: Issue) -> WaitingWakes:
    """Lock the issue's deferred wakeups. One statement when none waits."""
    deferred = WakeupRequest.objects.deferred().filter(issue_id=issue.pk).select_related("agent")
    rows = list(deferred.select_for_update(no_key=True, of=("self",)).order_by("requested_at", "pk"))
    hold = pause_hold_of(issue.company_id, issue.pk) if rows else None
    return WaitingWakes(rows, hold, [_wake(row, issue, held=hold is not None) for row in rows])


def drop(waiting: WaitingWakes, step: Drop, *, now: datetime) -> None:
    """End a wakeup that cannot be served."""
    row = _row(waiting, step.wakeup_id)
    mine = WakeupRequest.objects.filter(pk=row.pk)
    move_wakeup(mine, step.status, expected={WakeupStatus.DEFERRED}, finished_at=now, error=step.error)


def promote(issue: Issue, waiting: WaitingWakes, step: Promote, *, now: datetime) -> HeartbeatRun:
    """Give a waiting wakeup its run; the issue is reopened first when the verdict says so."""
    row = _row(waiting, step.wakeup_id)
    if step.reopen_from is not None:
        _reopen(issue, row, step.reopen_from, now)
    context = promoted_context(
        row.context or {},
        payload=row.payload,
        reason=row.wake_reason,
        source=row.source,
        trigger_detail=row.trigger_detail,
        hold=waiting.hold if step.through_hold else None,
        reopened_from=step.reopen_from,
    )
    run_id = uuid7()
    move_wakeup(
        WakeupRequest.objects.filter(pk=row.pk),
        WakeupStatus.QUEUED,
        expected={WakeupStatus.DEFERRED},
        reason=WakeupRowReason.PROMOTED.value,
        run_id=run_id,
    )
    run = insert_run(_promoted_run(issue, row, context, step), run_id=run_id, wakeup_id=row.pk)
    if step.stamp_lock:
        issue.execution_run_id = run.pk
    return run


def hand_to_retry(waiting: WaitingWakes, retry: HeartbeatRun, *, host_label: str, now: datetime) -> bool:
    """A person's comment that waited for a run which is now parked for a retry calls that retry forward (spec/3 K.8).

    The waiting wakeup of the retry's agent joins it, comments and all. False when no person waits.
    """
    row = next((row for row in waiting.rows if row.agent_id == retry.agent_id and _of_a_person(row)), None)
    if row is None:
        return False
    retry.context = merge_coalesced(retry.context, row.context or {})
    HeartbeatRun.objects.filter(pk=retry.pk).update(context=retry.context, wake_comment=row.wake_comment_id)
    mine = WakeupRequest.objects.filter(pk=row.pk)
    move_wakeup(mine, WakeupStatus.COALESCED, expected={WakeupStatus.DEFERRED}, finished_at=now, run_id=retry.pk)
    waiting.rows.remove(row)
    waiting.wakes[:] = [wake for wake in waiting.wakes if wake.id != str(row.pk)]
    if call_forward(retry, message=CALLED_FORWARD):
        ring(retry.agent_id, host_label)
    return True


def _of_a_person(row: WakeupRequest) -> bool:
    return row.requested_by_type == ActorType.USER and bool(comment_ids(row.context or {}))


def _promoted_run(issue: Issue, row: WakeupRequest, context: Mapping[str, Any], step: Promote) -> NewRun:
    task_key = (derive_session_key(context) or "")[:TASK_KEY_CHARS] or None
    return NewRun(
        agent_id=row.agent_id,
        company_id=row.company_id,
        adapter_type=row.agent.adapter_type,
        host_label=row.agent.host_label,
        source=WakeupSource(row.source),
        trigger_detail=TriggerDetail(row.trigger_detail) if row.trigger_detail else None,
        reason=WakeupRowReason.PROMOTED,
        context=context,
        issue_id=issue.pk,
        task_key=task_key,
        wake_comment_id=_known_comment(row, context),
        session_id_before=saved_session_id(row.agent_id, row.agent.adapter_type, task_key),
        continuation_attempt=count_of(context.get("livenessContinuationAttempt")),
        inherits_lock=step.stamp_lock,
    )


def _known_comment(row: WakeupRequest, context: Mapping[str, Any]) -> UUID | None:
    """The wakeup's own comment column was checked when it was written; it is the context's latest one."""
    current = current_comment_id(context)
    return row.wake_comment_id if row.wake_comment_id and str(row.wake_comment_id) == current else None


def _wake(row: WakeupRequest, issue: Issue, *, held: bool) -> DeferredWake:
    ours = row.agent.company_id == issue.company_id
    asked = Requester(row.requested_by_type, row.requested_by_id)
    return DeferredWake(
        id=str(row.pk),
        agent_id=str(row.agent_id),
        agent_status=row.agent.status if ours else None,
        context=row.context or {},
        requester_type=row.requested_by_type,
        verified_interaction=held and is_verified(row.context or {}, row.company_id, issue.pk, requesters=[asked]),
    )


def _reopen(issue: Issue, row: WakeupRequest, before: str, now: datetime) -> None:
    change_issue(issue, {"status": IssueStatus.TODO}, now=now)
    details = {"status": issue.status, "reopened": True, "reopenedFrom": before, "source": "deferred_comment_wake"}
    record(issue, issue_row(system("heartbeat"), issue, "issue.updated", {**details, "wakeupRequestId": str(row.pk)}))


def _row(waiting: WaitingWakes, wakeup_id: str) -> WakeupRequest:
    return next(row for row in waiting.rows if str(row.pk) == wakeup_id)
