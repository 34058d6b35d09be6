"""What hangs on an issue: what it is part of, what blocks it, what it blocks, what it mentions. By wire name."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection

from config.common.wire.camel import camel
from issues.models import Issue, IssueRelation, Project
from issues.readiness import MAX_ANCESTORS

SUMMARY = ("id", "identifier", "title", "status", "priority", "assignee_agent_id", "assignee_user_id")
ANCESTOR = (*SUMMARY, "description", "parent_id", "project_id", "goal_id")
PROJECT = ("id", "name", "url_key", "description", "status", "color", "target_date")
WORKSPACE = (
    *("id", "company_id", "project_id", "source_issue_id", "strategy", "name", "cwd", "repo_url", "base_ref"),
    *("branch_name", "status", "last_used_at", "closed_at", "created_at", "updated_at"),
)
MOST_MENTIONS = 50
_PROJECT_LINK = re.compile(r"project://([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
_IDENTIFIER = re.compile(r"(?<![\w-])([A-Za-z]+-[0-9]{1,9})(?![\w-])")

_ANCESTORS = """
with recursive above (id, depth) as (
    select parent_id, 1 from issues_issue where id = %s and parent_id is not null
  union
    select p.parent_id, above.depth + 1 from above join issues_issue p on p.id = above.id
    where p.parent_id is not null and above.depth < %s
)
select id, min(depth) from above group by id order by 2
"""


def ancestors_of(issue: Issue) -> list[dict[str, Any]]:
    """The issues that this one is part of, nearest first (at most 100). No statement without a parent, else two."""
    if issue.parent_id is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_ANCESTORS, [issue.pk, MAX_ANCESTORS])
        order = [row[0] for row in cursor.fetchall()]
    rows = {row["id"]: row for row in Issue.objects.filter(company_id=issue.company_id, id__in=order).values(*ANCESTOR)}
    return [_wire(rows[ancestor]) for ancestor in order if ancestor in rows]


def relations_of(issue: Issue) -> dict[str, Any]:
    """`blockedBy` and `blocks`, as summaries in the order of their making. Two statements."""
    edges = IssueRelation.objects.order_by("created_at", "id")
    blockers = edges.filter(blocked=issue).values(*(f"blocker__{name}" for name in SUMMARY))
    blocked = edges.filter(blocker=issue).values(*(f"blocked__{name}" for name in SUMMARY))
    return {
        "blockedBy": [_wire(row, "blocker__") for row in blockers],
        "blocks": [_wire(row, "blocked__") for row in blocked],
    }


def blockers_by_issue(issue_ids: Collection[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """`blockedBy` of many issues, each of them present. One statement."""
    found: dict[UUID, list[dict[str, Any]]] = {issue_id: [] for issue_id in issue_ids}
    edges = IssueRelation.objects.filter(blocked_id__in=found).order_by("created_at", "id")
    for row in edges.values("blocked_id", *(f"blocker__{name}" for name in SUMMARY)):
        found[row.pop("blocked_id")].append(_wire(row, "blocker__"))
    return found


def project_of(issue: Issue) -> dict[str, Any] | None:
    """The issue's project."""
    if issue.project_id is None:
        return None
    row = Project.objects.filter(id=issue.project_id, company_id=issue.company_id).values(*PROJECT).first()
    return _wire(row) if row else None


def mentioned_work(issue: Issue) -> dict[str, Any]:
    """`relatedWork` and `referencedIssueIdentifiers`: issues of the company that title or description name."""
    text = f"{issue.title}\n{issue.description or ''}"
    named = list(dict.fromkeys(match.upper() for match in _IDENTIFIER.findall(text)))[:MOST_MENTIONS]
    named = [identifier for identifier in named if identifier != issue.identifier]
    rows = Issue.objects.filter(company_id=issue.company_id, identifier__in=named).values(*SUMMARY) if named else []
    known = {row["identifier"]: _wire(row) for row in rows}
    outbound = [known[identifier] for identifier in named if identifier in known]
    return {
        "relatedWork": {"inbound": [], "outbound": outbound},
        "referencedIssueIdentifiers": [row["identifier"] for row in outbound],
    }


def mentioned_projects(issue: Issue) -> list[dict[str, Any]]:
    """The company's projects that title or description link to as `project://<id>`. No statement without a link."""
    named = list(dict.fromkeys(_PROJECT_LINK.findall(f"{issue.title}\n{issue.description or ''}")))[:MOST_MENTIONS]
    if not named:
        return []
    rows = Project.objects.filter(company_id=issue.company_id, id__in=named)
    return [_wire(row) for row in rows.values(*PROJECT)]


def workspace_of(issue: Issue) -> dict[str, Any] | None:
    """The folder in which the issue's runs happen, where it has one of its own."""
    if issue.execution_workspace_id is None:
        return None
    model: Any = Issue._meta.get_field("execution_workspace").related_model
    rows = model._default_manager.filter(id=issue.execution_workspace_id, company_id=issue.company_id)
    row = rows.values(*WORKSPACE).first()
    return _wire(row) if row else None


def _wire(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    return {camel(name.removeprefix(prefix)): value for name, value in row.items()}
