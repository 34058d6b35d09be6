"""The small graph around an issue: what blocks it, and what it blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from config.board.queries.rows import read
from heartbeats.board.issue_page import BlockerNode
from heartbeats.board.view_models import IssueRef, Tone
from issues.vocabulary import IssueStatus

DEEPEST = 3
MOST = 60

_GRAPH = """
with recursive around as (
    select e.blocker_id as id, e.blocked_id as from_id, 'before' as side, 1 as depth
    from issues_issuerelation e where e.blocked_id = %(issue)s and e.company_id = %(company)s
  union
    select e.blocked_id, e.blocker_id, 'after', 1
    from issues_issuerelation e where e.blocker_id = %(issue)s and e.company_id = %(company)s
  union
    select case around.side when 'before' then e.blocker_id else e.blocked_id end, around.id, around.side,
           around.depth + 1
    from around join issues_issuerelation e
      on case around.side when 'before' then e.blocked_id else e.blocker_id end = around.id
    where around.depth < %(deepest)s
)
select around.id, around.from_id, around.side, around.depth, i.identifier, i.title, i.status, i.hidden_at,
       coalesce(a.name, u.username, '') as owner,
       exists (select 1 from heartbeats_heartbeatrun r where r.issue_id = i.id and r.status = 'running') as running
from around join issues_issue i on i.id = around.id
left join agents_agent a on a.id = i.assignee_agent_id left join agents_user u on u.id = i.assignee_user_id
order by around.depth, i.number limit 200
"""


def blocker_graph(company_id: UUID, issue_id: UUID) -> tuple[tuple[BlockerNode, ...], tuple[BlockerNode, ...]]:
    """(what blocks it, what it blocks), each in pre-order, three levels deep. One statement."""
    rows = read(_GRAPH, {"company": company_id, "issue": issue_id, "deepest": DEEPEST})
    sides = [[row for row in rows if row["side"] == side] for side in ("before", "after")]
    before, after = (tuple(_walk(side, issue_id, set()))[:MOST] for side in sides)
    return before, after


def _walk(rows: Sequence[Mapping[str, Any]], parent: UUID, seen: set[UUID], depth: int = 1) -> list[BlockerNode]:
    nodes: list[BlockerNode] = []
    for row in rows:
        if row["from_id"] == parent and row["depth"] == depth and row["id"] not in seen:
            seen.add(row["id"])
            nodes += [_node(row), *_walk(rows, row["id"], seen, depth + 1)]
    return nodes


def _node(row: Mapping[str, Any]) -> BlockerNode:
    note, tone = _note(row)
    issue = IssueRef(row["identifier"], row["title"], row["status"])
    return BlockerNode(issue, row["depth"], row["owner"], note, tone)


def _note(row: Mapping[str, Any]) -> tuple[str, Tone]:
    if row["side"] == "before" and row["status"] == IssueStatus.CANCELLED:
        return "cancelled, and so never done", "bad"
    if row["running"]:
        return "running now", "live"
    closed = row["status"] in (IssueStatus.DONE, IssueStatus.CANCELLED)
    return ("", "neutral") if row["owner"] or closed else ("owned by nobody", "warn")
