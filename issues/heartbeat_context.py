"""What an agent reads first when it is woken for an issue, in one answer (spec/4 section 4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count

from config.common.wire.camel import camel
from issues.detail import attention_entry
from issues.documents import SYSTEM_KEYS
from issues.models import Issue, IssueComment, IssueDocument
from issues.related import ancestors_of, project_of, relations_of, workspace_of

COLUMNS = (
    *("id", "identifier", "title", "description", "status", "priority", "project_id", "goal_id", "parent_id"),
    *("assignee_agent_id", "assignee_user_id", "origin_kind", "origin_id", "work_mode", "updated_at"),
)
COMMENT = (
    *("id", "company_id", "issue_id", "author_agent_id", "author_user_id", "created_by_run_id"),
    *("body", "created_at", "updated_at"),
)
SUMMARY_KEY = "continuation-summary"


def heartbeat_context(issue: Issue, *, wake_comment_id: UUID | None) -> dict[str, Any]:
    """The context, by wire name. A wake comment of another issue is null."""
    body = {camel(name): getattr(issue, name) for name in COLUMNS}
    return {
        "issue": {**body, **relations_of(issue), "productivityReview": None, **attention_entry(issue)},
        "ancestors": ancestors_of(issue),
        "project": project_of(issue),
        "goal": None,
        "commentCursor": _cursor(issue),
        "wakeComment": _comment(issue, wake_comment_id) if wake_comment_id else None,
        "attachments": [],
        "continuationSummary": _summary(issue),
        "currentExecutionWorkspace": workspace_of(issue),
    }


def _cursor(issue: Issue) -> dict[str, Any]:
    total = IssueComment.objects.filter(issue=issue).aggregate(total=Count("id"))["total"]
    latest = IssueComment.objects.filter(issue=issue).order_by("-created_at", "-id").values("id", "created_at").first()
    return {
        "totalComments": total,
        "latestCommentId": latest["id"] if latest else None,
        "latestCommentAt": latest["created_at"] if latest else None,
    }


def _comment(issue: Issue, comment_id: UUID) -> dict[str, Any] | None:
    row = IssueComment.objects.filter(issue=issue, id=comment_id).values(*COMMENT).first()
    return {camel(name): value for name, value in row.items()} if row else None


def _summary(issue: Issue) -> dict[str, Any] | None:
    assert SUMMARY_KEY in SYSTEM_KEYS
    rows = IssueDocument.objects.filter(issue=issue, key=SUMMARY_KEY)
    row = rows.values("key", "title", "body", "latest_revision_id", "updated_at").first()
    return {camel(name): value for name, value in row.items()} if row else None
