"""Recording what somebody decided about a silent run, and who may (spec/3 I, spec/4 section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from agents.journal import activity, log_activity
from config.common.wire.errors import BadRequest, Forbidden, NotFound
from heartbeats.models import HeartbeatRun
from issues.models import Issue
from issues.vocabulary import ISSUE_TERMINAL, OriginKind
from recovery.models import WatchdogDecision
from recovery.silence.level import CONTINUE_QUIET, Decider, may_decide, snooze_problem
from recovery.vocabulary import WatchdogDecisionKind

KIND = OriginKind.STALE_ACTIVE_RUN_EVALUATION
REASON_CHARS = 4_000
NOT_YOURS = "Only the board or the agent assigned to the run's open evaluation issue can decide about it"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was decided. `until` is needed for a snooze, and may lengthen the quiet of a `continue`."""

    kind: WatchdogDecisionKind
    until: datetime | None = None
    reason: str | None = None
    evaluation_issue_id: UUID | None = None


def open_evaluation(run: HeartbeatRun) -> Issue | None:
    """The open evaluation issue of a run."""
    about = Issue.objects.filter(company_id=run.company_id, origin_kind=KIND, origin_id=str(run.pk))
    return about.exclude(status__in=ISSUE_TERMINAL).first()


def decide_about(actor: Actor, run: HeartbeatRun, verdict: Verdict, *, now: datetime) -> WatchdogDecision:
    """Store a decision about a run of the actor's company, logged. 400 for a bad end, 403 for anybody else, 404 for an
    issue that is not about this run.
    """
    evaluation = open_evaluation(run)
    assignee = evaluation.assignee_agent_id if evaluation else None
    decider = Decider(operator=actor.is_board and actor.changes(run.company_id), agent_id=actor.agent_id)
    if not may_decide(decider, open_evaluation_assignee=assignee):
        raise Forbidden(NOT_YOURS)
    problem = snooze_problem(verdict.kind, verdict.until, now=now)
    if problem is not None:
        raise BadRequest(problem)
    with transaction.atomic():
        row = WatchdogDecision.objects.create(
            company_id=run.company_id,
            run=run,
            evaluation_issue=_named(run, verdict.evaluation_issue_id) or evaluation,
            decision=verdict.kind,
            snoozed_until=_until(verdict, now),
            reason=(verdict.reason or "")[:REASON_CHARS] or None,
            created_by_agent_id=actor.agent_id,
            created_by_user_id=None if actor.is_agent else actor.user_id,
            created_by_run_id=actor.run_id,
        )
        details = {"decision": row.decision, "runId": str(run.pk)}
        action = "heartbeat.watchdog_decision_recorded"
        log_activity(
            activity(actor, run.company_id, action, entity_type="heartbeat_run", entity_id=run.pk, details=details)
        )
    return row


def _until(verdict: Verdict, now: datetime) -> datetime | None:
    if verdict.kind is WatchdogDecisionKind.SNOOZE:
        return verdict.until
    if verdict.kind is WatchdogDecisionKind.CONTINUE:
        return max(now + CONTINUE_QUIET, verdict.until or now)
    return None


def _named(run: HeartbeatRun, issue_id: UUID | None) -> Issue | None:
    if issue_id is None:
        return None
    issue = Issue.objects.filter(pk=issue_id, company_id=run.company_id, origin_kind=KIND, origin_id=str(run.pk))
    found = issue.first()
    if found is None:
        raise NotFound.of("Evaluation issue")
    return found
