"""Runs in the list of an issue or an agent."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from config.board.queries.finished import OUTCOME_COLUMNS, ending_of
from config.board.queries.rows import agent_of, issue_of, seconds_between
from config.board.words.reasons import after_words, cause_words
from heartbeats.board.page_parts import RunLine
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus

_COLUMNS = (
    "agent__name", "issue__identifier", "issue__title", "issue__status", "created_at", "wake_reason",
    "invocation_source", "retry_reason", *OUTCOME_COLUMNS,
)  # fmt: skip


def run_lines(runs: QuerySet[HeartbeatRun], limit: int, *, of_issue: bool) -> tuple[RunLine, ...]:
    """The newest runs of the set; those of an issue name their agent, those of an agent their issue. One statement."""
    rows = runs.select_related("agent", "issue").only(*_COLUMNS).order_by("-created_at")[:limit]
    return tuple(_line(run, of_issue=of_issue) for run in rows)


def _line(run: Any, *, of_issue: bool) -> RunLine:  # noqa: ANN401 - a HeartbeatRun
    after = after_words(run.retry_reason)
    return RunLine(
        run_id=run.pk,
        status=run.status,
        at=run.started_at or run.created_at,
        agent=agent_of(run) if of_issue else None,
        issue=None if of_issue else issue_of(run),
        duration_seconds=seconds_between(run.started_at, run.finished_at),
        cause=f"after {after}" if after else cause_words(run.wake_reason, run.invocation_source),
        note=ending_of(run) if run.status in RunStatus.TERMINAL else "",
    )
