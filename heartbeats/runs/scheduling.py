"""The one place that creates runs (DESIGN 4): queued ones, and retries that wait for their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from agents.actors import Actor, system
from heartbeats.models import HeartbeatRun
from heartbeats.runs.lifecycle import Note
from heartbeats.vocabulary import RetryReason, TriggerDetail, WakeupSource


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A run to be created with its wakeup. The company is the agent's; ids of both rows are made here.

    `context` is complete: nothing is filled in. `inherits_lock`: the issue's execution lock moves to the new run.
    """

    agent_id: UUID
    company_id: UUID
    adapter_type: str
    source: WakeupSource
    trigger_detail: TriggerDetail | None
    reason: str | None
    context: Mapping[str, Any]
    payload: Mapping[str, Any] | None = None
    issue_id: UUID | None = None
    task_key: str | None = None
    wake_comment_id: UUID | None = None
    session_id_before: str | None = None
    retry_of: HeartbeatRun | None = None
    retry_reason: RetryReason | None = None
    process_loss_retry_count: int = 0
    failure_retry_count: int = 0
    scheduled_retry_attempt: int = 0
    continuation_attempt: int = 0
    scheduled_retry_at: datetime | None = None
    inherits_lock: bool = False
    idempotency_key: str | None = None
    requested_by: Actor = field(default_factory=system)
    notes: Sequence[Note] = ()


def queue_run(new: NewRun, *, now: datetime) -> HeartbeatRun:
    """Insert a wakeup `queued` and its run: `queued`, or `scheduled_retry` when `scheduled_retry_at` is set.

    The caller holds the issue's lock and knows that no other run is live on it (the database refuses a second one).
    Writes the live event `heartbeat.run.queued` and rings the workers after commit (not for a scheduled retry).
    """
    raise NotImplementedError


def retry_context(run: HeartbeatRun, **facts: Any) -> dict[str, Any]:  # noqa: ANN401
    """The context of a run that repeats `run`: a copy with `facts` on top; taskKey, wakeSource and the rest stay."""
    raise NotImplementedError


def ring(agent_id: UUID, host_label: str = "") -> None:
    """Ask the workers, after commit, to claim for this agent: `heartbeats.tasks.start_runs` on `runs[.label]`."""
    raise NotImplementedError
