"""What a remote agent is handed with a run: the same words that a local one gets (spec/1 D, spec/2 D)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from agents.actors import system
from agents.run_token import RunClaims, mint_run_token
from config.common.wire.errors import Conflict
from heartbeats.execution.start_facts import load_facts, load_run, load_wake
from heartbeats.models import EnvironmentLease, HeartbeatRun
from heartbeats.runs.claiming import ClaimedRun
from heartbeats.runs.lifecycle import Note, add_notes
from heartbeats.vocabulary import WakeReason
from issues.checkout import checkout_for_run
from issues.readiness import readiness_of
from issues.vocabulary import IssueStatus

PROVIDER = "remote"
_CHECKED_OUT_FROM = ("todo", "backlog", "blocked", "in_progress")
_NOT_CHECKED_OUT_FOR = "execution_"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HandedTask:
    """A run as its remote agent gets it; the names are those of the answer."""

    id: str
    issue: dict[str, Any] | None
    wake_reason: str | None
    context: dict[str, Any] | None
    task_markdown: str | None
    status: str
    attempt: int
    lease_expires_at: datetime
    run_token: str | None
    created_at: datetime


def hand_over(claim: ClaimedRun, *, now: datetime) -> HandedTask | None:
    """Everything that the agent needs to begin; None when the run ended meanwhile.

    Checks the issue out for the run where a local start would, and leaves the same trace: the lease of the environment
    and the event `adapter.invoke`.
    """
    run = load_run(claim.run_id, claim.epoch)
    if run is None:
        return None
    checked_out = _check_out(run, now)
    if checked_out and run.issue is not None:
        run.issue.refresh_from_db()
    wake = load_wake(load_facts(run, checked_out=checked_out))
    _leave_trace(run, now)
    claims = RunClaims(run.agent_id, run.company_id, run.pk, run.adapter_type, run.epoch)
    return HandedTask(
        id=str(run.pk),
        issue=_shown(run),
        wake_reason=run.wake_reason,
        context=wake.payload,
        task_markdown=wake.task_text,
        status=run.status,
        attempt=run.failure_retry_count + 1,
        lease_expires_at=claim.lease_expires_at,
        run_token=mint_run_token(claims, now=now),
        created_at=run.created_at,
    )


def wants_checkout(run: HeartbeatRun, *, ready: bool) -> bool:
    """Whether the harness checks the run's issue out before it starts (spec/2 D)."""
    issue, reason = run.issue, run.wake_reason
    if issue is None or not reason or not ready:
        return False
    if reason == WakeReason.ISSUE_COMMENT_MENTIONED or reason.startswith(_NOT_CHECKED_OUT_FOR):
        return False
    return issue.assignee_agent_id == run.agent_id and issue.status in _CHECKED_OUT_FROM


def _check_out(run: HeartbeatRun, now: datetime) -> bool:
    """True when the issue is the run's now. A conflict is recorded and the run goes on."""
    if run.issue is None or not wants_checkout(run, ready=not _blocked(run)):
        return False
    expected = [IssueStatus(status) for status in _CHECKED_OUT_FROM]
    try:
        checkout_for_run(
            system("heartbeat"), run.issue.pk, agent_id=run.agent_id, run_id=run.pk, expected=expected, now=now
        )
    except Conflict as conflict:
        with transaction.atomic():
            add_notes(run, Note(f"Issue not checked out: {conflict.text}", level="warn"))
        return False
    return True


def _blocked(run: HeartbeatRun) -> bool:
    assert run.issue is not None
    return bool(readiness_of(run.company_id, [run.issue.pk])[run.issue.pk].blockers)


def _leave_trace(run: HeartbeatRun, now: datetime) -> None:
    with transaction.atomic():
        EnvironmentLease.objects.bulk_create(
            [
                EnvironmentLease(
                    company_id=run.company_id, run_id=run.pk, issue_id=run.issue_id, provider=PROVIDER, acquired_at=now
                )
            ],
            ignore_conflicts=True,
        )
        payload = {"adapterType": run.adapter_type, "attempt": run.failure_retry_count + 1}
        add_notes(run, Note("adapter invocation", event_type="adapter.invoke", payload=payload))


def _shown(run: HeartbeatRun) -> dict[str, Any] | None:
    issue = run.issue
    if issue is None:
        return None
    return {
        "id": issue.pk,
        "identifier": issue.identifier,
        "title": issue.title,
        "status": issue.status,
        "priority": issue.priority,
    }
