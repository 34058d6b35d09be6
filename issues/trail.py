"""What a verb leaves behind besides its rows: activity for people, and the live event that screens refetch on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from agents.actors import Actor
from agents.journal import activity, emit, live_event, log_activity, store
from agents.models import ActivityEvent
from agents.vocabulary import LiveEventType
from issues.models import Issue


def issue_row(actor: Actor, issue: Issue, action: str, details: Mapping[str, Any] | None = None) -> ActivityEvent:
    """One unsaved activity row about an issue. `details` always names the identifier, which outlives the issue."""
    return activity(
        actor,
        issue.company_id,
        action,
        entity_type="issue",
        entity_id=issue.pk,
        details={"identifier": issue.identifier, **(details or {})},
    )


def record(issue: Issue, *rows: ActivityEvent) -> None:
    """Log the rows and tell screens that the issue changed. Three statements, however many rows."""
    log_activity(*rows)
    tell_changed(issue)


def record_many(issues: Collection[Issue], *rows: ActivityEvent) -> None:
    """As `record` for many issues at once. Three statements, however many."""
    log_activity(*rows)
    store(live_event(issue.company_id, LiveEventType.ISSUE_CHANGED, _changed(issue)) for issue in issues)


def tell_changed(issue: Issue) -> None:
    """The live event `issue.changed`: enough for a screen to know whether to refetch."""
    emit(issue.company_id, LiveEventType.ISSUE_CHANGED, _changed(issue))


def _changed(issue: Issue) -> dict[str, Any]:
    return {
        "issueId": str(issue.pk),
        "identifier": issue.identifier,
        "status": str(issue.status),
        "priority": str(issue.priority),
        "parentId": text_id(issue.parent_id),
        "assigneeAgentId": text_id(issue.assignee_agent_id),
        "assigneeUserId": text_id(issue.assignee_user_id),
    }


def text_id(value: UUID | None) -> str | None:
    """An id as JSON carries it."""
    return str(value) if value else None
