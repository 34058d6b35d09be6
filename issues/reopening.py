"""Bringing a closed issue back to work because somebody spoke on it (spec/2 H.1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from config.common.transitions import Transitions
from issues.models import Issue
from issues.vocabulary import ISSUE_TERMINAL, IssueStatus

_REOPENING = Transitions(
    {IssueStatus.DONE: {IssueStatus.TODO}, IssueStatus.CANCELLED: {IssueStatus.TODO}, IssueStatus.TODO: ()}
)


def reopen_for_wake(issue: Issue, *, now: datetime) -> bool:
    """Move a done or cancelled issue, whose lock the caller holds, back to `todo`; True when it moved."""
    columns: dict[str, Any] = {"completed_at": None, "cancelled_at": None, "updated_at": now}
    won = _REOPENING.move(Issue.objects.filter(pk=issue.pk), to=IssueStatus.TODO, expected=ISSUE_TERMINAL, **columns)
    if won:
        for name, value in {**columns, "status": IssueStatus.TODO.value}.items():
            setattr(issue, name, value)
    return won
