"""Whether a queued run may start: the claim gates, in order; the first match wins (spec/2 C)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.vocabulary import NOT_INVOKABLE
from heartbeats.readings import JsonObject
from heartbeats.runs.stop import gate_stop_metadata, stop_reason
from heartbeats.vocabulary import ErrorCode, RunStatus, StopReason, TimeoutSource, WakeupStatus
from heartbeats.wakeups.context import Context, current_comment_id, is_interaction_wake
from issues.vocabulary import ISSUE_TERMINAL, IssueStatus

HOLD_ACTIVITY = "issue.tree_hold_run_interrupted"

_AGENT_GONE = "Cancelled because the agent no longer exists"
_NOT_INVOKABLE = "Cancelled because the agent is not invokable"
_HELD = "Cancelled because issue is held by an active subtree pause hold"
_BLOCKED = "Cancelled because issue dependencies are still blocked; the assignee is woken when they are resolved"
_ISSUE_GONE = "Cancelled because the target issue no longer exists"
_ASSIGNEE = "Cancelled because issue assignee changed before the queued run could start; the new owner is woken instead"
_TERMINAL = "Cancelled because issue reached terminal status ({status}) before the queued run could start"
_REVIEWER = (
    "Cancelled because the in-review participant changed before the queued run could start; "
    "the current participant is woken instead"
)


@dataclass(frozen=True)
class Participant:
    """Who has the word in a review or approval stage."""

    type: str
    id: str | None


@dataclass(frozen=True)
class ClaimIssue:
    """The issue of a queued run, under its lock."""

    id: str
    status: str
    assignee_agent_id: str | None
    execution_run_id: str | None = None
    participant: Participant | None = None
    stage_type: str | None = None
    unresolved_blocker_ids: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class ClaimFacts:
    """All that the gates look at. ``issue`` is None without ``issue_id``, or when the issue is gone."""

    run_id: str
    agent_id: str
    agent_status: str | None
    context: Context
    budget_reason: str | None = None
    issue_id: str | None = None
    issue: ClaimIssue | None = None
    hold_id: str | None = None
    verified_interaction: bool = False


@dataclass(frozen=True)
class Claim:
    """The run starts. ``stamp_lock``: it takes (or keeps) the issue's execution lock."""

    stamp_lock: bool


@dataclass(frozen=True)
class Refusal:
    """The run ends ``cancelled`` without starting, and so does its wakeup, in its own status.

    ``stop`` goes into the result, ``details`` into the event; ``activity`` is logged if named. The issue's lock is
    cleared when it is this run's, and what waits behind the run is promoted (spec/4 16.1).
    """

    error_code: ErrorCode
    reason: str
    wakeup_status: WakeupStatus
    stop: JsonObject
    details: Mapping[str, Any] = field(default_factory=dict)
    activity: str | None = None


def judge_claim(facts: ClaimFacts) -> Claim | Refusal:
    """The verdict on one queued run. Agent and issue must be locked."""
    refusal = _judge_agent(facts) or _judge_hold(facts) or _judge_issue(facts)
    return refusal or Claim(stamp_lock=_may_lock(facts))


def _judge_agent(facts: ClaimFacts) -> Refusal | None:
    if facts.agent_status is None:
        return _cancelled(_AGENT_GONE)
    if facts.agent_status in NOT_INVOKABLE:
        return _cancelled(_NOT_INVOKABLE, {"agentStatus": facts.agent_status})
    return _cancelled(facts.budget_reason) if facts.budget_reason is not None else None


def _judge_hold(facts: ClaimFacts) -> Refusal | None:
    if facts.issue_id is None or facts.hold_id is None or facts.verified_interaction:
        return None
    return _cancelled(_HELD, {"issueId": facts.issue_id, "holdId": facts.hold_id}, HOLD_ACTIVITY)


def _judge_issue(facts: ClaimFacts) -> Refusal | None:
    if facts.issue_id is None:
        return None
    if facts.issue is None:
        return _stale(ErrorCode.ISSUE_NOT_FOUND, _ISSUE_GONE, {"issueId": facts.issue_id})
    return _judge_blockers(facts, facts.issue) or _judge_staleness(facts, facts.issue)


def _judge_blockers(facts: ClaimFacts, issue: ClaimIssue) -> Refusal | None:
    if not issue.unresolved_blocker_ids or is_interaction_wake(facts.context):
        return None
    return Refusal(
        ErrorCode.ISSUE_DEPENDENCIES_BLOCKED,
        _BLOCKED,
        WakeupStatus.SKIPPED,
        gate_stop_metadata(StopReason.ISSUE_DEPENDENCIES_BLOCKED, TimeoutSource.DEPENDENCY_GATE),
        {"issueId": issue.id, "unresolvedBlockerIssueIds": list(issue.unresolved_blocker_ids)},
    )


def _judge_staleness(facts: ClaimFacts, issue: ClaimIssue) -> Refusal | None:
    commented = current_comment_id(facts.context) is not None
    if issue.assignee_agent_id != facts.agent_id and not is_interaction_wake(facts.context):
        people = {"previousAssigneeAgentId": facts.agent_id, "currentAssigneeAgentId": issue.assignee_agent_id}
        return _stale(ErrorCode.ISSUE_ASSIGNEE_CHANGED, _ASSIGNEE, {"issueId": issue.id, **people})
    if issue.status in ISSUE_TERMINAL and not commented and not _means_to_resume(facts.context):
        reason = _TERMINAL.format(status=issue.status)
        return _stale(ErrorCode.ISSUE_TERMINAL_STATUS, reason, {"issueId": issue.id, "currentStatus": issue.status})
    if issue.status == IssueStatus.IN_REVIEW and not commented and _another_has_the_word(issue, facts.agent_id):
        return _stale(ErrorCode.ISSUE_REVIEW_PARTICIPANT_CHANGED, _REVIEWER, _review_details(issue))
    return None


def _means_to_resume(context: Context) -> bool:
    return context.get("resumeIntent") is True or context.get("followUpRequested") is True


def _another_has_the_word(issue: ClaimIssue, agent_id: str) -> bool:
    return issue.participant is not None and issue.participant != Participant("agent", agent_id)


def _review_details(issue: ClaimIssue) -> JsonObject:
    who = issue.participant
    current = {"type": who.type, "id": who.id} if who else None
    return {"issueId": issue.id, "currentStageType": issue.stage_type, "currentParticipant": current}


def _may_lock(facts: ClaimFacts) -> bool:
    issue = facts.issue
    if issue is None or issue.assignee_agent_id != facts.agent_id:
        return False
    return issue.execution_run_id in (None, facts.run_id)


def _cancelled(reason: str, details: JsonObject | None = None, activity: str | None = None) -> Refusal:
    why = stop_reason(RunStatus.CANCELLED, error_code=ErrorCode.CANCELLED, error=reason)
    stop = gate_stop_metadata(why, TimeoutSource.DEFAULT)
    return Refusal(ErrorCode.CANCELLED, reason, WakeupStatus.CANCELLED, stop, details or {}, activity)


def _stale(code: ErrorCode, reason: str, details: JsonObject) -> Refusal:
    stop = gate_stop_metadata(StopReason(code.value), TimeoutSource.STALE_QUEUED_RUN_GATE)
    return Refusal(code, reason, WakeupStatus.SKIPPED, stop, details)
