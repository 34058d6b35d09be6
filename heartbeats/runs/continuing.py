"""Continuing by itself what a run only planned (spec/3 H)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models.functions import Now

from agents.actors import system
from heartbeats.models import HeartbeatRun
from heartbeats.runs.continuation import EXHAUSTED_HEADING, ContinuationFacts, Continue, Exhausted, judge_continuation
from heartbeats.runs.ending import Ending
from heartbeats.runs.issue_ledger import ledger_of
from heartbeats.runs.owed_comment import post_for_agent
from heartbeats.vocabulary import LivenessState, RunStatus, TriggerDetail, WakeReason, WakeupSource
from heartbeats.wakeups.request import WakeupAsk, WakeupConflict, request_wakeup
from issues.models import IssueComment


def continue_if_only_planned(ending: Ending, *, now: datetime, live_run: bool) -> UUID | None:
    """Request one continuation wakeup, or say once that they are spent; the run that will continue, if any.

    The rows of `ending` are locked, the run is terminal and released. `live_run`: somebody moves the issue already.
    Costs nothing unless the run succeeded as `plan_only` or `empty_response`.
    """
    issue, run = ending.issue, ending.run
    if issue is None or run.status != RunStatus.SUCCEEDED or run.liveness_state not in LivenessState.CONTINUABLE:
        return None
    facts = ContinuationFacts(
        run_id=str(run.pk),
        run_status=run.status,
        agent_id=str(run.agent_id),
        agent_status=ending.agent.status,
        liveness_state=run.liveness_state,
        liveness_reason=run.liveness_reason,
        next_action=run.next_action,
        continuation_attempt=run.continuation_attempt,
        issue_id=str(issue.pk),
        issue_status=issue.status,
        assignee_agent_id=str(issue.assignee_agent_id) if issue.assignee_agent_id else None,
        has_execution_state=bool(issue.execution_state),
        issue_live_run=live_run,
        ledger_allows=ledger_of(issue).allows,
    )
    match judge_continuation(facts):
        case Continue() as step:
            return _request(ending, step, now)
        case Exhausted() as step:
            _say_exhausted(ending, step)
    return None


def _request(ending: Ending, step: Continue, now: datetime) -> UUID | None:
    """The gates of every wakeup hold here too; a budget that is spent (409) simply means no continuation."""
    ask = WakeupAsk(
        agent_id=ending.agent.pk,
        company_id=ending.run.company_id,
        source=WakeupSource.AUTOMATION,
        trigger_detail=TriggerDetail.SYSTEM,
        reason=WakeReason.RUN_LIVENESS_CONTINUATION,
        payload=step.payload,
        context={**step.context, **({"taskKey": ending.run.task_key} if ending.run.task_key else {})},
        idempotency_key=step.idempotency_key,
        requested_by=system("heartbeat"),
    )
    try:
        return request_wakeup(ask, now=now).run_id
    except WakeupConflict:
        return None


def _say_exhausted(ending: Ending, step: Exhausted) -> None:
    run, issue = ending.run, ending.issue
    assert issue is not None
    run.liveness_reason = step.liveness_reason
    HeartbeatRun.objects.filter(pk=run.pk).update(liveness_reason=step.liveness_reason, updated_at=Now())
    said = IssueComment.objects.filter(issue_id=issue.pk, created_by_run_id=run.pk, body__startswith=EXHAUSTED_HEADING)
    if not said.exists():
        post_for_agent(issue, run, step.comment)
