"""Carrying out what was decided about one stranded issue, under its lock (spec/3 E)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from agents.budgets.blocking import invocation_block
from agents.models import Agent
from heartbeats.models import HeartbeatRun
from heartbeats.runs.lifecycle import Note
from heartbeats.runs.scheduling import NewRun, queue_run, repeat_of, retry_context, saved_session_id
from heartbeats.vocabulary import TriggerDetail, WakeupSource
from issues.models import Issue
from issues.vocabulary import IssueStatus
from recovery.escalation.escalating import escalate_stranded
from recovery.issue_actions import RECOVERY
from recovery.stranded.decision import (
    Action,
    BlockInPlace,
    DispatchAssignment,
    Escalate,
    RequeueContinuation,
    RequeueDispatch,
    Skip,
    SkipReason,
    decide_stranded,
)
from recovery.stranded.survey import DEPENDENCIES, NOT_ON_DEMAND, Stranded, load_stranded
from recovery.sweeps.rows import Left
from recovery.waking import wake

SETTLED = "settled_by_people"
LOST_RACE = "lost_race"

Verdict = Action | Left


@dataclass(frozen=True)
class Acted:
    """What was decided about one issue, and whose it is."""

    verdict: Verdict
    company_id: UUID | None = None


def decide_now(stranded: Stranded, *, now: datetime) -> Verdict:
    """The one action for this issue, or why it is left alone although the table would act."""
    action = decide_stranded(stranded.facts)
    if isinstance(action, Skip | BlockInPlace):
        return action
    if stranded.blocked:
        return Left(DEPENDENCIES)
    if isinstance(action, Escalate):
        return action
    if isinstance(action, DispatchAssignment) and not stranded.wake_on_demand:
        return Left(NOT_ON_DEMAND)
    return Skip(SkipReason.BUDGET_BLOCKED) if _over_budget(stranded, now) else action


def would_act_on(issue_id: UUID, *, now: datetime) -> Acted:
    """What `act_on` would do; writes nothing."""
    found = load_stranded([issue_id], cap=settings.AUTOMATIC_RUNS_PER_ISSUE).get(issue_id)
    return Acted(decide_now(found, now=now), found.company_id) if found else Acted(Left(LOST_RACE))


def act_on(issue_id: UUID, *, now: datetime) -> Acted:
    """Decide and act in one transaction; what somebody else holds at this moment is left for the next pass."""
    found = load_stranded([issue_id], cap=settings.AUTOMATIC_RUNS_PER_ISSUE).get(issue_id)
    return Acted(_act(found, now), found.company_id) if found else Acted(Left(LOST_RACE))


def _act(found: Stranded, now: datetime) -> Verdict:
    issue_id = found.issue_id
    action = decide_now(found, now=now)
    if isinstance(action, Escalate | BlockInPlace):
        return _escalate(found, action, now)
    if isinstance(action, Skip | Left):
        return action
    with transaction.atomic():
        free = Issue.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=issue_id)
        if free.values_list("pk").first() is None:
            return Left(LOST_RACE)
        again = load_stranded([issue_id], cap=settings.AUTOMATIC_RUNS_PER_ISSUE)[issue_id]
        if again != found:
            return Left(LOST_RACE)
        _start(found, action, now)
    return action


def _over_budget(stranded: Stranded, now: datetime) -> bool:
    assert stranded.agent_id is not None
    return invocation_block(stranded.company_id, stranded.agent_id, stranded.project_id, now=now) is not None


def _escalate(stranded: Stranded, action: Escalate | BlockInPlace, now: datetime) -> Verdict:
    done = escalate_stranded(stranded.company_id, stranded.issue_id, stranded.run_id, action.cause, now)
    if done.won:
        return action
    return _once_more(stranded, now) if done.settled else Left(LOST_RACE)


def _once_more(stranded: Stranded, now: datetime) -> Verdict:
    """People closed the recovery issue about this very run and left the work open: it is tried once more.

    If that run fails too, it is new evidence, and a new recovery issue follows (K.9).
    """
    status = stranded.facts.status
    action: Action = RequeueDispatch() if status == IssueStatus.TODO else RequeueContinuation()
    if _over_budget(stranded, now):
        return Skip(SkipReason.BUDGET_BLOCKED)
    with transaction.atomic():
        Issue.objects.select_for_update(no_key=True).get(pk=stranded.issue_id)
        if load_stranded([stranded.issue_id], cap=settings.AUTOMATIC_RUNS_PER_ISSUE)[stranded.issue_id] != stranded:
            return Left(LOST_RACE)
        _start(stranded, action, now)
    return action


def _start(stranded: Stranded, action: Action, now: datetime) -> None:
    assert stranded.agent_id is not None
    if isinstance(action, DispatchAssignment):
        wake(
            stranded.agent_id,
            stranded.issue_id,
            company_id=stranded.company_id,
            reason=action.wake_reason,
            source=action.context_source,
            facts={"mutation": action.mutation},
            now=now,
            in_context=False,
        )
    elif isinstance(action, RequeueDispatch | RequeueContinuation):
        queue_run(_recovery_run(stranded, action), now=now)


def _recovery_run(stranded: Stranded, action: RequeueDispatch | RequeueContinuation) -> NewRun:
    assert stranded.agent_id is not None
    agent = Agent.objects.get(pk=stranded.agent_id)
    issue = str(stranded.issue_id)
    facts = {
        "issueId": issue,
        "taskId": issue,
        "wakeReason": action.wake_reason.value,
        "retryReason": action.retry_reason.value,
        "source": action.context_source,
    }
    note = Note("Queued one automatic recovery run", level="warn", payload=facts)
    run = HeartbeatRun.objects.filter(pk=stranded.run_id, agent_id=agent.pk).first() if stranded.run_id else None
    if run is None:
        return _without_original(stranded, agent, action, facts, note)
    return repeat_of(
        run,
        agent,
        reason=action.wake_reason,
        retry_reason=action.retry_reason,
        context=retry_context(run, **facts),
        requested_by=RECOVERY,
        notes=[note],
    )


def _without_original(
    stranded: Stranded, agent: Agent, action: RequeueDispatch | RequeueContinuation, facts: dict[str, str], note: Note
) -> NewRun:
    """The latest run was another agent's, or is gone: the assignee starts without a run to repeat."""
    task_key = str(stranded.issue_id)
    return NewRun(
        agent_id=agent.pk,
        company_id=stranded.company_id,
        adapter_type=agent.adapter_type,
        host_label=agent.host_label,
        source=WakeupSource.AUTOMATION,
        trigger_detail=TriggerDetail.SYSTEM,
        reason=action.wake_reason,
        context={**facts, "taskKey": task_key},
        payload={"issueId": task_key},
        issue_id=stranded.issue_id,
        task_key=task_key,
        session_id_before=saved_session_id(agent.pk, agent.adapter_type, task_key),
        retry_of_run_id=stranded.run_id,
        retry_reason=action.retry_reason,
        inherits_lock=True,
        requested_by=RECOVERY,
        notes=[note],
    )
