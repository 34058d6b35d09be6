"""Runs that run now, longest silence first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import Coalesce, JSONObject
from django.urls import reverse

from config.board.queries.rows import agent_of, issue_of, task_of
from config.board.words.reasons import after_words, attempt_of
from config.board.words.refs import moment
from heartbeats.board.view_models import RunningRow, RunningSection
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import ErrorCode, RunStatus
from recovery.models import WatchdogDecision
from recovery.silence.level import Decided, is_quiet, quiet_until
from recovery.vocabulary import WatchdogDecisionKind

SHOWN = 40
_FAR_AWAY = timedelta(days=3650)
_COLUMNS = (
    "agent__name", "issue__identifier", "issue__title", "issue__status", "status", "task_key", "created_at",
    "started_at", "process_started_at", "last_output_at", "retry_of_run_id", "retry_reason", "scheduled_retry_attempt",
    "process_loss_retry_count", "failure_retry_count", "executor_host", "lease_expires_at", "error_code",
)  # fmt: skip


def running_section(company_id: UUID, *, now: datetime, limit: int = SHOWN) -> RunningSection:
    """Every running run of the company. One statement."""
    rows = running_rows(Q(company_id=company_id), now=now, limit=limit)
    total = rows[0][1] if rows else 0
    more = f"{reverse('board')}?all=running" if total > limit else ""
    return RunningSection(tuple(row for row, _ in rows), total, more)


def running_rows(which: Q, *, now: datetime, limit: int = SHOWN) -> list[tuple[RunningRow, int]]:
    """The running runs among `which`, each with the count of all. One statement."""
    runs = silent_first(HeartbeatRun.objects.filter(which, status=RunStatus.RUNNING))
    return [(running_row(run, now=now), run.total) for run in runs.annotate(total=Window(Count("*")))[:limit]]


def silent_first(runs: QuerySet[HeartbeatRun]) -> Any:  # noqa: ANN401 - annotated rows
    """With what a row needs, in the board's order."""
    latest = WatchdogDecision.objects.filter(run=OuterRef("pk")).order_by("-created_at")
    decision = latest.values_list(JSONObject(kind="decision", at="created_at", until="snoozed_until"))[:1]
    since = Coalesce("last_output_at", "process_started_at", "started_at", "created_at")
    shown = runs.select_related("agent", "issue").only(*_COLUMNS)
    return shown.annotate(silent_since=since, decided=Subquery(decision)).order_by("silent_since", "created_at")


def running_row(run: Any, *, now: datetime) -> RunningRow:  # noqa: ANN401 - an annotated HeartbeatRun
    """One row from an annotated run."""
    return RunningRow(
        run_id=run.pk,
        agent=agent_of(run),
        started_at=run.started_at or run.created_at,
        silent_since=run.silent_since,
        issue=issue_of(run),
        task=task_of(run),
        has_output=run.last_output_at is not None,
        snoozed_until=_quiet_until(decision_of(run.decided), silent_since=run.silent_since, now=now),
        attempt=attempt_of(
            run.retry_of_run_id, run.scheduled_retry_attempt, run.process_loss_retry_count, run.failure_retry_count
        ),
        retry_of=run.retry_of_run_id,
        retry_reason=after_words(run.retry_reason),
        host=run.executor_host or "",
        lease_expires_at=run.lease_expires_at,
        detached=run.error_code == ErrorCode.PROCESS_DETACHED,
    )


def decision_of(decided: dict[str, str | None] | None) -> Decided | None:
    """The latest decision about a run's silence, as the statement brought it."""
    at = moment(decided["at"]) if decided else None
    if decided is None or at is None:
        return None
    return Decided(WatchdogDecisionKind(str(decided["kind"])), at, moment(decided["until"]))


def _quiet_until(decision: Decided | None, *, silent_since: datetime, now: datetime) -> datetime | None:
    """Until when the decision keeps the alarm off; far away for a dismissal, which ends with the silence."""
    if decision is None or not is_quiet(decision, silent_since=silent_since, now=now):
        return None
    return quiet_until(decision) or now + _FAR_AWAY
