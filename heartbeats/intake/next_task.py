"""`POST tasks/next`: a remote agent fetches work (spec/1 D)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from agents.models import Agent
from agents.vocabulary import NOT_INVOKABLE, AdapterType
from heartbeats.intake.error_reports import Caller, lock_caller
from heartbeats.intake.handing import HandedTask, hand_over
from heartbeats.intake.heartbeat import TAKES_WORK
from heartbeats.intake.pacing import remote_lease_seconds
from heartbeats.runs.claiming import Claimed, ClaimedRun, claim_runs
from heartbeats.runs.finalising import finalise_run
from heartbeats.runs.told import ExecutionResult
from heartbeats.vocabulary import ErrorCode

REMOTE_BOOT = "remote"
NOTHING = Claimed()

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NextTask:
    """The run that is the agent's now, or why there is none (also what `explain` says)."""

    task: HandedTask | None
    why_not: str | None = None


def next_task(caller: Caller, *, now: datetime) -> NextTask:
    """Claim one run for a remote agent, under its lock, so that no claim can follow a fatal heartbeat.

    Raises Unauthorized when the agent vanished. What cannot be handed over ends as `adapter_failed`, and is raised.
    """
    with transaction.atomic(durable=True):
        agent = lock_caller(caller)
        why_not = refusal_of(agent)
        claimed = NOTHING if why_not else _claim(agent, now)
    if not claimed.runs:
        reason = why_not or _why_nothing(claimed)
        log.info("no_task", agent_id=str(caller.agent_id), reason=reason, waiting=claimed.waiting)
        return NextTask(None, reason)
    task = _hand_over(claimed.runs[0], now)
    return NextTask(task, None if task else "run_ended")


def refusal_of(agent: Agent) -> str | None:
    """Why this agent may not fetch work at all; None when it may."""
    if agent.adapter_type != AdapterType.REMOTE:
        return "not_remote"
    if agent.status in NOT_INVOKABLE:
        return f"agent_{agent.status}"
    return None if agent.presence in TAKES_WORK else f"presence_{agent.presence}"


def remote_host(agent_id: UUID) -> str:
    """What stands in a run's `executor_host` while a remote agent holds it; no host of ours has such a name."""
    return f"agent:{agent_id}"


def _claim(agent: Agent, now: datetime) -> Claimed:
    return claim_runs(
        agent.pk,
        host=remote_host(agent.pk),
        boot_id=REMOTE_BOOT,
        capacity=1,
        lease_seconds=remote_lease_seconds(settings.TIMINGS),
        now=now,
    )


def _why_nothing(claimed: Claimed) -> str:
    if claimed.cancelled:
        return "queued_runs_refused"
    return "slots_full" if claimed.waiting else "nothing_queued"


def _hand_over(claim: ClaimedRun, now: datetime) -> HandedTask | None:
    try:
        return hand_over(claim, now=now)
    except Exception as fault:
        # A run that cannot be handed over must not be claimed, dropped and claimed again for ever.
        result = ExecutionResult(
            error_message=f"The run could not be handed over: {type(fault).__name__}",
            error_code=ErrorCode.ADAPTER_FAILED.value,
        )
        finalise_run(claim.run_id, epoch=claim.epoch, result=result, now=now)
        raise
