"""The only writer of an issue's status, and of what goes with it: times and locks (spec/4, invariants)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from config.common.transitions import Transitions
from issues.models import Issue
from issues.vocabulary import IssueStatus

# People move issues freely; what stands against a move (blockers, holds, ownership) is decided before it is made.
ISSUE_MOVES = Transitions({status: frozenset(IssueStatus) - {status} for status in IssueStatus})

CLEARED_LOCKS: Mapping[str, Any] = {"checkout_run_id": None, "execution_run_id": None, "execution_locked_at": None}
_ASSIGNEES = ("assignee_agent_id", "assignee_user_id")


def times_of(status: IssueStatus, *, started_at: datetime | None, now: datetime) -> dict[str, datetime | None]:
    """The times that a status demands: work begins once; `done` and `cancelled` have theirs, other statuses none."""
    times: dict[str, datetime | None] = {
        "completed_at": now if status == IssueStatus.DONE else None,
        "cancelled_at": now if status == IssueStatus.CANCELLED else None,
    }
    if status == IssueStatus.IN_PROGRESS:
        times["started_at"] = started_at or now
    return times


def clears_locks(issue: Issue, changes: Mapping[str, Any]) -> bool:
    """Whether these changes end the hold of runs on the issue: it leaves `in_progress`, or its assignee changes."""
    status = changes.get("status", issue.status)
    leaves = issue.status == IssueStatus.IN_PROGRESS and status != IssueStatus.IN_PROGRESS
    return leaves or any(name in changes and changes[name] != getattr(issue, name) for name in _ASSIGNEES)


def change_issue(issue: Issue, changes: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Write the changed columns of an issue whose row the caller has locked; returns what they were before.

    Columns that keep their value are left out. Times and locks follow by themselves; locks named in `changes` win.
    Raises RuntimeError when the row no longer has the status that the caller saw: it was not locked.
    """
    changed = {name: value for name, value in changes.items() if getattr(issue, name) != value}
    if not changed:
        return {}
    columns = {**_following(issue, changed, now), **changed, "updated_at": now}
    before = {name: getattr(issue, name) for name in changed}
    status = columns.pop("status", None)
    row = Issue.objects.filter(pk=issue.pk)
    if status is None:
        won = row.filter(status=issue.status).update(**columns) == 1
    else:
        won = ISSUE_MOVES.move(row, to=status, expected={issue.status}, **columns)
        columns["status"] = str(status)
    if not won:
        raise RuntimeError(f"issue {issue.identifier} changed while its row should have been locked")
    _show(issue, columns)
    return before


def touch_issue(issue: Issue, *, now: datetime) -> None:
    """Something was said or stored on an issue whose row the caller has locked: lists show it as changed now."""
    if issue.updated_at != now:
        Issue.objects.filter(pk=issue.pk).update(updated_at=now)
        issue.updated_at = now


def move_issues(
    company_id: UUID, issue_ids: Collection[UUID], to: IssueStatus, *, expected: Collection[IssueStatus], now: datetime
) -> int:
    """Move many issues, whose rows the caller has locked, with one statement; locks are cleared. How many moved.

    Not for `in_progress`: work begins one issue at a time.
    """
    rows = Issue.objects.filter(company_id=company_id, id__in=issue_ids)
    columns = {**CLEARED_LOCKS, **times_of(to, started_at=None, now=now), "updated_at": now}
    return ISSUE_MOVES.move_all(rows, to=to, expected=set(expected) - {to}, **columns)


def _following(issue: Issue, changed: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = dict(CLEARED_LOCKS) if clears_locks(issue, changed) else {}
    if "status" in changed:
        columns.update(times_of(IssueStatus(changed["status"]), started_at=issue.started_at, now=now))
    return columns


def _show(issue: Issue, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        setattr(issue, name, value)
