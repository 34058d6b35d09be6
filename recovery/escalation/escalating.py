"""Making an issue's trouble somebody's business: one recovery issue, the block, the comment, the wake (spec/3 F)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from agents.journal import written_together
from agents.models import Agent
from config.common.after_commit import call
from heartbeats.models import HeartbeatRun
from heartbeats.runs.lifecycle import Note, add_notes
from heartbeats.vocabulary import ErrorCode, RunStatus, WakeReason
from issues.models import Issue
from issues.vocabulary import ISSUE_ACTIVE, ISSUE_TERMINAL, RECOVERY_ORIGINS, IssueStatus, OriginKind
from recovery.issue_actions import (
    RecoveryIssue,
    block_by_recovery,
    create_recovery_issue,
    lock_issue_first,
    move,
    say,
)
from recovery.owners import first_who_can, load_organisation
from recovery.retries.permanent import permanent_family, permanent_next_action
from recovery.stranded.decision import EscalationCause
from recovery.stranded.owners import recovery_owner_order
from recovery.stranded.texts import (
    StrandedSource,
    escalation_comment,
    in_place_comment,
    recovery_issue_description,
    recovery_issue_title,
    retry_reason_for,
)
from recovery.waking import wake

KIND = OriginKind.STRANDED_ISSUE_RECOVERY

# What a release or a failure policy calls the cause (heartbeats.runs), and what it is here.
CAUSE_OF = {
    "recovery_issue": EscalationCause.RECOVERY_ISSUE_FAILED,
    "agent_not_invokable": EscalationCause.AGENT_NOT_INVOKABLE,
    "permanent_failure": EscalationCause.PERMANENT_FAILURE,
    "retry_ledger_exhausted": EscalationCause.LEDGER_SPENT,
    "agent_failure_exhausted": EscalationCause.AGENT_FAILED,
}


@dataclass(frozen=True)
class Escalated:
    """What one escalation did. `won` False: the issue had moved on. `settled`: people closed this very evidence."""

    won: bool
    recovery_issue_id: UUID | None = None
    settled: bool = False


def escalate_after_release(issue: Issue, run: HeartbeatRun, cause: str, now: datetime) -> None:
    """The hook of a release: note it on the run now, escalate once this transaction commits.

    The release holds locks that come after the company's, which opening an issue needs first. Should the process die
    between the two, the reconciliation finds the issue and escalates it.
    """
    known = cause_of(cause, issue)
    facts = {"issueId": str(issue.pk), "cause": known.value}
    add_notes(run, Note("No automatic run is left: the issue goes to people", level="warn", payload=facts))
    call(escalate_stranded, issue.company_id, issue.pk, run.pk, known, now)


def cause_of(cause: str, issue: Issue) -> EscalationCause:
    """The cause by the word of a release; anything else means that the one recovery run was used."""
    if issue.status == IssueStatus.TODO:
        return CAUSE_OF.get(cause, EscalationCause.DISPATCH_RETRIED)
    return CAUSE_OF.get(cause, EscalationCause.CONTINUATION_RETRIED)


def escalate_stranded(
    company_id: UUID, issue_id: UUID, run_id: UUID | None, cause: EscalationCause, now: datetime
) -> Escalated:
    """Escalate one issue whose latest run is `run_id`, in one transaction. Locks company → issue → wakeups.

    Does nothing when the issue is active no more, a run is live on it, or it has a newer run. A failing recovery issue
    is blocked in place. Racing calls open one recovery issue and all return.
    """
    with transaction.atomic(), written_together():
        issue = lock_issue_first(company_id, issue_id)
        if issue is None or issue.status not in ISSUE_ACTIVE or issue.assignee_agent_id is None:
            return Escalated(won=False)
        run = HeartbeatRun.objects.filter(issue=issue).order_by("-created_at", "-pk").first()
        if run is not None and (run.status in RunStatus.LIVE or run.pk != run_id):
            return Escalated(won=False)
        if issue.origin_kind in RECOVERY_ORIGINS:
            return _block_in_place(issue, run, now)
        return _escalate(issue, run, cause, now)


def _escalate(issue: Issue, run: HeartbeatRun | None, cause: EscalationCause, now: datetime) -> Escalated:
    recovery, settled = _about(issue, run)
    if settled:
        return Escalated(won=False, settled=True)
    assert issue.assignee_agent is not None
    source, next_action = _source(issue, run), _next_action(cause, run, issue.assignee_agent)
    if recovery is None:
        recovery = _open(issue, run, source, next_action, now)
    block_by_recovery(issue, recovery.pk if recovery else None, _evidence(run, cause), now=now)
    identifier = recovery.identifier if recovery else None
    say(issue, escalation_comment(cause, source, recovery_identifier=identifier, next_action=next_action))
    if recovery is not None:
        _wake_owner(issue, recovery, run, now)
    return Escalated(True, recovery.pk if recovery else None)


def _about(issue: Issue, run: HeartbeatRun | None) -> tuple[Issue | None, bool]:
    """The open recovery issue of this source; or whether people closed one about this very run (K.9).

    New trouble takes a new run. One statement.
    """
    same = Q(origin_run_id=run.pk) if run is not None else Q(pk=None)
    about = Issue.objects.filter(company_id=issue.company_id, origin_kind=KIND, origin_id=str(issue.pk))
    rows = list(about.filter(same | ~Q(status__in=ISSUE_TERMINAL)).order_by("created_at"))
    still_open = next((row for row in rows if row.status not in ISSUE_TERMINAL), None)
    return still_open, still_open is None and bool(rows)


def _open(
    issue: Issue, run: HeartbeatRun | None, source: StrandedSource, next_action: str | None, now: datetime
) -> Issue | None:
    order = recovery_owner_order(
        load_organisation(issue.company_id), assignee_id=issue.assignee_agent_id, creator_id=issue.created_by_agent_id
    )
    owner = first_who_can(order, company_id=issue.company_id, project_id=issue.project_id, now=now)
    if owner is None:
        return None
    return create_recovery_issue(
        RecoveryIssue(
            company_id=issue.company_id,
            origin_kind=KIND,
            origin_id=str(issue.pk),
            title=recovery_issue_title(issue.identifier),
            description=recovery_issue_description(source, next_action=next_action),
            priority=issue.priority,
            owner_id=owner,
            origin_run_id=run.pk if run else None,
            fingerprint=f"{KIND}:{issue.pk}",
            parent=issue,
        )
    )


def _wake_owner(issue: Issue, recovery: Issue, run: HeartbeatRun | None, now: datetime) -> None:
    if recovery.assignee_agent_id is None:
        return
    facts = {"sourceIssueId": str(issue.pk), "strandedRunId": str(run.pk) if run else None}
    wake(
        recovery.assignee_agent_id,
        recovery.pk,
        company_id=issue.company_id,
        reason=WakeReason.ISSUE_ASSIGNED,
        source=KIND.value,
        facts=facts,
        now=now,
    )


def _block_in_place(issue: Issue, run: HeartbeatRun | None, now: datetime) -> Escalated:
    """A failing recovery issue keeps owner and origin, and stays the source's blocker: recovery never nests."""
    move(issue, IssueStatus.BLOCKED, _evidence(run, EscalationCause.RECOVERY_ISSUE_FAILED), now=now)
    say(issue, in_place_comment(_source(issue, run)))
    return Escalated(True, issue.pk)


def _source(issue: Issue, run: HeartbeatRun | None) -> StrandedSource:
    reason = run.retry_reason if run is not None and run.retry_reason else None
    return StrandedSource(
        identifier=issue.identifier,
        previous_status=str(issue.status),
        run_id=run.pk if run else None,
        run_agent_id=run.agent_id if run else None,
        run_status=run.status if run else None,
        retry_reason=reason or (retry_reason_for(issue.status).value if run is None else None),
    )


def _next_action(cause: EscalationCause, run: HeartbeatRun | None, agent: Agent) -> str | None:
    if run is not None and run.error_code == ErrorCode.POISON:
        return (
            f"Look at the attempts of {agent.name}: its execution ended its supervisor {run.supervisor_losses} times, "
            "so it is parked."
        )
    family = permanent_family(run.error_code, run.result) if run is not None else None
    if family is not None:
        return permanent_next_action(family, agent_name=agent.name, adapter_type=agent.adapter_type)
    if cause is EscalationCause.AGENT_NOT_INVOKABLE:
        return f"Resume {agent.name}, or hand the issue to somebody who can be woken."
    return None


def _evidence(run: HeartbeatRun | None, cause: EscalationCause) -> dict[str, str | None]:
    return {
        "source": "recovery.reconcile_stranded",
        "cause": cause.value,
        "latestRunId": str(run.pk) if run else None,
        "latestRunStatus": run.status if run else None,
        "latestRunErrorCode": run.error_code if run else None,
    }
