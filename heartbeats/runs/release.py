"""What follows when a run lets go of its issue: promote, recover, escalate, or nothing (spec/2 H)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.vocabulary import NOT_INVOKABLE, ActorType
from heartbeats.vocabulary import ErrorFamily, RetryReason, RunStatus, WakeReason, WakeupStatus
from heartbeats.wakeups.context import Context, comment_ids, wake_reasons
from issues.vocabulary import ISSUE_TERMINAL, IssueStatus, OriginKind

_NOT_PROMOTABLE = "Deferred wake could not be promoted: agent is not invokable"
_SUPPRESSED = "Deferred wake suppressed by active subtree pause hold"


@dataclass(frozen=True, kw_only=True)
class DeferredWake:
    """A deferred wakeup of the issue. ``agent_status`` is None when the agent is gone or another company's."""

    id: str
    agent_id: str
    agent_status: str | None
    context: Context
    requester_type: str | None
    verified_interaction: bool = False


@dataclass(frozen=True, kw_only=True)
class ReleasedIssue:
    """The issue under its lock, after this run's end was written.

    ``other_live_run``: a live run of the issue other than the one that ended.
    """

    status: str
    assignee_agent_id: str | None
    execution_run_id: str | None
    origin_kind: str = OriginKind.MANUAL
    assignee_user_id: str | None = None
    held: bool = False
    other_live_run: bool = False


@dataclass(frozen=True, kw_only=True)
class EndedRun:
    """The run that ended. ``agent_status`` is None when its agent is gone; ``ledger_allows`` as in ``ledger``."""

    id: str
    agent_id: str
    status: str
    agent_status: str | None
    retry_reason: str | None = None
    error_family: str | None = None
    ledger_allows: bool = True


@dataclass(frozen=True)
class Drop:
    """A deferred wakeup that ends here, as ``failed`` or ``cancelled``."""

    wakeup_id: str
    status: WakeupStatus
    error: str


@dataclass(frozen=True)
class Promote:
    """This wakeup becomes ``queued`` (reason ``issue_execution_promoted``) with a run.

    ``reopen_from``: the issue's closed status, when it first goes back to ``todo``. ``stamp_lock``: the run takes the
    issue's lock. ``through_hold``: the context names the hold it passes.
    """

    wakeup_id: str
    reopen_from: str | None
    stamp_lock: bool
    through_hold: bool


@dataclass(frozen=True)
class Recover:
    """One recovery run for the same agent, with the lock and ``retryOfRunId``."""

    wake_reason: WakeReason
    retry_reason: RetryReason
    source: str


@dataclass(frozen=True)
class Escalate:
    """The issue needs somebody (spec/3 F); ``cause`` says why no further run is started."""

    cause: str


@dataclass(frozen=True)
class Release:
    """The whole decision. ``then`` None: the issue rests, or somebody else moves it."""

    clear_lock: bool
    dropped: tuple[Drop, ...] = ()
    then: Promote | Recover | Escalate | None = None


RECOVERY_OF_STATUS = {
    IssueStatus.TODO: Recover(
        WakeReason.ISSUE_ASSIGNMENT_RECOVERY, RetryReason.ASSIGNMENT_RECOVERY, "issue.assignment_recovery"
    ),
    IssueStatus.IN_PROGRESS: Recover(
        WakeReason.ISSUE_CONTINUATION_NEEDED, RetryReason.ISSUE_CONTINUATION_NEEDED, "issue.continuation_recovery"
    ),
}


def plan_release(issue: ReleasedIssue, run: EndedRun, deferred: Sequence[DeferredWake]) -> Release:
    """Decide for the issue of a run that ended; ``deferred`` are its deferred wakeups, oldest first.

    Another run's lock means that there is nothing to do. At most one wakeup is promoted; only without one is recovery
    considered.
    """
    if issue.execution_run_id not in (None, run.id):
        return Release(clear_lock=False)
    clear_lock = issue.execution_run_id == run.id
    if issue.other_live_run:
        return Release(clear_lock)
    dropped: list[Drop] = []
    for wake in deferred:
        step = judge_deferred(wake, issue)
        if isinstance(step, Promote):
            return Release(clear_lock, tuple(dropped), step)
        dropped.append(step)
    return Release(clear_lock, tuple(dropped), judge_recovery(issue, run))


def judge_deferred(wake: DeferredWake, issue: ReleasedIssue) -> Drop | Promote:
    """The verdict on one deferred wakeup. Only a person's comment, or a reopening one, reopens a closed issue."""
    if wake.agent_status is None or wake.agent_status in NOT_INVOKABLE:
        return Drop(wake.id, WakeupStatus.FAILED, _NOT_PROMOTABLE)
    if issue.held and not wake.verified_interaction:
        return Drop(wake.id, WakeupStatus.CANCELLED, _SUPPRESSED)
    return Promote(
        wake.id,
        reopen_from=issue.status if issue.status in ISSUE_TERMINAL and _reopens(wake) else None,
        stamp_lock=wake.agent_id == issue.assignee_agent_id,
        through_hold=issue.held,
    )


def judge_recovery(issue: ReleasedIssue, run: EndedRun) -> Recover | Escalate | None:
    """Whether an unsuccessful end leaves the issue stranded, and who moves it then."""
    recovery = _recovery_for(issue)
    owned = issue.assignee_agent_id == run.agent_id and issue.assignee_user_id is None
    if recovery is None or not owned or run.status not in RunStatus.UNSUCCESSFUL:
        return None
    if issue.other_live_run or issue.held:
        return None
    cause = _escalation_cause(issue, run, recovery)
    return Escalate(cause) if cause else recovery


def _recovery_for(issue: ReleasedIssue) -> Recover | None:
    return next((recovery for status, recovery in RECOVERY_OF_STATUS.items() if status == issue.status), None)


def _escalation_cause(issue: ReleasedIssue, run: EndedRun, recovery: Recover) -> str | None:
    if issue.origin_kind == OriginKind.STRANDED_ISSUE_RECOVERY:
        return "recovery_issue"
    if run.agent_status is None or run.agent_status in NOT_INVOKABLE:
        return "agent_not_invokable"
    if run.retry_reason == recovery.retry_reason:
        return "already_recovered"
    if run.error_family in ErrorFamily.PERMANENT:
        return "permanent_failure"
    return None if run.ledger_allows else "retry_ledger_exhausted"


def _reopens(wake: DeferredWake) -> bool:
    if not comment_ids(wake.context):
        return False
    by_person = wake.requester_type == ActorType.USER
    return by_person or WakeReason.ISSUE_REOPENED_VIA_COMMENT in wake_reasons(wake.context)
