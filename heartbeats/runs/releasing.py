"""Freeing an issue when its run has ended, and saying what moves it next (spec/2 H)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agents.models import Agent
from heartbeats import hooks
from heartbeats.models import HeartbeatRun
from heartbeats.runs.ending import Ending, let_go
from heartbeats.runs.issue_ledger import ledger_of
from heartbeats.runs.lifecycle import Note
from heartbeats.runs.release import (
    RECOVERY_OF_STATUS,
    EndedRun,
    Escalate,
    Promote,
    Recover,
    Release,
    ReleasedIssue,
    plan_release,
)
from heartbeats.runs.scheduling import queue_run, repeat_of, retry_context
from heartbeats.runs.surroundings import Surroundings
from heartbeats.vocabulary import ErrorCode, ErrorFamily, RunStatus
from heartbeats.wakeups.deferred import WaitingWakes, drop, load_waiting, nobody_waits, promote
from issues.models import Issue
from issues.readiness import pause_hold_of
from issues.vocabulary import IssueStatus


def release_and_promote(
    ending: Ending,
    *,
    now: datetime,
    other_live_run: bool | None = None,
    waiting: WaitingWakes | None = None,
    around: Surroundings | None = None,
) -> HeartbeatRun | None:
    """Clear both locks where they are the run's, promote one deferred wakeup, else queue one recovery or escalate.

    The rows of `ending` are locked and the run is terminal. Returns the run that takes over, None when there is none.
    Nothing happens when another run holds the issue. What the caller has read already it may pass on.
    """
    if ending.issue is None:
        return None
    issue, run = ending.issue, ending.run
    if issue.execution_run_id not in (None, run.pk):
        let_go(issue, run)
        return None
    if around is not None:
        waiting, other_live_run = waiting or (None if around.waits else nobody_waits()), around.other_live_run
    waiting = waiting or load_waiting(issue)
    plan = _plan(ending, waiting, _has_other_live_run(run) if other_live_run is None else other_live_run, around)
    let_go(issue, run)
    for step in plan.dropped:
        drop(waiting, step, now=now)
    return _carry_out(ending, waiting, plan, now, around)


def error_family_of(error_code: str | None, result: Mapping[str, Any] | None) -> str | None:
    """The family that the result names, else the one that the code implies (spec/3 B, K.7).

    A parked run's code wins over what its adapter once said: no retry of any kind mends what kills its supervisor.
    """
    if error_code == ErrorCode.POISON:
        return ErrorFamily.POISON.value
    named = (result or {}).get("errorFamily")
    if isinstance(named, str) and named.strip():
        return named.strip()
    return ErrorFamily.TRANSIENT_UPSTREAM.value if error_code in ErrorCode.TRANSIENT_UPSTREAM else None


def _plan(ending: Ending, waiting: WaitingWakes, other_live_run: bool, around: Surroundings | None) -> Release:
    issue, run, agent = ending.issue, ending.run, ending.agent
    assert issue is not None
    stranded = not other_live_run and _could_recover(issue, run)
    held = waiting.hold if waiting.rows else (_hold_over(issue, around) if stranded else None)
    released = ReleasedIssue(
        status=issue.status,
        assignee_agent_id=str(issue.assignee_agent_id) if issue.assignee_agent_id else None,
        execution_run_id=str(issue.execution_run_id) if issue.execution_run_id else None,
        origin_kind=issue.origin_kind,
        assignee_user_id=str(issue.assignee_user_id) if issue.assignee_user_id else None,
        held=held is not None,
        other_live_run=other_live_run,
    )
    ended = EndedRun(
        id=str(run.pk),
        agent_id=str(run.agent_id),
        status=run.status,
        agent_status=agent.status,
        retry_reason=run.retry_reason,
        error_family=error_family_of(run.error_code, run.result),
        ledger_allows=(around.ledger if around else ledger_of(issue)).allows if stranded else True,
    )
    return plan_release(released, ended, waiting.wakes)


def _hold_over(issue: Issue, around: Surroundings | None) -> dict[str, Any] | None:
    return around.hold if around else pause_hold_of(issue.company_id, issue.pk)


def _could_recover(issue: Issue, run: HeartbeatRun) -> bool:
    """Whether the question of a recovery arises at all: it spares hold and ledger for the common case."""
    active = IssueStatus(issue.status) in RECOVERY_OF_STATUS
    return active and run.status in RunStatus.UNSUCCESSFUL and issue.assignee_agent_id == run.agent_id


def _has_other_live_run(run: HeartbeatRun) -> bool:
    return HeartbeatRun.objects.live().filter(issue=run.issue_id).exclude(pk=run.pk).exists()


def _carry_out(
    ending: Ending, waiting: WaitingWakes, plan: Release, now: datetime, around: Surroundings | None
) -> HeartbeatRun | None:
    assert ending.issue is not None
    match plan.then:
        case Promote() as step:
            return promote(ending.issue, waiting, step, now=now)
        case Recover() as step:
            return _recover(ending.run, ending.agent, step, now, around)
        case Escalate(cause):
            hooks.escalate_issue(ending.issue, ending.run, cause, now=now)
    return None


def _recover(
    run: HeartbeatRun, agent: Agent, step: Recover, now: datetime, around: Surroundings | None
) -> HeartbeatRun:
    facts = {
        "issueId": str(run.issue_id),
        "taskId": str(run.issue_id),
        "wakeReason": step.wake_reason.value,
        "retryReason": step.retry_reason.value,
        "source": step.source,
    }
    known: dict[str, Any] = {"session_id_before": around.session_name} if around else {}
    note = Note("Queued one automatic recovery run", level="warn", payload={**facts, "retryOfRunId": str(run.pk)})
    new = repeat_of(
        run,
        agent,
        reason=step.wake_reason,
        retry_reason=step.retry_reason,
        context=retry_context(run, **facts),
        notes=[note],
        **known,
    )
    return queue_run(new, now=now)
