"""What a person does to one run. The act and its line in the activity log are one transaction (spec/1 I)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from agents.journal import activity, log_activity
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import Cancelled, cancel_run
from heartbeats.runs.ending import lock_for_end
from heartbeats.runs.lifecycle import CALLED_FORWARD, call_forward
from heartbeats.runs.scheduling import retry_context, ring
from heartbeats.vocabulary import TriggerDetail, WakeupSource
from heartbeats.wakeups.request import AgentNotFound, WakeupAsk, WakeupConflict, request_wakeup

RETRY = "retry_run"


@dataclass(frozen=True, slots=True)
class Again:
    """The run that does the work once more, or, without one, why there is none."""

    run_id: UUID | None = None
    why_not: str = ""


def cancel_run_for(actor: Actor, run_id: UUID, *, company_id: UUID, now: datetime) -> Cancelled:
    """Cancel a live run as `cancel_run` does; logged when it won. Locks and errors are those of `cancel_run`."""
    with transaction.atomic():
        cancelled = cancel_run(run_id, now=now, company_id=company_id)
        if cancelled.won:
            _log(actor, cancelled.run, "heartbeat.cancelled", {})
    return cancelled


def retry_run(actor: Actor, run: HeartbeatRun, *, now: datetime) -> Again:
    """Ask that the agent do the work of a finished run once more, with the same context. Every gate applies.

    What a gate refuses leaves its wakeup, as always, and nothing in the activity log. Locks as `request_wakeup`.
    """
    context = {**retry_context(run), "triggeredBy": "board", "actorId": actor.id}
    ask = WakeupAsk(
        agent_id=run.agent_id,
        company_id=run.company_id,
        source=WakeupSource.ON_DEMAND,
        trigger_detail=TriggerDetail.MANUAL,
        reason=RETRY,
        payload={"retryOfRunId": str(run.pk), **({"issueId": str(run.issue_id)} if run.issue_id else {})},
        context=context,
        requested_by=actor,
    )
    with transaction.atomic():
        try:
            outcome = request_wakeup(ask, now=now)
        except (AgentNotFound, WakeupConflict) as refused:
            return Again(why_not=f"“{refused}”")  # returned, not raised: the row that a refusal leaves is committed
        if outcome.run_id is None:
            return Again(why_not=f"the request was {outcome.status.value.split('_')[0]} ({outcome.reason})")
        _log(actor, run, "heartbeat.invoked", {"retryOfRunId": str(run.pk), "newRunId": str(outcome.run_id)})
    return Again(outcome.run_id)


def run_parked_retry_now(actor: Actor, run_id: UUID, *, company_id: UUID) -> bool:
    """A retry that waits for its time goes back to the queue, where every gate of a claim applies. False: not parked.

    Locks agent, issue and run. Raises HeartbeatRun.DoesNotExist for a run that the company does not have.
    """
    with transaction.atomic():
        ending = lock_for_end(run_id, company_id)
        if not call_forward(ending.run, message=CALLED_FORWARD):
            return False
        ring(ending.run.agent_id, ending.agent.host_label)
        _log(actor, ending.run, "heartbeat.invoked", {"scheduledRetryAttempt": ending.run.scheduled_retry_attempt})
    return True


def _log(actor: Actor, run: HeartbeatRun, action: str, more: Mapping[str, Any]) -> None:
    details = {"agentId": str(run.agent_id), "issueId": str(run.issue_id) if run.issue_id else None, **more}
    log_activity(
        activity(
            actor,
            run.company_id,
            action,
            entity_type="heartbeat_run",
            entity_id=run.pk,
            details=details,
            issue_id=run.issue_id,
            run_id=run.pk,
        )
    )
