"""What `recovery` answers when wakeups and runs ask: the arrows of the house point down, so it registers here.

Each function runs inside the caller's transaction, with the rows that it gets locked, and must not lock rows that
precede them in the order company → agent → issue → run → wakeup. What it raises undoes the caller's work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from heartbeats.models import HeartbeatRun
from heartbeats.runs.lifecycle import Note, add_notes
from issues.models import Issue

# Returns the retry, `scheduled_retry`, or None when there is none to be (not transient, or exhausted).
BoundedRetry = Callable[[HeartbeatRun, "Issue | None", datetime], HeartbeatRun | None]
# Makes the issue's trouble a person's business (spec/3 F). The text is the cause of `runs.release.Escalate`.
Escalation = Callable[[Issue, HeartbeatRun, str, datetime], None]

# Makes every sweep that is overdue; a supervisor asks once per sweep period, outside of any transaction.
Backstop = Callable[[], object]


@dataclass(slots=True)
class _Registered:
    bounded_retry: BoundedRetry | None = None
    escalation: Escalation | None = None
    backstop: Backstop | None = None


_registered = _Registered()


def register_bounded_retry(fn: BoundedRetry) -> BoundedRetry:
    """`fn(run, issue, now)` is asked for every failed run before its issue is released. The last one registered counts.

    The run is terminal already and still holds the issue's execution lock if it did; a retry inherits it.
    """
    _registered.bounded_retry = fn
    return fn


def register_escalation(fn: Escalation) -> Escalation:
    """`fn(issue, run, cause, now)` is told when nothing automatic is left. The last one registered counts."""
    _registered.escalation = fn
    return fn


def register_backstop(fn: Backstop) -> Backstop:
    """`fn()` stands in for a beat or a worker that is dead (spec/6 fault 8). The last one registered counts."""
    _registered.backstop = fn
    return fn


def sweep_what_is_overdue() -> None:
    """Ask whoever registered to make the sweeps that nobody made in time."""
    if _registered.backstop is not None:
        _registered.backstop()


def schedule_bounded_retry(run: HeartbeatRun, issue: Issue | None, *, now: datetime) -> HeartbeatRun | None:
    """Ask for a bounded retry of a failed run; None without one, and with nobody registered."""
    return _registered.bounded_retry(run, issue, now) if _registered.bounded_retry else None


def escalate_issue(issue: Issue, run: HeartbeatRun, cause: str, *, now: datetime) -> None:
    """Hand the issue to people. With nobody registered the run gets a warning event that says so."""
    if _registered.escalation is not None:
        _registered.escalation(issue, run, cause, now)
        return
    facts = {"issueId": str(issue.pk), "cause": cause}
    add_notes(run, Note("Issue needs somebody: no automatic run is left", level="warn", payload=facts))
