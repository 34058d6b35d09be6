"""Giving queued runs to a host: order, gates, slots, epoch and lease in one short transaction (spec/2 C)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from agents.actors import system
from agents.journal import activity, log_activity, written_together
from agents.lifecycle import note_run_started
from agents.models import Agent
from agents.vocabulary import NOT_INVOKABLE, AgentStatus
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import AGENT_TERMINATED, cancel_runs_of_agent
from heartbeats.runs.claim_facts import MOST_JUDGED, Candidate, Queue, load_candidates, load_queue, lock_agent
from heartbeats.runs.claim_gates import Refusal, judge_claim
from heartbeats.runs.claim_order import free_slots
from heartbeats.runs.lifecycle import Host, Note, close_wakeup, move_run, start_all
from heartbeats.runs.scheduling import ring
from heartbeats.vocabulary import RunStatus
from heartbeats.wakeups.deferred import promote_deferred
from issues.models import Issue

_STAMP_LOCKS = """update issues_issue i set execution_run_id = r.id, execution_locked_at = %s
                  from heartbeats_heartbeatrun r where r.id = any(%s) and i.id = r.issue_id"""


@dataclass(frozen=True)
class ClaimedRun:
    """A run that now belongs to the caller's host under `epoch`; every later write names that epoch."""

    run_id: UUID
    epoch: int
    lease_expires_at: datetime


@dataclass(frozen=True)
class Claimed:
    """What one claim did. `cancelled` runs failed a gate. `waiting`: queued runs remain that slots did not allow."""

    runs: tuple[ClaimedRun, ...] = ()
    cancelled: tuple[UUID, ...] = field(default=())
    waiting: int = 0


def claim_runs(
    agent_id: UUID, *, host: str, boot_id: str, capacity: int, lease_seconds: float, now: datetime
) -> Claimed:
    """Claim as many queued runs of one agent as its slots and `capacity` (runs) allow, for this incarnation of a host.

    Takes the agent's lock, then those of the candidates' issues, runs and wakeups. The lease ends `lease_seconds`
    after the database's clock. Nothing for an agent that is unknown or not invokable; what is left in the queue of a
    terminated one is cancelled.
    """
    with transaction.atomic(), written_together():
        agent = lock_agent(agent_id)
        if agent is None or agent.status in NOT_INVOKABLE:
            return _leave(agent, now)
        queue = load_queue(agent, now=now)
        slots = min(capacity, free_slots(agent.max_concurrent_runs, queue.occupied))
        if slots <= 0 or not queue.runs:
            return Claimed(waiting=queue.waiting)
        lease = queue.database_now + timedelta(seconds=lease_seconds)
        return _claim(agent, queue, slots, Host(host, boot_id, lease), now)


def _leave(agent: Agent | None, now: datetime) -> Claimed:
    """Nothing to claim. A run that was queued while its agent was being terminated would block its issue for ever."""
    if agent is None or agent.status != AgentStatus.TERMINATED:
        return Claimed()
    done = cancel_runs_of_agent(agent.pk, reason=AGENT_TERMINATED, now=now)
    return Claimed(cancelled=done.run_ids)


def _claim(agent: Agent, queue: Queue, slots: int, host: Host, now: datetime) -> Claimed:
    order, waiting = queue.runs, queue.waiting
    started: list[HeartbeatRun] = []
    locking: list[UUID] = []
    cancelled: list[UUID] = []
    while order and len(started) < slots and len(cancelled) < MOST_JUDGED:
        wanted = slots - len(started)
        for candidate in load_candidates(agent, order[:wanted], queue.stops, now=now):
            verdict = judge_claim(candidate.facts)
            if isinstance(verdict, Refusal):
                _refuse(candidate, verdict, now)
                cancelled.append(candidate.run.pk)
                continue
            started.append(candidate.run)
            if verdict.stamp_lock:
                locking.append(candidate.run.pk)
        waiting -= len(order[:wanted])
        order = order[wanted:]
    if started:
        start_all(started, host, now=now)
        _stamp_locks(locking, now)
        note_run_started(agent, now=now)
    if waiting and len(started) < slots:
        ring(agent.pk, agent.host_label)
    claimed = tuple(ClaimedRun(run.pk, run.epoch, host.lease_expires_at) for run in started)
    return Claimed(claimed, tuple(cancelled), waiting)


def _refuse(candidate: Candidate, refusal: Refusal, now: datetime) -> None:
    """End a run that failed a gate, and promote what waited behind it: no release path forgets (spec/4 16.1)."""
    run, issue = candidate.run, candidate.issue
    note = Note(refusal.reason, level="warn", payload={**refusal.details, "errorCode": refusal.error_code})
    move_run(
        run,
        RunStatus.CANCELLED,
        expected={RunStatus.QUEUED},
        notes=[note],
        finished_at=now,
        error=refusal.reason,
        error_code=refusal.error_code.value,
        result={**(run.result or {}), **refusal.stop},
    )
    close_wakeup(run, refusal.wakeup_status, now=now, error=refusal.reason)
    if issue is None:
        return
    if issue.execution_run_id == run.pk:
        Issue.objects.filter(pk=issue.pk).update(execution_run_id=None, execution_locked_at=None, updated_at=Now())
        issue.execution_run_id = None
    if refusal.activity:
        details = {**refusal.details, "agentId": str(run.agent_id), "runId": str(run.pk)}
        row = activity(
            system("heartbeat"),
            run.company_id,
            refusal.activity,
            entity_type="issue",
            entity_id=issue.pk,
            details=details,
            run_id=run.pk,
        )
        log_activity(row)
    promote_deferred(issue, now=now)


def _stamp_locks(run_ids: list[UUID], now: datetime) -> None:
    if run_ids:
        with connection.cursor() as cursor:
            cursor.execute(_STAMP_LOCKS, [now, run_ids])
