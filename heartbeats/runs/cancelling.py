"""Stopping runs on purpose (spec/2 J)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import OperationalError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from agents.journal import written_together
from agents.models import Agent
from agents.vocabulary import BudgetScope
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.ending import Ending, let_go, lock_for_end
from heartbeats.runs.lifecycle import WAKEUP_MOVES, Note
from heartbeats.runs.releasing import release_and_promote
from heartbeats.runs.scheduling import ring
from heartbeats.runs.settling import release_environment
from heartbeats.runs.stopping import settle_agent, stop_live_run
from heartbeats.runs.whose_project import live_runs_by_name
from heartbeats.vocabulary import ErrorCode, RunStatus, WakeupStatus
from heartbeats.wakeups.deferred import promote_deferred
from issues.models import Issue

AGENT_PAUSED = "Cancelled due to agent pause"
AGENT_TERMINATED = "Cancelled because the agent was terminated"
BUDGET_PAUSED = "Cancelled due to budget pause"
BY_CONTROL_PLANE = "Cancelled by control plane"
ISSUE_CANCELLED = "Cancelled because the issue was cancelled"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Cancelled:
    """The run as it is now. `won` is False when it was terminal already: then nothing changed.

    `follow_up_run_id` is the run that takes over the issue, if any.
    """

    run: HeartbeatRun
    won: bool
    follow_up_run_id: UUID | None = None


@dataclass(frozen=True)
class CancelledMany:
    """The runs that this call cancelled, how many wakeups without a run, and the runs whose end raised.

    What raised was logged and undone for that run alone; it may be repeated.
    """

    run_ids: tuple[UUID, ...] = ()
    wakeups: int = 0
    failed: tuple[UUID, ...] = ()


def cancel_run(
    run_id: UUID, *, now: datetime, reason: str = BY_CONTROL_PLANE, company_id: UUID | None = None
) -> Cancelled:
    """Cancel one live run, release its issue and promote (spec/2 H).

    A running local one is `cancelled` at once and frees its slot when its process is gone: it gets `process_stopping`,
    and its host is notified (channel `everbeat_host`, payload: the host's name).

    Raises HeartbeatRun.DoesNotExist for an unknown run (or one of another company than `company_id`).
    """
    with transaction.atomic(), written_together():
        ending = lock_for_end(run_id, company_id)
        was_running = ending.run.status == RunStatus.RUNNING
        if not _cancel(ending, reason, now):
            return Cancelled(ending.run, won=False)
        follow_up = release_and_promote(ending, now=now)
        settle_agent(ending, was_running=was_running, now=now)
        return Cancelled(ending.run, won=True, follow_up_run_id=follow_up.pk if follow_up else None)


def cancel_runs_of_agent(agent_id: UUID, *, now: datetime, reason: str = AGENT_PAUSED) -> CancelledMany:
    """Cancel every live run of an agent. The caller has already made the agent not invokable.

    Whoever waits behind these runs is promoted; the agent's own work rests until it may run again: no recovery run,
    no escalation.
    """
    return _cancel_all(HeartbeatRun.objects.filter(agent_id=agent_id), reason, now)


def cancel_runs_of_issue(issue_id: UUID, *, now: datetime, reason: str = ISSUE_CANCELLED) -> CancelledMany:
    """Cancel the live run of an issue."""
    return _cancel_all(HeartbeatRun.objects.filter(issue_id=issue_id), reason, now)


def cancel_runs_of_company(company_id: UUID, *, now: datetime, reason: str) -> CancelledMany:
    """Cancel every live run of a company that was paused or archived."""
    return _cancel_all(HeartbeatRun.objects.filter(company_id=company_id), reason, now)


def cancel_work_of_scope(
    scope: BudgetScope, scope_id: UUID, *, company_id: UUID, now: datetime, reason: str = BUDGET_PAUSED
) -> CancelledMany:
    """A budget's hard stop: cancel the scope's live runs and its pending and deferred wakeups without a run."""
    inside = {
        BudgetScope.COMPANY: Q(company_id=scope_id),
        BudgetScope.AGENT: Q(agent_id=scope_id),
        BudgetScope.PROJECT: Q(issue__project_id=scope_id),
    }[scope]
    with transaction.atomic():
        waiting = WakeupRequest.objects.filter(inside, company_id=company_id, run__isnull=True)
        # first the waiting ones, or they would be promoted behind the runs that end now
        wakeups = WAKEUP_MOVES.move_all(
            WakeupRequest.objects.filter(pk__in=waiting.values("pk")),
            to=WakeupStatus.CANCELLED,
            expected={WakeupStatus.QUEUED, WakeupStatus.DEFERRED},
            finished_at=now,
            error=reason,
            updated_at=Now(),
        )
        if scope is BudgetScope.PROJECT:
            inside |= Q(pk__in=live_runs_by_name(scope_id, company_id))
        done = _cancel_all(HeartbeatRun.objects.filter(inside, company_id=company_id), reason, now)
        return CancelledMany(done.run_ids, wakeups, done.failed)


def process_stopped(run_id: UUID, *, epoch: int, now: datetime) -> bool:
    """The process group of a cancelled run is proved gone: free the slot and ring. False when nothing was waiting."""
    with transaction.atomic():
        stopping = HeartbeatRun.objects.filter(pk=run_id, epoch=epoch, process_stopping=True)
        run = stopping.select_for_update(no_key=True).first()
        if run is None:
            return False
        HeartbeatRun.objects.filter(pk=run_id).update(process_stopping=False, updated_at=Now())
        release_environment(run, now=now)
        ring(run.agent_id, Agent.objects.values_list("host_label", flat=True).get(pk=run.agent_id))
    return True


def _cancel(ending: Ending, reason: str, now: datetime) -> bool:
    if ending.run.status in RunStatus.TERMINAL:
        return False
    note = Note("run cancelled", level="warn", payload={"reason": reason, "status": str(ending.run.status)})
    return stop_live_run(
        ending, RunStatus.CANCELLED, code=ErrorCode.CANCELLED.value, error=reason, now=now, notes=[note]
    )


def _cancel_all(runs: QuerySet[HeartbeatRun], reason: str, now: datetime) -> CancelledMany:
    cancelled: list[UUID] = []
    failed: list[UUID] = []
    with transaction.atomic():
        for ending in _lock_all(runs):
            try:
                with transaction.atomic():
                    _cancel_and_make_way(ending, reason, now)
            except OperationalError:
                raise
            except Exception:
                log.exception("run_not_cancelled", run_id=str(ending.run.pk))
                failed.append(ending.run.pk)
            else:
                cancelled.append(ending.run.pk)
    return CancelledMany(tuple(cancelled), failed=tuple(failed))


def _cancel_and_make_way(ending: Ending, reason: str, now: datetime) -> None:
    was_running = ending.run.status == RunStatus.RUNNING
    _cancel(ending, reason, now)
    if ending.issue is not None:
        let_go(ending.issue, ending.run)
        promote_deferred(ending.issue, now=now)
    settle_agent(ending, was_running=was_running, now=now)


def _lock_all(runs: QuerySet[HeartbeatRun]) -> list[Ending]:
    """Agents, then issues, then runs, each kind in id order; runs that somebody ended meanwhile are left out.

    As `lock_for_end`: issues are read when the agents are locked, and locks on other issues than the run's are cleared.
    """
    agent_ids = dict(runs.filter(status__in=RunStatus.LIVE).values_list("pk", "agent_id"))
    if not agent_ids:
        return []
    agents = Agent.objects.filter(pk__in=set(agent_ids.values())).select_for_update(no_key=True).order_by("pk")
    agent_of = {agent.pk: agent for agent in agents}
    still = HeartbeatRun.objects.live().filter(pk__in=agent_ids)
    concerned = Q(pk__in=still.values("issue_id")) | Q(execution_run__in=agent_ids) | Q(checkout_run__in=agent_ids)
    issues = Issue.objects.filter(concerned).select_for_update(no_key=True).order_by("pk")
    issue_of = {issue.pk: issue for issue in issues}
    locked = list(still.select_for_update(no_key=True).order_by("pk"))
    _clear_strays(locked, issue_of)
    return [Ending(agent_of[run.agent_id], _issue_of(run, issue_of), run) for run in locked]


def _clear_strays(runs: Collection[HeartbeatRun], issues: Mapping[UUID, Issue]) -> None:
    by_id = {run.pk: run for run in runs}
    for issue in issues.values():
        holders = {by_id[run_id] for run_id in (issue.execution_run_id, issue.checkout_run_id) if run_id in by_id}
        for run in holders:
            if run.issue_id != issue.pk:
                let_go(issue, run)


def _issue_of(run: HeartbeatRun, issues: Mapping[UUID, Issue]) -> Issue | None:
    issue_id: UUID | None = run.issue_id
    return issues.get(issue_id) if issue_id is not None else None
