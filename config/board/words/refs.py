"""Agents and issues as rows of a statement name them, and times that came inside JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from heartbeats.board.view_models import AgentRef, IssueRef

Row = Mapping[str, Any]


def agent_ref(row: Row) -> AgentRef | None:
    """The agent of a row with `agent_id` and `agent_name`."""
    return AgentRef(row["agent_id"], row["agent_name"]) if row["agent_id"] else None


def issue_ref(row: Row) -> IssueRef | None:
    """The issue of a row with `identifier`, `title` and `issue_status`."""
    return IssueRef(row["identifier"], row["title"], row["issue_status"]) if row["identifier"] else None


def moment(value: str | None) -> datetime | None:
    """A time that came inside JSON."""
    return datetime.fromisoformat(value) if value else None
