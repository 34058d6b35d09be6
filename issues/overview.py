"""What issues add to the screens of companies (`agents.overview`). Hidden issues are not counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Count, QuerySet

from issues.models import Issue
from issues.vocabulary import IssueStatus


def issue_counts(company_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many issues each company has; a company without any is missing. One statement for all of them."""
    return dict(_visible().filter(company_id__in=company_ids).values_list("company_id").annotate(Count("id")))


def tasks(company_id: UUID, now: datetime) -> dict[str, int]:  # noqa: ARG001 - every section is asked for a moment
    """The `tasks` of a dashboard: open is everything not done or cancelled. One statement."""
    rows = _visible().filter(company_id=company_id).values_list("status").annotate(Count("id"))
    by_status = dict(rows)
    closed = (IssueStatus.DONE, IssueStatus.CANCELLED)
    return {
        "open": sum(count for status, count in by_status.items() if status not in closed),
        "inProgress": by_status.get(IssueStatus.IN_PROGRESS, 0),
        "blocked": by_status.get(IssueStatus.BLOCKED, 0),
        "done": by_status.get(IssueStatus.DONE, 0),
    }


def _visible() -> QuerySet[Issue]:
    return Issue.objects.filter(hidden_at__isnull=True).order_by()
