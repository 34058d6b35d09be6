"""What runs add to a company's dashboard (`agents.overview`)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.db.models.functions import TruncDate

from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus

DAYS = 14
_FAILED = (RunStatus.FAILED, RunStatus.TIMED_OUT)


def run_activity(company_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """How the runs begun on each of the last 14 UTC days ended, oldest first, today last. One statement."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    counted = {row["day"]: row for row in _days(company_id, first)}
    return [_day(day, counted.get(day, {})) for day in (first + timedelta(days=passed) for passed in range(DAYS))]


def _days(company_id: UUID, first: date) -> Any:  # noqa: ANN401 - rows of grouped values
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    rows = HeartbeatRun.objects.filter(company_id=company_id, created_at__gte=since).order_by()
    return (
        rows.annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values("day")
        .annotate(
            succeeded=Count("id", filter=Q(status=RunStatus.SUCCEEDED)),
            failed=Count("id", filter=Q(status__in=_FAILED)),
            total=Count("id"),
        )
    )


def _day(day: date, counted: dict[str, Any]) -> dict[str, Any]:
    succeeded, failed, total = (counted.get(name, 0) for name in ("succeeded", "failed", "total"))
    return {
        "date": day.isoformat(),
        "succeeded": succeeded,
        "failed": failed,
        "other": total - succeeded - failed,
        "total": total,
    }
