"""Whether a run that only planned, or said nothing, is continued by itself (spec/3 H)."""

from __future__ import annotations

from dataclasses import dataclass

from agents.vocabulary import NOT_INVOKABLE
from heartbeats.readings import JsonObject
from heartbeats.vocabulary import LivenessState, RunStatus, WakeReason
from issues.vocabulary import ISSUE_ACTIVE

MAX_CONTINUATION_ATTEMPTS = 2
EXHAUSTED_HEADING = "Bounded liveness continuation exhausted"

_ACT_OR_BLOCK = (
    "Take the next concrete step on this issue now. If you cannot, set it to blocked and say what it waits for."
)


@dataclass(frozen=True, kw_only=True)
class ContinuationFacts:
    """What decides, after release and promotion. ``issue_live_run``: somebody moves the issue already."""

    run_id: str
    run_status: str
    agent_id: str
    agent_status: str | None
    liveness_state: str | None
    liveness_reason: str | None
    next_action: str | None
    continuation_attempt: int
    issue_id: str | None
    issue_status: str | None
    assignee_agent_id: str | None
    has_execution_state: bool = False
    budget_blocked: bool = False
    issue_live_run: bool = False
    wake_exists: bool = False
    ledger_allows: bool = True


@dataclass(frozen=True)
class Rest:
    """No continuation, and why."""

    reason: str


@dataclass(frozen=True)
class Continue:
    """Request one wakeup: source ``automation``, detail ``system``, reason ``run_liveness_continuation``."""

    attempt: int
    idempotency_key: str
    payload: JsonObject
    context: JsonObject


@dataclass(frozen=True)
class Exhausted:
    """Both attempts are spent: this comment, once per run, and this liveness reason."""

    comment: str
    liveness_reason: str


def judge_continuation(facts: ContinuationFacts) -> Rest | Continue | Exhausted:
    """Decide for one finished run; at most two attempts follow each other."""
    why_not = _why_not(facts)
    if why_not is not None:
        return Rest(why_not)
    if facts.continuation_attempt >= MAX_CONTINUATION_ATTEMPTS or not facts.ledger_allows:
        return _exhausted(facts)
    attempt = max(0, facts.continuation_attempt) + 1
    key = continuation_key(facts.issue_id or "", facts.run_id, facts.liveness_state or "", attempt)
    return Rest("already_requested") if facts.wake_exists else Continue(attempt, key, *_handover(facts, attempt))


def continuation_key(issue_id: str, run_id: str, state: str, attempt: int) -> str:
    """The idempotency key of one continuation."""
    return f"{WakeReason.RUN_LIVENESS_CONTINUATION}:{issue_id}:{run_id}:{state}:{attempt}"


def _why_not(facts: ContinuationFacts) -> str | None:
    obstacles = {
        "run_not_succeeded": facts.run_status != RunStatus.SUCCEEDED,
        "not_continuable": facts.liveness_state not in LivenessState.CONTINUABLE,
        "no_issue": facts.issue_id is None or facts.issue_status is None,
        "issue_reassigned": facts.assignee_agent_id != facts.agent_id,
        "issue_not_active": facts.issue_status not in ISSUE_ACTIVE,
        "execution_policy": facts.has_execution_state,
        "agent_not_invokable": facts.agent_status is None or facts.agent_status in NOT_INVOKABLE,
        "budget_blocked": facts.budget_blocked,
        "live_run": facts.issue_live_run,
    }
    return next((name for name, stands in obstacles.items() if stands), None)


def _handover(facts: ContinuationFacts, attempt: int) -> tuple[JsonObject, JsonObject]:
    instruction = facts.next_action or _ACT_OR_BLOCK
    payload: JsonObject = {
        "issueId": facts.issue_id,
        "sourceRunId": facts.run_id,
        "livenessState": facts.liveness_state,
        "livenessReason": facts.liveness_reason,
        "continuationAttempt": attempt,
        "maxContinuationAttempts": MAX_CONTINUATION_ATTEMPTS,
        "instruction": instruction,
    }
    context: JsonObject = {
        "issueId": facts.issue_id,
        "taskId": facts.issue_id,
        "wakeReason": WakeReason.RUN_LIVENESS_CONTINUATION.value,
        "source": "issue.liveness_continuation",
        "livenessContinuationAttempt": attempt,
        "livenessContinuationMaxAttempts": MAX_CONTINUATION_ATTEMPTS,
        "livenessContinuationSourceRunId": facts.run_id,
        "livenessContinuationState": facts.liveness_state,
        "livenessContinuationReason": facts.liveness_reason,
        "livenessContinuationInstruction": instruction,
    }
    return payload, context


def _exhausted(facts: ContinuationFacts) -> Exhausted:
    reason = facts.liveness_reason or "Run ended without concrete progress"
    spent = f"{facts.continuation_attempt} of {MAX_CONTINUATION_ATTEMPTS} automatic continuations"
    comment = (
        f"{EXHAUSTED_HEADING}\n\n"
        f"The last run ended `{facts.liveness_state}` after {spent}, so no further one is started.\n\n"
        f"- Reason: {reason}\n"
        f"- Next action: {facts.next_action or 'decide how this issue goes on'}"
    )
    return Exhausted(comment, f"{reason}; continuation attempts exhausted"[:500])
