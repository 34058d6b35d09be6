"""Reading what `blockerAttention` is decided on: two statements for any number of blocked issues, none for none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from issues.blocker_attention import Node, blocker_attention
from issues.models import Issue
from issues.runs import live_runs_of
from issues.vocabulary import IssueStatus

MOST_NODES = 5_000

_GRAPH = """
with recursive graph (id) as (
    select unnest(%s::uuid[])
  union
    select edge.blocker_id from graph join issues_issuerelation edge on edge.blocked_id = graph.id
    join issues_issue b on b.id = edge.blocker_id and b.status <> 'done'
)
select i.id, i.identifier, i.status, i.parent_id, i.assignee_user_id is not null,
       i.review_participant_agent_id is not null or i.review_participant_user_id is not null
       or exists (select 1 from issues_interaction q where q.issue_id = i.id and q.status = 'pending')
       or exists (select 1 from issues_issueapproval l join agents_approval a on a.id = l.approval_id
                  where l.issue_id = i.id and a.status in ('pending', 'revision_requested')),
       array(select e.blocker_id from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
             where e.blocked_id = i.id and b.status <> 'done' order by e.created_at, e.id)
from issues_issue i where i.company_id = %s and i.id in (select id from graph limit %s)
"""


def attention_of(company_id: UUID, issues: Collection[Issue]) -> dict[UUID, dict[str, Any]]:
    """The `blockerAttention` of those of the issues whose status is `blocked`, by id."""
    blocked = [issue.pk for issue in issues if issue.status == IssueStatus.BLOCKED]
    if not blocked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_GRAPH, [blocked, company_id, MOST_NODES])
        rows = cursor.fetchall()
    live = live_runs_of(company_id, [row[0] for row in rows])
    graph = {row[0]: _node(row, has_live_run=row[0] in live) for row in rows}
    return {issue_id: blocker_attention(graph, issue_id) for issue_id in blocked if issue_id in graph}


def _node(row: Sequence[Any], *, has_live_run: bool) -> Node:
    issue_id, identifier, status, parent_id, by_person, waits, blockers = row
    return Node(
        id=issue_id,
        identifier=identifier,
        status=status,
        child_of=parent_id,
        owned_by_person=by_person,
        has_live_run=has_live_run,
        waits=waits,
        blockers=tuple(blockers),
    )
