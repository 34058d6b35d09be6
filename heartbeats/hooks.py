"""What `recovery` answers when wakeups and runs ask: the arrows of the house point down, so it registers here.

Each function runs inside the caller's transaction, with the rows it gets locked, and must not lock rows that precede
them in the order company → agent → issue → run → wakeup.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from heartbeats.models import HeartbeatRun
from issues.models import Issue

# Returns the retry, `scheduled_retry`, or None when there is none to be (not transient, or exhausted).
BoundedRetry = Callable[[HeartbeatRun, "Issue | None", datetime], HeartbeatRun | None]
# Makes the issue's trouble a person's business (spec/3 F).
Escalation = Callable[[Issue, HeartbeatRun, str, datetime], None]


def register_bounded_retry(fn: BoundedRetry) -> BoundedRetry:
    """`fn(run, issue, now)` is asked for every failed run before its issue is released. The last one registered counts."""
    raise NotImplementedError


def register_escalation(fn: Escalation) -> Escalation:
    """`fn(issue, run, cause, now)` is told when nothing automatic is left. The last one registered counts."""
    raise NotImplementedError


def schedule_bounded_retry(run: HeartbeatRun, issue: Issue | None, *, now: datetime) -> HeartbeatRun | None:
    """Ask for a bounded retry of a failed run; None without one."""
    raise NotImplementedError


def escalate_issue(issue: Issue, run: HeartbeatRun, cause: str, *, now: datetime) -> None:
    """Hand the issue to people. With nobody registered the run gets a warning event that says so."""
    raise NotImplementedError
