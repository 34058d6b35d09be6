"""Parking one retry of a failed run until its time has come (spec/3 B)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.models import Agent
from agents.vocabulary import NOT_INVOKABLE
from heartbeats.models import HeartbeatRun
from heartbeats.runs.ending import lock_for_end
from heartbeats.runs.issue_ledger import ledger_of
from heartbeats.runs.lifecycle import Note, add_notes
from heartbeats.runs.scheduling import NewRun, queue_run, repeat_of, retry_context
from heartbeats.vocabulary import RetryReason, WakeReason
from issues.models import Issue
from issues.vocabulary import ISSUE_TERMINAL
from recovery.retries.ladder import RetryExhausted, RetryScheduled, plan_retry
from recovery.retries.transient import TransientContract, iso_utc, retry_facts, transient_contract

OUT_OF_LEDGER = "Bounded retry withheld: the automatic runs of this issue are spent"

_draw = random.SystemRandom().random


@dataclass(frozen=True)
class Parked:
    """The retry that was parked, and its plan."""

    run: HeartbeatRun
    plan: RetryScheduled


def schedule_bounded_retry(run_id: UUID, *, now: datetime, sample: float) -> Parked | RetryExhausted:
    """Park the next retry of a failed run, or say on the run that the last one was spent. Locks agent → issue → run.

    `sample` is one draw from 0..1 for the jitter. Whether a retry makes sense at all is the caller's question.
    Raises HeartbeatRun.DoesNotExist for an unknown run.
    """
    with transaction.atomic():
        ending = lock_for_end(run_id)
        return park_retry(ending.run, ending.issue, ending.agent, now=now, sample=sample)


def park_retry(
    run: HeartbeatRun, issue: Issue | None, agent: Agent, *, now: datetime, sample: float
) -> Parked | RetryExhausted:
    """The same for rows that the caller has locked. The issue's execution lock, if the run's, goes to the retry."""
    contract = transient_contract(run.error_code, run.result)
    not_before = contract.retry_not_before if contract else None
    plan = plan_retry(run.scheduled_retry_attempt, now=now, sample=sample, not_before=not_before)
    if isinstance(plan, RetryExhausted):
        add_notes(run, _exhausted(plan))
        return plan
    retry = queue_run(_retry_of(run, issue, agent, plan, contract), now=now)
    add_notes(run, _scheduled(plan, retry, contract))
    return Parked(retry, plan)


def retry_if_transient(run: HeartbeatRun, issue: Issue | None, now: datetime) -> HeartbeatRun | None:
    """The hook of finalisation: one parked retry for a transient upstream failure, else None.

    None also when the issue is over or somebody else's, another run is live on it, the agent cannot be woken, or the
    issue's automatic runs are spent: then the release decides what comes next.
    """
    if transient_contract(run.error_code, run.result) is None:
        return None
    agent = Agent.objects.get(pk=run.agent_id)
    if agent.status in NOT_INVOKABLE or (issue is not None and not _still_wanted(run, issue)):
        return None
    parked = park_retry(run, issue, agent, now=now, sample=_draw())
    return parked.run if isinstance(parked, Parked) else None


def _still_wanted(run: HeartbeatRun, issue: Issue) -> bool:
    if issue.status in ISSUE_TERMINAL or issue.assignee_agent_id != run.agent_id:
        return False
    if HeartbeatRun.objects.live().filter(issue_id=issue.pk).exclude(pk=run.pk).exists():
        return False
    ledger = ledger_of(issue)
    if not ledger.allows:
        add_notes(run, Note(OUT_OF_LEDGER, level="warn", payload={"spent": ledger.spent, "cap": ledger.cap}))
    return ledger.allows


def _retry_of(
    run: HeartbeatRun, issue: Issue | None, agent: Agent, plan: RetryScheduled, contract: TransientContract | None
) -> NewRun:
    facts = retry_facts(plan, contract, adapter_type=agent.adapter_type, retry_of_run=run.pk)
    reason = WakeReason.TRANSIENT_FAILURE_RETRY
    named = {"issueId": str(run.issue_id)} if run.issue_id else {}
    return repeat_of(
        run,
        agent,
        reason=reason,
        retry_reason=RetryReason.TRANSIENT_FAILURE,
        context=retry_context(run, **facts, wakeReason=reason.value),
        payload={**named, **facts},
        scheduled_retry_at=plan.due_at,
        scheduled_retry_attempt=plan.attempt,
        inherits_lock=issue is not None and issue.execution_run_id == run.pk,
    )


def _scheduled(plan: RetryScheduled, retry: HeartbeatRun, contract: TransientContract | None) -> Note:
    facts = {
        "retryRunId": str(retry.pk),
        "retryReason": RetryReason.TRANSIENT_FAILURE.value,
        "scheduledRetryAttempt": plan.attempt,
        "scheduledRetryAt": iso_utc(plan.due_at),
        "baseDelayMs": int(plan.base_delay.total_seconds() * 1000),
        "delayMs": int(plan.delay.total_seconds() * 1000),
        "maxAttempts": plan.max_attempts,
    }
    if contract is not None and contract.retry_not_before is not None:
        facts["retryNotBefore"] = iso_utc(contract.retry_not_before)
    return Note(plan.message, level="warn", payload=facts)


def _exhausted(plan: RetryExhausted) -> Note:
    facts = {
        "retryReason": RetryReason.TRANSIENT_FAILURE.value,
        "scheduledRetryAttempt": plan.attempt - 1,
        "maxAttempts": plan.max_attempts,
    }
    return Note(plan.message, level="warn", payload=facts)
