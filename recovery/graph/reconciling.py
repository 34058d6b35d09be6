"""The sweep that finds issues which wait for something that will never come (spec/3 J). Off unless switched on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from heartbeats.vocabulary import RunStatus, WakeReason
from issues.access import lock_company
from issues.models import Issue, IssueRelation
from issues.vocabulary import ISSUE_TERMINAL, IssueStatus, Priority
from recovery.graph.classify import Finding, Severity
from recovery.graph.escalations import (
    LivenessPlan,
    OpenEscalation,
    Retirement,
    escalation_description,
    escalation_owner_order,
    escalation_title,
    plan_liveness,
)
from recovery.graph.loading import KIND, closed_escalations, load_escalations, load_graph, waiting_companies
from recovery.graph.model import IssueGraph
from recovery.issue_actions import RecoveryIssue, also_block, create_recovery_issue, move, open_recovery_issue, unblock
from recovery.models import RecoverySettings
from recovery.owners import first_who_can
from recovery.sweeps.rows import Done, Left, RowResult, SweepPass
from recovery.waking import wake


@dataclass
class Reconciled:
    """What one reconciliation of all companies did, or would do."""

    escalations_created: int = 0
    existing_escalations: int = 0
    skipped_outside_lookback: int = 0
    settled: int = 0
    retired: int = 0
    escalation_issue_ids: list[UUID] = field(default_factory=list)

    def add(self, plan: LivenessPlan, opened: list[UUID], retired: int) -> None:
        """Count one company."""
        self.escalations_created += len(opened)
        self.existing_escalations += len(plan.existing)
        self.skipped_outside_lookback += len(plan.outside_lookback)
        self.settled += len(plan.settled)
        self.retired += retired
        self.escalation_issue_ids += opened

    def as_dict(self, lookback_hours: int) -> dict[str, Any]:
        """Plain values under the names of spec/4 section 15."""
        ids = [str(issue_id) for issue_id in self.escalation_issue_ids]
        return {
            "lookback_hours": lookback_hours,
            "escalations_created": self.escalations_created,
            "existing_escalations": self.existing_escalations,
            "skipped_outside_lookback": self.skipped_outside_lookback,
            "settled": self.settled,
            "escalations_retired": self.retired,
            "escalation_issue_ids": ids,
        }


def recovery_settings() -> RecoverySettings:
    """The instance's switches, as stored or as they are by default."""
    return RecoverySettings.objects.first() or RecoverySettings()


def graph_liveness(work: SweepPass) -> None:
    """Reconcile each company that has something waiting, under its own guard. Only reports while switched off."""
    switches = recovery_settings()
    hours = switches.graph_liveness_lookback_hours
    totals = Reconciled()
    acting = switches.graph_liveness_auto_recovery and not work.dry_run
    for company_id in waiting_companies():
        work.guarded(company_id, partial(_company, work, totals, timedelta(hours=hours), acting))
    if not switches.graph_liveness_auto_recovery and not work.dry_run:
        work.tally.skip("auto_recovery_off", totals.escalations_created)
    work.details |= {**totals.as_dict(hours), "auto_recovery": switches.graph_liveness_auto_recovery}


def _company(work: SweepPass, totals: Reconciled, lookback: timedelta, acting: bool, company_id: UUID) -> RowResult:
    if not acting:
        plan = plan_for(company_id, now=work.now, lookback=lookback)
        totals.add(plan, [UUID(str(finding.leaf.issue_id)) for finding in plan.open], len(plan.retire))
        would = work.dry_run and (plan.open or plan.retire)
        return Done("reconciled", company_id) if would else Left("healthy")
    plan, opened, retired = reconcile_company(company_id, now=work.now, lookback=lookback)
    totals.add(plan, opened, retired)
    return Done("reconciled", company_id) if opened or retired else Left("healthy")


def plan_for(company_id: UUID, *, now: datetime, lookback: timedelta | None) -> LivenessPlan:
    """What a reconciliation of this company would do. Six statements, nothing written."""
    return _plan(load_graph(company_id), company_id, now, lookback)


def reconcile_company(
    company_id: UUID, *, now: datetime, lookback: timedelta | None
) -> tuple[LivenessPlan, list[UUID], int]:
    """Plan and carry out under the company's lock: the plan, the opened escalations, how many were retired."""
    with transaction.atomic():
        lock_company(company_id)
        graph = load_graph(company_id)
        plan = _plan(graph, company_id, now, lookback)
        opened = [issue_id for finding in plan.open if (issue_id := _open(graph, finding, now)) is not None]
        retired = sum(_retire(escalation, retirement, now) for escalation, retirement in plan.retire)
    return plan, opened, retired


def finding_shape(finding: Finding) -> dict[str, Any]:
    """One finding of a preview."""
    return {
        "incident_key": finding.incident_key,
        "state": finding.state.value,
        "severity": finding.severity.value,
        "reason": finding.reason,
        "source_issue_id": str(finding.source.issue_id),
        "source_identifier": finding.source.identifier,
        "leaf_issue_id": str(finding.leaf.issue_id),
        "leaf_identifier": finding.leaf.identifier,
        "dependency_path": [issue.identifier for issue in finding.path],
        "recovery_title": escalation_title(finding),
    }


def _plan(graph: IssueGraph, company_id: UUID, now: datetime, lookback: timedelta | None) -> LivenessPlan:
    escalations = load_escalations(company_id)
    return plan_liveness(graph, escalations, now=now, lookback=lookback, closed_at=closed_escalations(company_id))


def _open(graph: IssueGraph, finding: Finding, now: datetime) -> UUID | None:
    company_id, source_id = UUID(str(finding.company_id)), UUID(str(finding.source.issue_id))
    if open_recovery_issue(company_id, KIND, origin_id=finding.incident_key, fingerprint=finding.leaf_key):
        return None
    source = Issue.objects.select_for_update(no_key=True).filter(pk=source_id).exclude(status__in=ISSUE_TERMINAL)
    blocked = source.first()
    if blocked is None:
        return None
    order = escalation_owner_order(graph, finding)
    owner = first_who_can(order, company_id=company_id, project_id=blocked.project_id, now=now)
    escalation = create_recovery_issue(
        RecoveryIssue(
            company_id=company_id,
            origin_kind=KIND,
            origin_id=finding.incident_key,
            title=escalation_title(finding),
            description=escalation_description(finding),
            priority=Priority.HIGH if finding.severity is Severity.CRITICAL else Priority.MEDIUM,
            owner_id=owner,
            fingerprint=finding.leaf_key,
            beside=blocked,
        )
    )
    also_block(blocked, escalation.pk)
    if owner is not None:
        facts = {
            "sourceIssueId": str(source_id),
            "leafIssueId": str(finding.leaf.issue_id),
            "incidentKey": finding.incident_key,
        }
        reason = WakeReason.ISSUE_ASSIGNED
        wake(owner, escalation.pk, company_id=company_id, reason=reason, source=KIND.value, facts=facts, now=now)
    return escalation.pk


def _retire(escalation: OpenEscalation, retirement: Retirement, now: datetime) -> bool:
    """The trouble is over: nothing waits for the escalation any more, and it is cancelled unless a run is on it."""
    issue_id = UUID(str(escalation.issue_id))
    waiting = list(IssueRelation.objects.filter(blocker_id=issue_id).values_list("blocked_id", flat=True))
    issue = Issue.objects.select_for_update(no_key=True).filter(pk=issue_id).exclude(status__in=ISSUE_TERMINAL).first()
    if issue is None:
        return False
    freed = unblock(waiting, issue_id)
    live = issue.runs.filter(status__in=RunStatus.LIVE).exists()
    if retirement is Retirement.RELEASE_ONLY or live:
        return freed > 0
    move(issue, IssueStatus.CANCELLED, {"source": "recovery.graph_liveness", "reason": "obsolete"}, now=now)
    return True
