"""What several sections read in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from heartbeats.board.view_models import AgentRef, IssueRef
from heartbeats.models import HeartbeatRun

ALL = 500


def read(sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of one statement, by column name."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def total_of(rows: list[dict[str, Any]]) -> int:
    """How many there are beyond the limit, from the window count of the rows."""
    return int(rows[0]["total"]) if rows else 0


def agent_of(run: HeartbeatRun) -> AgentRef:
    """The agent of a run that was read with it."""
    return AgentRef(run.agent_id, run.agent.name)


def issue_of(run: HeartbeatRun) -> IssueRef | None:
    """The issue of a run that was read with it."""
    issue = run.issue
    return IssueRef(issue.identifier, issue.title, issue.status) if issue else None


def task_of(run: HeartbeatRun) -> str:
    """What a run without issue works on."""
    return (run.task_key or "").strip("_").replace("_", " ") if run.issue_id is None else ""


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from the one to the other, None while one is missing."""
    return (end - start).total_seconds() if start and end else None
