"""The one place that creates runs (DESIGN 4): queued ones, and retries that wait for their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from agents.actors import Actor, system
from agents.journal import store
from agents.models import Agent, LiveEvent
from config.common.after_commit import send_task
from config.common.models import uuid7
from heartbeats.models import HeartbeatRun, RuntimeState, TaskSession
from heartbeats.runs.insertion import insert_with_wakeup
from heartbeats.runs.news import Note, announced, run_events, run_queued_event
from heartbeats.vocabulary import RetryReason, RunStatus, TriggerDetail, WakeupSource, WakeupStatus
from heartbeats.wakeups.context import HARNESS_CHECKOUT, WAKE_PAYLOAD
from issues.models import Issue

START_RUNS = "heartbeats.tasks.start_runs"
TASK_KEY_CHARS = 200
REASON_CHARS = 120

# What belongs to one execution only: a run that repeats another starts without it.
_OF_ONE_EXECUTION = frozenset({WAKE_PAYLOAD, HARNESS_CHECKOUT})


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A run to be created, and the wakeup that it serves.

    `context` is complete: nothing is filled in. `reason` is the wakeup row's; the run's own is the context's
    `wakeReason`. `inherits_lock`: the issue's execution lock moves to the new run.
    """

    agent_id: UUID
    company_id: UUID
    adapter_type: str
    source: WakeupSource
    trigger_detail: TriggerDetail | None
    reason: str | None
    context: Mapping[str, Any]
    payload: Mapping[str, Any] | None = None
    host_label: str = ""
    issue_id: UUID | None = None
    task_key: str | None = None
    wake_comment_id: UUID | None = None
    session_id_before: str | None = None
    retry_of_run_id: UUID | None = None
    retry_reason: RetryReason | None = None
    process_loss_retry_count: int = 0
    failure_retry_count: int = 0
    supervisor_losses: int = 0
    scheduled_retry_attempt: int = 0
    continuation_attempt: int = 0
    scheduled_retry_at: datetime | None = None
    inherits_lock: bool = False
    idempotency_key: str | None = None
    requested_by: Actor = field(default_factory=system)
    notes: Sequence[Note] = ()


def queue_run(new: NewRun, *, now: datetime, run_id: UUID | None = None) -> HeartbeatRun:
    """Insert a wakeup `queued` and its run: `queued`, or `scheduled_retry` when `scheduled_retry_at` is set.

    The caller holds the issue's lock and knows that no other run is live on it (the database refuses a second one).
    Writes the live event `heartbeat.run.queued` and rings the workers after commit (not for a scheduled retry).
    """
    run_id, wakeup_id = run_id or uuid7(), uuid7()
    wakeup = {
        "id": wakeup_id,
        "company_id": new.company_id,
        "agent_id": new.agent_id,
        "issue_id": new.issue_id,
        "run_id": run_id,
        "source": str(new.source),
        "trigger_detail": _text(new.trigger_detail),
        "reason": _cut(new.reason, REASON_CHARS),
        "wake_reason": _wake_reason(new.context),
        "task_key": _cut(new.task_key, TASK_KEY_CHARS),
        "wake_comment_id": new.wake_comment_id,
        "payload": new.payload,
        "status": WakeupStatus.QUEUED.value,
        "idempotency_key": new.idempotency_key,
        "requested_by_type": str(new.requested_by.type),
        "requested_by_id": new.requested_by.id[:80],
        "requested_at": now,
    }
    return insert_run(new, run_id=run_id, wakeup_id=wakeup_id, wakeup=wakeup)


def insert_run(new: NewRun, *, run_id: UUID, wakeup_id: UUID, wakeup: Mapping[str, Any] | None = None) -> HeartbeatRun:
    """The run alone, for a wakeup that exists already and names `run_id`. Otherwise as `queue_run`."""
    waits = new.scheduled_retry_at is not None
    columns = {
        "id": run_id,
        "company_id": new.company_id,
        "agent_id": new.agent_id,
        "issue_id": new.issue_id,
        "wakeup_id": wakeup_id,
        "invocation_source": str(new.source),
        "trigger_detail": _text(new.trigger_detail),
        "wake_reason": _wake_reason(new.context),
        "wake_comment_id": new.wake_comment_id,
        "task_key": _cut(new.task_key, TASK_KEY_CHARS),
        "context": new.context,
        "adapter_type": new.adapter_type,
        "status": (RunStatus.SCHEDULED_RETRY if waits else RunStatus.QUEUED).value,
        "session_id_before": new.session_id_before,
        "retry_of_run_id": new.retry_of_run_id,
        "retry_reason": _text(new.retry_reason),
        "process_loss_retry_count": new.process_loss_retry_count,
        "failure_retry_count": new.failure_retry_count,
        "supervisor_losses": new.supervisor_losses,
        "scheduled_retry_attempt": new.scheduled_retry_attempt,
        "scheduled_retry_at": new.scheduled_retry_at,
        "continuation_attempt": new.continuation_attempt,
        "event_seq": len(new.notes),
    }
    run = insert_with_wakeup(columns, wakeup, _queued_event(new, run_id, wakeup_id))
    if new.notes:
        rows = run_events(run, new.notes, 1)
        store([*rows, *map(announced, rows)])
    if new.inherits_lock and new.issue_id is not None:
        Issue.objects.filter(pk=new.issue_id).update(execution_run_id=run_id, execution_locked_at=Now())
    if not waits:
        ring(new.agent_id, new.host_label)
    return run


def repeat_of(
    run: HeartbeatRun,
    agent: Agent,
    *,
    reason: str,
    retry_reason: RetryReason,
    context: Mapping[str, Any],
    payload: Mapping[str, Any] | None = None,
    source: WakeupSource = WakeupSource.AUTOMATION,
    **more: Any,  # noqa: ANN401 - further fields of NewRun
) -> NewRun:
    """A run of the same agent for the same issue and task that follows `run`, which it names as its original."""
    fields: dict[str, Any] = {
        "trigger_detail": TriggerDetail.SYSTEM,
        "wake_comment_id": run.wake_comment_id,
        "continuation_attempt": run.continuation_attempt,
        "supervisor_losses": run.supervisor_losses,
        "inherits_lock": True,
        **more,
    }
    if "session_id_before" not in fields:
        fields["session_id_before"] = saved_session_id(run.agent_id, agent.adapter_type, run.task_key)
    return NewRun(
        agent_id=run.agent_id,
        company_id=run.company_id,
        adapter_type=agent.adapter_type,
        host_label=agent.host_label,
        source=source,
        reason=reason,
        context=context,
        payload=payload if payload is not None else _retry_payload(run),
        issue_id=run.issue_id,
        task_key=run.task_key,
        retry_of_run_id=run.pk,
        retry_reason=retry_reason,
        **fields,
    )


def retry_context(run: HeartbeatRun, **facts: Any) -> dict[str, Any]:  # noqa: ANN401
    """The context of a run that repeats `run`: a copy with `facts` on top; taskKey, wakeSource and the rest stay.

    What belongs to one execution only (the built wake payload) is left out.
    """
    kept = {key: value for key, value in run.context.items() if key not in _OF_ONE_EXECUTION}
    if run.task_key and not kept.get("taskKey"):
        kept["taskKey"] = run.task_key
    kept.setdefault("wakeSource", run.invocation_source)
    if run.trigger_detail:
        kept.setdefault("wakeTriggerDetail", run.trigger_detail)
    return {**kept, **facts, "retryOfRunId": str(run.pk)}


def saved_session_id(agent_id: UUID, adapter_type: str, task_key: str | None) -> str | None:
    """The session that the agent would resume: the task's, or without task the agent's own. One statement."""
    if task_key:
        saved = TaskSession.objects.filter(agent_id=agent_id, adapter_type=adapter_type, task_key=task_key)
        row = saved.values_list("session_display_id", "session_params").first()
        return session_name(*row) if row else None
    return RuntimeState.objects.filter(agent_id=agent_id).values_list("session_id", flat=True).first()


def ring(agent_id: UUID, host_label: str = "") -> None:
    """Ask the workers, after commit, to claim for this agent: `heartbeats.tasks.start_runs` on `runs[.label]`."""
    send_task(START_RUNS, agent_id, queue=f"runs.{host_label}" if host_label else "runs")


def session_name(display_id: str | None, params: Mapping[str, Any] | None) -> str | None:
    """What a saved session is called: as it is shown, else the id among its parameters."""
    named = (params or {}).get("sessionId")
    return display_id or (named if isinstance(named, str) and named.strip() else None)


def _queued_event(new: NewRun, run_id: UUID, wakeup_id: UUID) -> LiveEvent:
    return run_queued_event(
        new.company_id,
        run_id=run_id,
        agent_id=new.agent_id,
        source=new.source,
        trigger_detail=new.trigger_detail,
        wakeup_id=wakeup_id,
    )


def _text(word: str | None) -> str | None:
    return str(word) if word is not None else None


def _wake_reason(context: Mapping[str, Any]) -> str | None:
    reason = context.get("wakeReason")
    return _cut(reason, REASON_CHARS) if isinstance(reason, str) else None


def _retry_payload(run: HeartbeatRun) -> dict[str, Any]:
    named = {"issueId": str(run.issue_id)} if run.issue_id else {}
    return {**named, "retryOfRunId": str(run.pk)}


def _cut(text: str | None, length: int) -> str | None:
    return text[:length] if text else text
