"""Writing what the gates decided: the wakeup's row, the run that serves it, what was healed on the way (spec/2 B)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from agents.journal import activity, log_activity
from agents.vocabulary import ActorType
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.readings import JsonObject, count_of, text_of
from heartbeats.runs.lifecycle import CALLED_FORWARD, call_forward
from heartbeats.runs.scheduling import REASON_CHARS, NewRun, queue_run, ring
from heartbeats.runs.stale_retries import cancel_stale_retry
from heartbeats.vocabulary import RetryReason, RunStatus, WakeupRowReason, WakeupStatus
from heartbeats.wakeups.context import current_comment_id, merge_coalesced
from heartbeats.wakeups.facts import Row, context_of_run
from heartbeats.wakeups.gates import Coalesce, Defer, Queue, Refused, Skipped, Verdict
from heartbeats.wakeups.incoming import IncomingWake, uuid_of
from heartbeats.wakeups.live_run import LiveRunFinding
from issues.models import Issue


@dataclass(frozen=True)
class Recorded:
    """The row that answers the request."""

    wakeup_id: UUID
    status: WakeupStatus
    reason: str | None
    run_id: UUID | None = None


def apply_verdict(wake: IncomingWake, row: Row, verdict: Verdict, *, now: datetime) -> Recorded:
    """Write the verdict; the caller holds the lock of the issue (or agent) under which it was made."""
    match verdict:
        case Queue():
            return _queue(wake, row, verdict, now)
        case Coalesce():
            return _coalesce(wake, row, verdict, now)
        case Defer():
            return _defer(wake, row, verdict, now)
        case Skipped():
            return _skip(wake, row, verdict, now)
        case _:
            raise TypeError(f"nothing to record for {verdict!r}")


def keep_refusal(
    wake: IncomingWake, row: Row, refused: Refused, reason: WakeupRowReason | None, *, now: datetime
) -> None:
    """Leave the row of a refusal under this reason, if it has one, with what the agent was to be told."""
    if reason is not None:
        _insert(wake, row, WakeupStatus.SKIPPED, reason, context=wake.context, error=refused.message, finished_at=now)


def heal_lock(row: Row, finding: LiveRunFinding, *, now: datetime) -> None:
    """Cancel the retries that make no sense any more and let the issue's lock name the run that is really live."""
    for stale in finding.stale:
        run = HeartbeatRun.objects.select_for_update(no_key=True).get(pk=stale.run_id)
        cancel_stale_retry(
            run,
            code=stale.code,
            reason=stale.reason,
            issue_status=row["issue_status"],
            assignee_agent_id=row["assignee_agent_id"],
            now=now,
        )
    if finding.lock_changed:
        locked_at = now if finding.lock_run_id else None
        Issue.objects.filter(pk=row["issue_id"]).update(
            execution_run_id=finding.lock_run_id, execution_locked_at=locked_at
        )


def _queue(wake: IncomingWake, row: Row, verdict: Queue, now: datetime) -> Recorded:
    ask, context = wake.ask, verdict.context
    automatic = ask.requested_by.type == ActorType.SYSTEM
    run = queue_run(
        NewRun(
            agent_id=ask.agent_id,
            company_id=row["company_id"],
            adapter_type=row["adapter_type"],
            host_label=row["host_label"],
            source=ask.source,
            trigger_detail=ask.trigger_detail,
            reason=verdict.reason,
            context=context,
            payload=ask.payload,
            issue_id=row["issue_id"],
            task_key=wake.task_key,
            wake_comment_id=_comment(row, context),
            session_id_before=wake.session_before or row["session_id"],
            retry_reason=_retry_reason(context) if automatic else None,
            retry_of_run_id=uuid_of(context.get("retryOfRunId")) if automatic else None,
            continuation_attempt=count_of(context.get("livenessContinuationAttempt")),
            idempotency_key=ask.idempotency_key,
            requested_by=ask.requested_by,
        ),
        now=now,
    )
    assert run.wakeup_id is not None
    return Recorded(run.wakeup_id, WakeupStatus.QUEUED, verdict.reason, run.pk)


def _coalesce(wake: IncomingWake, row: Row, verdict: Coalesce, now: datetime) -> Recorded:
    merged = merge_coalesced(context_of_run(row, verdict.run_id), verdict.context)
    columns: dict[str, Any] = {"context": merged, "updated_at": Now()}
    comment_id = _comment(row, merged)
    if comment_id is not None:
        columns["wake_comment_id"] = comment_id
    HeartbeatRun.objects.filter(pk=verdict.run_id, status__in=RunStatus.LIVE).update(**columns)
    if verdict.promote_retry:
        _call_forward(verdict.run_id, row)
    run_id = UUID(verdict.run_id)
    kept = _insert(
        wake, row, WakeupStatus.COALESCED, verdict.reason, run_id=run_id, coalesced_count=1, finished_at=now, now=now
    )
    return Recorded(kept.pk, WakeupStatus.COALESCED, verdict.reason, run_id)


def _call_forward(run_id: str, row: Row) -> None:
    run = HeartbeatRun.objects.select_for_update(no_key=True).get(pk=run_id)
    if call_forward(run, message=CALLED_FORWARD):
        ring(run.agent_id, row["host_label"])


def _defer(wake: IncomingWake, row: Row, verdict: Defer, now: datetime) -> Recorded:
    if verdict.merge_into is None:
        kept = _insert(wake, row, WakeupStatus.DEFERRED, verdict.reason, context=verdict.context, now=now)
        return Recorded(kept.pk, WakeupStatus.DEFERRED, verdict.reason)
    _merge_deferred(wake, row, verdict)
    if wake.ask.idempotency_key is not None:
        _insert(wake, row, WakeupStatus.COALESCED, verdict.reason, coalesced_count=1, finished_at=now, now=now)
    return Recorded(UUID(verdict.merge_into), WakeupStatus.DEFERRED, verdict.reason)


def _merge_deferred(wake: IncomingWake, row: Row, verdict: Defer) -> None:
    """Unite with the waiting request. A person who joins becomes its requester: only a person's comment reopens."""
    waiting: Mapping[str, Any] = row["deferred"]
    merged = merge_coalesced(waiting["context"] or {}, verdict.context)
    columns: dict[str, Any] = {
        "context": merged,
        "payload": {**(waiting["payload"] or {}), **(wake.ask.payload or {})},
        "coalesced_count": F("coalesced_count") + 1,
        "wake_comment_id": _comment(row, merged),
        "updated_at": Now(),
    }
    if wake.ask.requested_by.type == ActorType.USER:
        columns |= {"requested_by_type": ActorType.USER, "requested_by_id": wake.ask.requested_by.id[:80]}
    WakeupRequest.objects.filter(pk=waiting["id"], status=WakeupStatus.DEFERRED).update(**columns)


def _skip(wake: IncomingWake, row: Row, verdict: Skipped, now: datetime) -> Recorded:
    payload = {**(wake.ask.payload or {}), **verdict.payload_additions} or None
    kept = _insert(wake, row, WakeupStatus.SKIPPED, verdict.reason, payload=payload, finished_at=now, now=now)
    if verdict.activity:
        details: JsonObject = {"agentId": str(wake.ask.agent_id), "wakeReason": wake.context.get("wakeReason")}
        hold: Mapping[str, Any] = row["hold"] or {}
        details |= {"holdId": hold.get("holdId"), "rootIssueId": hold.get("rootIssueId"), "source": wake.ask.source}
        log_activity(
            activity(
                wake.ask.requested_by,
                row["company_id"],
                verdict.activity,
                entity_type="issue",
                entity_id=row["issue_id"],
                details=details,
            )
        )
    return Recorded(kept.pk, WakeupStatus.SKIPPED, str(verdict.reason))


def _insert(
    wake: IncomingWake,
    row: Row,
    status: WakeupStatus,
    reason: str | WakeupRowReason | None,
    **columns: Any,  # noqa: ANN401
) -> WakeupRequest:
    ask = wake.ask
    now = columns.pop("now", None) or columns["finished_at"]
    wakeup = WakeupRequest(
        **{
            "company_id": row["company_id"],
            "agent_id": ask.agent_id,
            "issue_id": row["issue_id"],
            "source": ask.source,
            "trigger_detail": ask.trigger_detail,
            "reason": str(reason)[:REASON_CHARS] if reason else None,
            "wake_reason": (text_of(wake.context.get("wakeReason")) or "")[:REASON_CHARS] or None,
            "task_key": wake.task_key,
            "wake_comment_id": _comment(row, wake.context),
            "payload": dict(ask.payload) if ask.payload is not None else None,
            "status": status,
            "idempotency_key": ask.idempotency_key,
            "requested_by_type": ask.requested_by.type,
            "requested_by_id": ask.requested_by.id[:80],
            "requested_at": now,
            **columns,
        }
    )
    wakeup.save(force_insert=True)
    return wakeup


def _comment(row: Row, context: Mapping[str, Any]) -> UUID | None:
    """The current comment if the database knows it: what callers name may not exist."""
    current = current_comment_id(context)
    known = {comment["id"] for comment in row["comments"] or []}
    return UUID(current) if current in known else None


def _retry_reason(context: Mapping[str, Any]) -> RetryReason | None:
    named = context.get("retryReason")
    return RetryReason(named) if named in set(RetryReason) else None
