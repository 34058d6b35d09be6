"""The harness checks the issue out before the agent starts, so that an agent that does not ask may work (spec/2 D)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from config.common.wire.errors import Conflict, Unprocessable
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import WakeReason
from issues.checkout import checkout_for_run
from issues.vocabulary import IssueStatus

FROM_STATUSES = (IssueStatus.TODO, IssueStatus.BACKLOG, IssueStatus.BLOCKED, IssueStatus.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class HarnessCheckout:
    """Whether the run owns its issue now; `refusal` says why not, when it was tried."""

    held: bool = False
    refusal: str | None = None


def wants_checkout(run: HeartbeatRun) -> bool:
    """Whether this wake is one to work on the issue: its assignee's, for a reason other than a mention or a stage."""
    issue, reason = run.issue, run.wake_reason
    return (
        issue is not None
        and issue.assignee_agent_id == run.agent_id
        and issue.status in FROM_STATUSES
        and bool(reason)
        and reason != WakeReason.ISSUE_COMMENT_MENTIONED
        and not str(reason).startswith("execution_")
    )


def check_out(run: HeartbeatRun, *, now: datetime) -> HarnessCheckout:
    """Check the run's issue out for it where that is due. A conflict, or an unready issue, leaves the run as it is.

    `run.issue` is brought up to date. Locks the issue.
    """
    if run.issue_id is None or not wants_checkout(run):
        return HarnessCheckout()
    try:
        answer = checkout_for_run(
            run.issue_id,
            agent_id=run.agent_id,
            run_id=run.pk,
            expected=[status.value for status in FROM_STATUSES],
            now=now,
        )
    except (Conflict, Unprocessable) as refusal:
        return HarnessCheckout(refusal=str(refusal))
    run.issue = answer.issue
    return HarnessCheckout(held=True)
