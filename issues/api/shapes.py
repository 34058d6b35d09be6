"""The wire form of issues and comments (spec/4 section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import prefetch_related_objects

from config.common.wire.camel import Opaque, camel, opaque
from issues.models import Issue, IssueComment, Label

COLUMNS = (
    *("id", "company_id", "project_id", "project_workspace_id", "goal_id", "parent_id", "title", "description"),
    *("status", "priority", "work_mode", "assignee_agent_id", "assignee_user_id", "checkout_run_id"),
    *("execution_run_id", "execution_locked_at", "created_by_agent_id", "created_by_user_id", "identifier"),
    *("origin_kind", "origin_id", "origin_run_id", "origin_fingerprint", "request_depth", "billing_code"),
    *("execution_workspace_id", "started_at", "completed_at", "cancelled_at", "hidden_at", "created_at", "updated_at"),
)
JSON_COLUMNS = (
    "assignee_adapter_overrides",
    "execution_policy",
    "execution_state",
    "execution_workspace_settings",
)
_PLAIN = tuple((name, camel(name)) for name in COLUMNS)
_JSON = tuple((name, camel(name)) for name in JSON_COLUMNS)
COMMENT_COLUMNS = (
    *("id", "company_id", "issue_id", "author_agent_id", "author_user_id", "created_by_run_id"),
    *("body", "created_at", "updated_at", "follow_up_requested"),
)
_COMMENT = tuple((name, camel(name)) for name in COMMENT_COLUMNS)


def issue_body(issue: Issue, more: Mapping[str, Any] | None = None) -> Opaque:
    """One issue as the wire has it. Read it through `issues.access.shown`, labels prefetched; `more` has wire names."""
    body = Opaque((wire, getattr(issue, name)) for name, wire in _PLAIN)
    for name, wire in _JSON:
        body[wire] = opaque(getattr(issue, name))
    body["issueNumber"] = issue.number
    body["lastActivityAt"] = issue.updated_at
    agent_name = getattr(issue, "execution_agent_name", None)
    body["executionAgentNameKey"] = agent_name.strip().lower() if agent_name else None
    labels: list[Label] = list(issue.labels.all())
    body["labelIds"] = [label.pk for label in labels]
    body["labels"] = [{"id": label.pk, "name": label.name, "color": label.color} for label in labels]
    body.update(more or {})
    return body


def issue_bodies(issues: Sequence[Issue], more: Mapping[UUID, Mapping[str, Any]]) -> list[Opaque]:
    """Many issues; their labels come with one statement."""
    prefetch_related_objects(issues, "labels")
    return [issue_body(issue, more.get(issue.pk)) for issue in issues]


def comment_body(comment: IssueComment) -> Opaque:
    """One comment."""
    return Opaque((wire, getattr(comment, name)) for name, wire in _COMMENT)


def active_run_body(run: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The live run of an issue, as lists show it."""
    return {camel(name): value for name, value in run.items()} if run else None
