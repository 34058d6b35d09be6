"""Whether an issue may be worked on: pause holds above it, blockers before it (spec/2 B, C).

The two fragments are scalar subqueries on an issue named `i`, so that a statement that reads other facts of the issue
can read these in the same round trip. Both are empty (null) for almost every issue and cost an index probe each.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

MAX_ANCESTORS = 100

HOLD_SQL = """(
    with recursive above as (
        select i.id as node, i.parent_id as parent, 0 as depth
        union all
        select p.id, p.parent_id, above.depth + 1
        from above join issues_issue p on p.id = above.parent and p.company_id = i.company_id
        where above.depth < 100
    )
    select json_build_object('holdId', h.id, 'rootIssueId', h.root_issue_id, 'mode', h.mode, 'reason', h.reason,
                             'releasePolicy', h.release_policy)
    from above join issues_treehold h on h.root_issue_id = above.node and h.status = 'active' and h.mode = 'pause'
    order by above.depth, h.created_at desc limit 1
)"""

BLOCKERS_SQL = """(
    select json_agg(json_build_object('id', b.id, 'identifier', b.identifier, 'title', b.title, 'status', b.status,
                                      'priority', b.priority, 'assigneeAgentId', b.assignee_agent_id,
                                      'assigneeUserId', b.assignee_user_id) order by b.created_at, b.id)
    from issues_issuerelation edge join issues_issue b on b.id = edge.blocker_id
    where edge.blocked_id = i.id and b.status <> 'done'
)"""

_READINESS = f"select i.id, {HOLD_SQL}, {BLOCKERS_SQL} from issues_issue i where i.company_id = %s and i.id = any(%s)"  # noqa: S608


@dataclass(frozen=True)
class Readiness:
    """What stands in the way of one issue.

    `hold` are the facts of the nearest active pause hold; `blockers` are summaries (id, identifier, title, status,
    priority, assigneeAgentId, assigneeUserId) of those not `done`.
    """

    issue_id: UUID
    hold: dict[str, Any] | None
    blockers: list[dict[str, Any]]

    @property
    def dependency_ready(self) -> bool:
        """No unresolved blocker. Only `done` resolves one; `cancelled` does not."""
        return not self.blockers


def readiness_of(company_id: UUID, issue_ids: Collection[UUID]) -> dict[UUID, Readiness]:
    """The readiness of each issue of the company that exists: one statement, however many; none for no issue."""
    if not issue_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_READINESS, [company_id, list(issue_ids)])
        return {issue_id: Readiness(issue_id, hold, blockers or []) for issue_id, hold, blockers in cursor.fetchall()}


def pause_hold_of(company_id: UUID, issue_id: UUID) -> dict[str, Any] | None:
    """The nearest active pause hold on the issue or an ancestor (up to 100 levels), None without one."""
    found = readiness_of(company_id, [issue_id]).get(issue_id)
    return found.hold if found else None


def unresolved_blockers(company_id: UUID, issue_id: UUID) -> list[dict[str, Any]]:
    """Summaries of the blockers that are not `done`."""
    found = readiness_of(company_id, [issue_id]).get(issue_id)
    return found.blockers if found else []
