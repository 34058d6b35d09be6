"""What the reconciliation does with one agent-owned issue: the table of spec/3 E, row by row.

Skip rows come first, then recovery issues, then `todo` and `in_progress` by their latest run. Beyond the table,
a permanent failure (K.7) and a spent retry ledger (K.6) escalate where a recovery run would have been queued.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from heartbeats.vocabulary import LivenessState, RetryReason, RunStatus, WakeReason
from issues.vocabulary import ISSUE_ACTIVE, RECOVERY_ORIGINS, IssueStatus
from recovery.organisation import Ref
from recovery.retries.ledger import UNSPENT, Ledger


class SkipReason(StrEnum):
    """Why the sweep leaves an issue alone."""

    NOT_A_CANDIDATE = "not_a_candidate"
    AGENT_MISSING = "agent_missing"
    AGENT_NOT_INVOKABLE = "agent_not_invokable"
    LIVE_RUN = "live_run"
    DEFERRED_WAKEUP = "deferred_wakeup"
    PAUSE_HOLD = "pause_hold"
    BUDGET_BLOCKED = "budget_blocked"
    WAKEUP_QUEUED = "wakeup_queued"
    RESTING = "resting"
    PRODUCTIVE_CONTINUATION = "productive_continuation"
    SUCCESSFUL_CONTINUATION = "successful_continuation"
    SEEDED_BY_HAND = "seeded_by_hand"
    UNCLEAR_RUN = "unclear_run"


class EscalationCause(StrEnum):
    """Why the sweep hands an issue to people."""

    DISPATCH_RETRIED = "dispatch_retried"
    CONTINUATION_RETRIED = "continuation_retried"
    PERMANENT_FAILURE = "permanent_failure"
    LEDGER_SPENT = "ledger_spent"
    RECOVERY_ISSUE_FAILED = "recovery_issue_failed"
    AGENT_NOT_INVOKABLE = "agent_not_invokable"
    """Only a release says so: the sweep leaves an issue whose agent cannot be woken to the person who stopped it."""
    AGENT_FAILED = "agent_failed"
    """The agent reported failure, or fell silent, more often than its work is given again (spec/1 E)."""


@dataclass(frozen=True)
class LatestRun:
    """The newest run of the issue. `permanent_failure` is its permanent error family, if it has one."""

    run_id: Ref
    status: str
    retry_reason: str | None = None
    liveness_state: str | None = None
    permanent_failure: str | None = None


@dataclass(frozen=True)
class StrandedFacts:
    """One issue as the sweep finds it. `agent_found` means: exists, in the issue's company."""

    issue_id: Ref
    status: str
    agent_owned: bool = True
    hidden: bool = False
    origin_kind: str | None = None
    agent_found: bool = True
    agent_invokable: bool = True
    live_run: bool = False
    deferred_wakeup: bool = False
    pause_held: bool = False
    budget_blocked: bool = False
    queued_wakeup: bool = False
    run_linked: bool = False
    """Whether the issue names a checkout or an execution run."""
    latest_run: LatestRun | None = None
    ledger: Ledger = UNSPENT


@dataclass(frozen=True)
class Skip:
    """Nothing happens."""

    reason: SkipReason


@dataclass(frozen=True)
class DispatchAssignment:
    """A first wake that never came: an ordinary assignment wake, no retry."""

    wake_reason: WakeReason = WakeReason.ISSUE_ASSIGNED
    mutation: str = "assigned_todo_liveness_dispatch"
    context_source: str = "issue.assigned_todo_liveness_dispatch"


@dataclass(frozen=True)
class RequeueDispatch:
    """The one recovery run of a `todo` issue."""

    wake_reason: WakeReason = WakeReason.ISSUE_ASSIGNMENT_RECOVERY
    retry_reason: RetryReason = RetryReason.ASSIGNMENT_RECOVERY
    context_source: str = "issue.assignment_recovery"


@dataclass(frozen=True)
class RequeueContinuation:
    """The one recovery run of an `in_progress` issue."""

    wake_reason: WakeReason = WakeReason.ISSUE_CONTINUATION_NEEDED
    retry_reason: RetryReason = RetryReason.ISSUE_CONTINUATION_NEEDED
    context_source: str = "issue.continuation_recovery"


@dataclass(frozen=True)
class Escalate:
    """Find or open the one recovery issue and block the source by it (F)."""

    cause: EscalationCause


@dataclass(frozen=True)
class BlockInPlace:
    """A failing recovery issue is blocked where it is, with a comment; recovery never nests."""

    cause: EscalationCause = EscalationCause.RECOVERY_ISSUE_FAILED


Action = Skip | DispatchAssignment | RequeueDispatch | RequeueContinuation | Escalate | BlockInPlace


def decide_stranded(facts: StrandedFacts) -> Action:
    """The one action for this issue. Pure; the service decides again under the issue's lock before it acts."""
    skip = _skip_before_runs(facts)
    if skip is not None:
        return Skip(skip)
    run = facts.latest_run
    if facts.origin_kind in RECOVERY_ORIGINS and run is not None and run.status in RunStatus.UNSUCCESSFUL:
        return BlockInPlace()
    action = _decide_todo(facts) if facts.status == IssueStatus.TODO else _decide_in_progress(facts)
    if facts.budget_blocked and isinstance(action, DispatchAssignment | RequeueDispatch | RequeueContinuation):
        return Skip(SkipReason.BUDGET_BLOCKED)
    return action


def _skip_before_runs(facts: StrandedFacts) -> SkipReason | None:
    rows = (
        (facts.hidden or not facts.agent_owned or facts.status not in ISSUE_ACTIVE, SkipReason.NOT_A_CANDIDATE),
        (not facts.agent_found, SkipReason.AGENT_MISSING),
        (not facts.agent_invokable, SkipReason.AGENT_NOT_INVOKABLE),
        (facts.live_run, SkipReason.LIVE_RUN),
        (facts.deferred_wakeup, SkipReason.DEFERRED_WAKEUP),
        (facts.pause_held, SkipReason.PAUSE_HOLD),
    )
    return next((reason for holds, reason in rows if holds), None)


def _decide_todo(facts: StrandedFacts) -> Action:
    run = facts.latest_run
    if run is None:
        return Skip(SkipReason.WAKEUP_QUEUED) if facts.queued_wakeup else DispatchAssignment()
    if run.status == RunStatus.SUCCEEDED:
        return Skip(SkipReason.RESTING)
    if run.status not in RunStatus.UNSUCCESSFUL:
        return Skip(SkipReason.UNCLEAR_RUN)
    if run.retry_reason == RetryReason.ASSIGNMENT_RECOVERY:
        return Escalate(EscalationCause.DISPATCH_RETRIED)
    return _escalate_instead(facts) or RequeueDispatch()


def _decide_in_progress(facts: StrandedFacts) -> Action:
    run = facts.latest_run
    if run is None:
        return (
            _escalate_instead(facts) or RequeueContinuation() if facts.run_linked else Skip(SkipReason.SEEDED_BY_HAND)
        )
    if run.status == RunStatus.SUCCEEDED:
        productive = run.liveness_state in LivenessState.PRODUCTIVE
        return Skip(SkipReason.PRODUCTIVE_CONTINUATION if productive else SkipReason.SUCCESSFUL_CONTINUATION)
    if run.status not in RunStatus.UNSUCCESSFUL:
        return Skip(SkipReason.UNCLEAR_RUN)
    if run.retry_reason == RetryReason.ISSUE_CONTINUATION_NEEDED:
        return Escalate(EscalationCause.CONTINUATION_RETRIED)
    return _escalate_instead(facts) or RequeueContinuation()


def _escalate_instead(facts: StrandedFacts) -> Escalate | None:
    if facts.latest_run is not None and facts.latest_run.permanent_failure is not None:
        return Escalate(EscalationCause.PERMANENT_FAILURE)
    return Escalate(EscalationCause.LEDGER_SPENT) if facts.ledger.exhausted else None
