"""What a remote agent is handed with a run: the same words that a local one gets (spec/1 D, spec/2 D)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from agents.actors import system
from agents.journal import activity, log_activity
from agents.models import Skill
from agents.run_token import RunClaims, mint_run_token
from heartbeats.execution.auto_checkout import check_out
from heartbeats.execution.start_facts import load_facts, load_run, load_wake
from heartbeats.models import EnvironmentLease, HeartbeatRun
from heartbeats.models.environment import LeaseStatus
from heartbeats.runs.claiming import ClaimedRun
from heartbeats.runs.lifecycle import Note, add_notes

PROVIDER = "remote"


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
    facts = load_facts(run, check_out(run, now=now))
    wake = load_wake(facts)
    _leave_trace(run, facts.notes, now)
    claims = RunClaims(run.agent_id, run.company_id, run.pk, run.adapter_type, run.epoch)
    return HandedTask(
        id=str(run.pk),
        issue=_shown(run),
        wake_reason=run.wake_reason,
        context=_with_skills(wake.payload, facts.skills),
        task_markdown=wake.task_text,
        status=run.status,
        attempt=run.failure_retry_count + 1,
        lease_expires_at=claim.lease_expires_at,
        run_token=mint_run_token(claims, now=now),
        created_at=run.created_at,
    )


def _with_skills(payload: dict[str, Any] | None, skills: Sequence[Skill]) -> dict[str, Any] | None:
    """The wake with the run's skills, whole: a remote agent has no run directory in which they could lie."""
    if not skills:
        return payload
    told = [{"key": one.key, "name": one.name, "description": one.description, "body": one.body} for one in skills]
    return {**(payload or {}), "skills": told}


def _leave_trace(run: HeartbeatRun, said: Sequence[str], now: datetime) -> None:
    with transaction.atomic():
        _take_lease(run, now)
        payload = {"adapterType": run.adapter_type, "attempt": run.failure_retry_count + 1}
        invoked = Note("adapter invocation", event_type="adapter.invoke", payload=payload)
        add_notes(run, invoked, *(Note(text, level="warn") for text in said))


def _take_lease(run: HeartbeatRun, now: datetime) -> None:
    """The environment is the worker's own, so the lease is one in name; logged like every other (spec/4 16)."""
    if EnvironmentLease.objects.filter(run_id=run.pk, status=LeaseStatus.ACTIVE).exists():
        return
    lease = EnvironmentLease(
        company_id=run.company_id, run_id=run.pk, issue_id=run.issue_id, provider=PROVIDER, acquired_at=now
    )
    lease.save(force_insert=True)
    row = activity(
        system("environments"),
        run.company_id,
        "environment.lease_acquired",
        entity_type="environment_lease",
        entity_id=lease.pk,
        details={"provider": PROVIDER},
        run_id=run.pk,
    )
    row.agent_id = run.agent_id
    log_activity(row)


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
