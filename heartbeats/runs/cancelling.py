"""Stopping runs on purpose (spec/2 J)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from agents.vocabulary import BudgetScope
from heartbeats.models import HeartbeatRun

AGENT_PAUSED = "Cancelled due to agent pause"
AGENT_TERMINATED = "Cancelled because the agent was terminated"
BUDGET_PAUSED = "Cancelled due to budget pause"
BY_CONTROL_PLANE = "Cancelled by control plane"
ISSUE_CANCELLED = "Cancelled because the issue was cancelled"


@dataclass(frozen=True)
class Cancelled:
    """The run as it is now. `won` is False when it was terminal already: then nothing changed."""

    run: HeartbeatRun
    won: bool


@dataclass(frozen=True)
class CancelledMany:
    """What a sweep over many runs did, each in its own transaction; `failed` raised, were logged, and may be repeated."""

    run_ids: tuple[UUID, ...] = ()
    wakeups: int = 0
    failed: tuple[UUID, ...] = field(default=())


def cancel_run(
    run_id: UUID, *, now: datetime, reason: str = BY_CONTROL_PLANE, company_id: UUID | None = None
) -> Cancelled:
    """Cancel one live run, release its issue and promote. A running local one frees its slot when its process is gone:
    it gets `process_stopping`, and its host is notified (channel `everbeat_host`, payload: the host's name).

    Raises HeartbeatRun.DoesNotExist for an unknown run (or one of another company than `company_id`).
    """
    raise NotImplementedError


def cancel_runs_of_agent(agent_id: UUID, *, reason: str = AGENT_PAUSED, now: datetime) -> CancelledMany:
    """Cancel every live run of an agent. The caller has already made the agent not invokable."""
    raise NotImplementedError


def cancel_runs_of_issue(issue_id: UUID, *, reason: str = ISSUE_CANCELLED, now: datetime) -> CancelledMany:
    """Cancel the live run of an issue."""
    raise NotImplementedError


def cancel_work_of_scope(scope: BudgetScope, scope_id: UUID, *, company_id: UUID, now: datetime) -> CancelledMany:
    """A budget's hard stop: cancel the scope's live runs and its pending and deferred wakeups without a run."""
    raise NotImplementedError


def process_stopped(run_id: UUID, *, epoch: int, now: datetime) -> bool:
    """The process group of a cancelled run is proved gone: free the slot and ring. False when nothing was waiting."""
    raise NotImplementedError
