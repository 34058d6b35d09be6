"""Everything that GET of one issue adds to its columns, in a number of statements that does not depend on the issue."""

from __future__ import annotations

from typing import Any

from issues.attention import attention_of
from issues.models import Issue
from issues.related import (
    ancestors_of,
    mentioned_projects,
    mentioned_work,
    project_of,
    relations_of,
    workspace_of,
)


def detail_of(issue: Issue) -> dict[str, Any]:
    """The additions, by wire name."""
    return {
        "ancestors": ancestors_of(issue),
        **relations_of(issue),
        **mentioned_work(issue),
        "project": project_of(issue),
        "goal": None,
        "mentionedProjects": mentioned_projects(issue),
        "currentExecutionWorkspace": workspace_of(issue),
        "productivityReview": None,
        **attention_entry(issue),
    }


def attention_entry(issue: Issue) -> dict[str, Any]:
    """`blockerAttention` of a blocked issue; nothing for others."""
    found = attention_of(issue.company_id, [issue])
    return {"blockerAttention": found[issue.pk]} if found else {}
