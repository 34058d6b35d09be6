"""The sweep that sends due retries back to the queue, and cancels those that make no sense any more (spec/3 C, D)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from config.common.clock import wire_time
from heartbeats.models import HeartbeatRun
from heartbeats.runs.lifecycle import Note, queue_due
from heartbeats.runs.scheduling import ring
from heartbeats.runs.stale_retries import cancel_stale_retry
from heartbeats.vocabulary import RunStatus
from heartbeats.wakeups.deferred import promote_deferred
from issues.models import Issue
from recovery.retries.promotion import (
    PROMOTED_MESSAGE,
    CancelStale,
    ParkedRetry,
    Promote,
    RetriedIssue,
    decide_promotion,
)
from recovery.sweeps.cycle import BatchCursor
from recovery.sweeps.rows import BUSY, Done, Left, RowResult, SweepPass

PROMOTED = "promoted"
LOST_RACE = "lost_race"

Due = tuple[datetime, UUID]


@dataclass
class Batch:
    """Due retries under their locks, with the issue of each that has one. What is locked elsewhere is left out."""

    runs: list[HeartbeatRun]
    issues: dict[UUID, Issue]


def promote_due_retries(work: SweepPass) -> None:
    """Promote or cancel every due retry, oldest due first, a batch in one transaction.

    Should a batch raise, each of its rows is tried alone, so that one bad row holds up nobody.
    """
    cursor: BatchCursor[Due] = BatchCursor()
    while cursor.more(work.config):
        keys = _due(work.now, cursor.after, work.config.batch_size)
        _take(work, [run_id for _, run_id in keys])
        cursor = cursor.past(keys, work.config)
    work.cut_short = cursor.cut_short(work.config)


def _due(now: datetime, after: Due | None, limit: int) -> list[Due]:
    due = HeartbeatRun.objects.filter(status=RunStatus.SCHEDULED_RETRY, scheduled_retry_at__lte=now)
    if after is not None:
        due = due.filter(Q(scheduled_retry_at__gt=after[0]) | Q(scheduled_retry_at=after[0], pk__gt=after[1]))
    rows = due.order_by("scheduled_retry_at", "pk").values_list("scheduled_retry_at", "pk")
    return [(at, run_id) for at, run_id in rows[:limit] if at is not None]


def _take(work: SweepPass, run_ids: Sequence[UUID]) -> None:
    def together(these: Sequence[UUID]) -> dict[UUID, RowResult]:
        return decide_batch(these, now=work.now, dry_run=work.dry_run)

    work.together(run_ids, together, lambda run_id: together([run_id])[run_id])


def decide_batch(run_ids: Sequence[UUID], *, now: datetime, dry_run: bool) -> dict[UUID, RowResult]:
    """What becomes of each parked retry, carried out unless `dry_run`. Locks issues, then runs, in id order."""
    batch = _load(run_ids) if dry_run else _lock(run_ids)
    results: dict[UUID, RowResult] = dict.fromkeys(run_ids, Left(BUSY))
    promoted: list[HeartbeatRun] = []
    for run in batch.runs:
        issue = batch.issues.get(run.issue_id) if run.issue_id else None
        if run.issue_id is not None and issue is None:
            continue
        decision = decide_promotion(_parked(run), _retried(issue), now=now)
        match decision:
            case Promote():
                promoted.append(run)
                results[run.pk] = Done(PROMOTED, run.company_id)
            case CancelStale(reason):
                results[run.pk] = Done(reason.value, run.company_id)
                if not dry_run:
                    _cancel(run, issue, decision, now)
            case _:
                results[run.pk] = Left(LOST_RACE)
    if promoted and not dry_run:
        _queue(promoted)
    return results


def _load(run_ids: Sequence[UUID]) -> Batch:
    runs = list(_parked_runs(run_ids))
    return Batch(runs, Issue.objects.in_bulk([run.issue_id for run in runs if run.issue_id]))


def _lock(run_ids: Sequence[UUID]) -> Batch:
    named = HeartbeatRun.objects.filter(pk__in=run_ids, issue__isnull=False).values("issue_id")
    locked = Issue.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=named).order_by("pk")
    issues = {issue.pk: issue for issue in locked}
    free = Q(issue__isnull=True) | Q(issue__in=list(issues))
    runs = _parked_runs(run_ids).filter(free).select_for_update(no_key=True, skip_locked=True, of=("self",))
    return Batch(list(runs.order_by("pk")), issues)


def _parked_runs(run_ids: Sequence[UUID]) -> Any:  # noqa: ANN401 - the queryset of runs
    parked = HeartbeatRun.objects.filter(pk__in=run_ids, status=RunStatus.SCHEDULED_RETRY)
    return parked.select_related("agent").defer("stdout_excerpt", "stderr_excerpt", "result", "usage")


def _parked(run: HeartbeatRun) -> ParkedRetry:
    assert run.scheduled_retry_at is not None
    return ParkedRetry(run.pk, run.agent_id, run.scheduled_retry_at, run.scheduled_retry_attempt, run.retry_reason)


def _retried(issue: Issue | None) -> RetriedIssue | None:
    return None if issue is None else RetriedIssue(issue.pk, issue.status, issue.assignee_agent_id)


def _cancel(run: HeartbeatRun, issue: Issue | None, decision: CancelStale, now: datetime) -> None:
    """Cancel with what goes with it (D), and promote what waited behind the retry: no release path forgets."""
    cancel_stale_retry(
        run,
        code=decision.reason.code,
        reason=decision.reason.sentence,
        issue_status=issue.status if issue else None,
        assignee_agent_id=issue.assignee_agent_id if issue else None,
        now=now,
    )
    if issue is not None:
        issue.refresh_from_db(fields=["execution_run_id", "execution_locked_at"])
        promote_deferred(issue, now=now)


def _queue(runs: Sequence[HeartbeatRun]) -> None:
    """Back to the queue, and one ring per agent after commit."""
    queue_due(runs, _note)
    for agent_id, host_label in dict.fromkeys((run.agent_id, run.agent.host_label) for run in runs):
        ring(agent_id, host_label)


def _note(run: HeartbeatRun) -> Note:
    assert run.scheduled_retry_at is not None
    facts = {
        "retryReason": run.retry_reason,
        "scheduledRetryAttempt": run.scheduled_retry_attempt,
        "scheduledRetryAt": wire_time(run.scheduled_retry_at),
    }
    return Note(PROMOTED_MESSAGE, payload=facts)
