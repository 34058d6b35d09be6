"""The sweep that looks at running runs which say nothing (spec/3 I). It never touches a process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from agents.scrubbing import scrub_text
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus, WakeReason
from issues.access import lock_company
from issues.models import Issue
from issues.vocabulary import ISSUE_TERMINAL, OriginKind
from recovery.issue_actions import RecoveryIssue, also_block, change, create_recovery_issue, say
from recovery.models import WatchdogDecision
from recovery.owners import first_who_can, load_organisation
from recovery.silence.dossier import dossier_of
from recovery.silence.level import DEFAULT_THRESHOLDS, Decided, Silence, SilenceFacts, judge_silence
from recovery.silence.scan import (
    Evaluation,
    ScanAction,
    ScanDecision,
    ScanReport,
    decide_scan,
    evaluation_owner_order,
)
from recovery.silence.texts import critical_comment, evaluation_description, evaluation_title
from recovery.sweeps.rows import Done, Left, RowResult, SweepPass
from recovery.vocabulary import WatchdogDecisionKind
from recovery.waking import wake

KIND = OriginKind.STALE_ACTIVE_RUN_EVALUATION
LOST_RACE = "lost_race"

_SILENT = """
select r.id from heartbeats_heartbeatrun r
where r.status = 'running' and (%(after)s::uuid is null or r.id > %(after)s)
  and coalesce(r.last_output_at, r.process_started_at, r.started_at, r.created_at) <= %(since)s
order by r.id limit %(limit)s
"""


@dataclass(frozen=True)
class Scanned:
    """One silent run under judgement."""

    run: HeartbeatRun
    silence: Silence
    evaluation: Issue | None
    decision: ScanDecision


def scan_silent_runs(work: SweepPass) -> None:
    """Judge every running run that has been silent for an hour; open, or make louder, its one evaluation issue."""
    report = _Report()
    work.over(partial(_silent, work), partial(_scan, work, report))
    value = report.value
    names = ("scanned", "created", "existing", "escalated", "snoozed", "skipped")
    work.details |= {name: getattr(value, name) for name in names}
    work.details["evaluation_issue_ids"] = [str(issue_id) for issue_id in value.evaluation_issue_ids]


class _Report:
    def __init__(self) -> None:
        self.value = ScanReport()


def _silent(work: SweepPass, after: UUID | None, limit: int) -> Sequence[UUID]:
    since = work.now - DEFAULT_THRESHOLDS.suspicious
    with connection.cursor() as cursor:
        cursor.execute(_SILENT, {"after": after, "since": since, "limit": limit})
        return [run_id for (run_id,) in cursor.fetchall()]


def _scan(work: SweepPass, report: _Report, run_id: UUID) -> RowResult:
    known = HeartbeatRun.objects.filter(pk=run_id).values_list("company_id", flat=True).first()
    if known is None:
        return Left(LOST_RACE)
    with transaction.atomic():
        if not work.dry_run:
            lock_company(known)
        scanned = _judge(run_id, work.now)
        if scanned is None:
            return Left(LOST_RACE)
        issue_id = None if work.dry_run else _carry_out(scanned, work.now)
    report.value = report.value.counting(scanned.decision.action, issue_id)
    if scanned.decision.action not in {ScanAction.CREATED, ScanAction.ESCALATED}:
        return Left(scanned.decision.action.value)
    return Done(scanned.decision.action.value, scanned.run.company_id)


def _judge(run_id: UUID, now: datetime) -> Scanned | None:
    run = HeartbeatRun.objects.select_related("agent", "issue", "company").filter(pk=run_id).first()
    if run is None or run.status != RunStatus.RUNNING:
        return None
    row = WatchdogDecision.objects.filter(run=run).order_by("-created_at").first()
    decided = Decided(WatchdogDecisionKind(row.decision), row.created_at, row.snoozed_until) if row else None
    times = (run.created_at, run.started_at, run.process_started_at, run.last_output_at)
    silence = judge_silence(SilenceFacts(run.status, *times, decided), now=now)
    about = Issue.objects.filter(company_id=run.company_id, origin_kind=KIND, origin_id=str(run.pk))
    evaluation = about.order_by("-created_at").first()
    evaluates = run.issue is not None and run.issue.origin_kind == KIND
    return Scanned(run, silence, evaluation, decide_scan(silence, _known(evaluation), evaluates=evaluates))


def _known(issue: Issue | None) -> Evaluation | None:
    if issue is None:
        return None
    closed_at = issue.completed_at or issue.cancelled_at
    return Evaluation(issue.pk, issue.status not in ISSUE_TERMINAL, issue.priority, issue.created_at, closed_at)


def _carry_out(scanned: Scanned, now: datetime) -> UUID | None:
    decision, evaluation = scanned.decision, scanned.evaluation
    if decision.action is ScanAction.CREATED:
        evaluation = _open(scanned, now)
    elif decision.action is ScanAction.ESCALATED and evaluation is not None:
        evaluation = Issue.objects.select_for_update(no_key=True).get(pk=evaluation.pk)
        change(evaluation, {"priority": decision.priority}, {"priority": str(decision.priority)}, now=now)
        source = scanned.run.issue.identifier if scanned.run.issue else None
        say(evaluation, critical_comment(scanned.silence, source_identifier=source))
    else:
        return None
    if decision.blocks_source and scanned.run.issue is not None:
        # The relation only: a status would take the issue's lock away from a run that may still be at work.
        also_block(scanned.run.issue, evaluation.pk)
    return evaluation.pk


def _open(scanned: Scanned, now: datetime) -> Issue:
    run = scanned.run
    source = run.issue
    order = evaluation_owner_order(
        load_organisation(run.company_id),
        source_assignee_id=source.assignee_agent_id if source else None,
        running_agent_id=run.agent_id,
    )
    owner = first_who_can(order, company_id=run.company_id, project_id=source.project_id if source else None, now=now)
    assert scanned.decision.priority is not None
    evaluation = create_recovery_issue(
        RecoveryIssue(
            company_id=run.company_id,
            origin_kind=KIND,
            origin_id=str(run.pk),
            title=evaluation_title(run.agent.name),
            description=evaluation_description(dossier_of(run), scanned.silence, redact=scrub_text),
            priority=scanned.decision.priority,
            owner_id=owner,
            origin_run_id=run.pk,
            fingerprint=f"{KIND}:{run.pk}",
            beside=source,
        )
    )
    if owner is not None:
        facts: dict[str, Any] = {"sourceIssueId": str(source.pk) if source else None, "silentRunId": str(run.pk)}
        wake(
            owner,
            evaluation.pk,
            company_id=run.company_id,
            reason=WakeReason.ISSUE_ASSIGNED,
            source=KIND.value,
            facts=facts,
            now=now,
        )
    return evaluation
