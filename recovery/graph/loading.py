"""Reading the part of a company's issue graph that waits (spec/3 J). Issues that wait for nothing are not read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.functions import Coalesce

from agents.vocabulary import NOT_INVOKABLE
from issues.models import Issue
from issues.vocabulary import ISSUE_TERMINAL, OriginKind
from recovery.graph.escalations import OpenEscalation
from recovery.graph.model import Edge, GraphIssue, IssueGraph, Participant
from recovery.organisation import AgentNode, Organisation
from recovery.owners import load_organisation

KIND = OriginKind.HARNESS_LIVENESS_ESCALATION

_COMPANIES = """
select distinct i.company_id from issues_issue i
where i.status not in ('done', 'cancelled') and i.hidden_at is null
  and (i.status = 'in_review' or i.origin_kind = 'harness_liveness_escalation'
       or exists (select 1 from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
                  where e.blocked_id = i.id and b.status <> 'done'))
order by 1
"""
_EDGES = """
select e.blocker_id, e.blocked_id, e.created_at from issues_issuerelation e
join issues_issue b on b.id = e.blocker_id join issues_issue w on w.id = e.blocked_id
where e.company_id = %s and w.status not in ('done', 'cancelled') and b.status <> 'done'
order by e.created_at, e.id
"""
_COLUMNS = """
       i.id, i.identifier, i.status, i.updated_at, i.hidden_at is not null, i.origin_kind, i.assignee_agent_id,
       i.assignee_user_id, i.created_by_agent_id, i.review_participant_agent_id, i.review_participant_user_id,
       exists (select 1 from heartbeats_heartbeatrun r
               where r.issue_id = i.id and r.status in ('queued', 'running', 'scheduled_retry')),
       exists (select 1 from heartbeats_wakeuprequest w
               where w.issue_id = i.id and w.status in ('queued', 'deferred_issue_execution')),
       exists (select 1 from issues_interaction q where q.issue_id = i.id and q.status = 'pending'),
       exists (select 1 from issues_issueapproval l join agents_approval p on p.id = l.approval_id
               where l.issue_id = i.id and p.status in ('pending', 'revision_requested')),
       (select o.id from issues_issue o
         where o.company_id = i.company_id and o.origin_kind = 'stranded_issue_recovery' and o.origin_id = i.id::text
           and o.status not in ('done', 'cancelled') limit 1)
"""
_NODES = f"""
select {_COLUMNS}
from issues_issue i
where i.company_id = %(company)s and (i.id = any(%(ids)s) or (i.status = 'in_review' and i.hidden_at is null))
order by i.created_at, i.id
"""  # noqa: S608 - constants
# An issue, what it waits for, and for each of them the open blockers and whether its people can be woken.
_BELOW = f"""
with recursive below (id) as (
    select %(issue)s::uuid
  union
    select b.id from below
    join issues_issue w on w.id = below.id and w.status not in ('done', 'cancelled')
    join issues_issuerelation e on e.blocked_id = w.id
    join issues_issue b on b.id = e.blocker_id and b.status <> 'done'
)
select {_COLUMNS},
       case when i.status not in ('done', 'cancelled') then
         array(select e.blocker_id from issues_issuerelation e join issues_issue b on b.id = e.blocker_id
                where e.blocked_id = i.id and b.status <> 'done' order by e.created_at, e.id) end,
       owner.status, reviewer.status
from issues_issue i
left join agents_agent owner on owner.id = i.assignee_agent_id and owner.company_id = i.company_id
left join agents_agent reviewer on reviewer.id = i.review_participant_agent_id and reviewer.company_id = i.company_id
where i.company_id = %(company)s and i.id in (select id from below)
order by i.created_at, i.id
"""  # noqa: S608 - constants
# The columns of a node.
_WIDTH = 16


def waiting_companies() -> list[UUID]:
    """The companies where an open issue waits for another, is in review, or was escalated. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPANIES)
        return [company_id for (company_id,) in cursor.fetchall()]


def load_graph(company_id: UUID) -> IssueGraph:
    """The waiting part of a company's graph: three statements, however many issues."""
    with connection.cursor() as cursor:
        cursor.execute(_EDGES, [company_id])
        edges = [Edge(*row) for row in cursor.fetchall()]
    return IssueGraph(company_id, _nodes(company_id, edges), edges, load_organisation(company_id))


def load_graph_below(company_id: UUID, issue_id: UUID) -> IssueGraph:
    """One issue and what it waits for, directly or through others, with the agents who own or review any of it.

    One statement, which costs what is below the issue. When an edge was made is not known here.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BELOW, {"company": company_id, "issue": issue_id})
        rows = cursor.fetchall()
    issues = [_issue(row[:_WIDTH]) for row in rows]
    edges, agents = list[Edge](), dict[UUID, AgentNode]()
    for issue, (blockers, owner, reviewer) in zip(issues, (row[_WIDTH:] for row in rows), strict=True):
        edges += [Edge(blocker, issue.issue_id, issue.updated_at) for blocker in blockers or ()]
        asked = issue.participant.agent_id if issue.participant else None
        for agent_id, status in ((issue.assignee_agent_id, owner), (asked, reviewer)):
            if isinstance(agent_id, UUID) and status is not None:
                agents[agent_id] = AgentNode(agent_id, invokable=status not in NOT_INVOKABLE)
    return IssueGraph(company_id, issues, edges, Organisation(agents.values()))


def _nodes(company_id: UUID, edges: Sequence[Edge]) -> list[GraphIssue]:
    ends = sorted({end for edge in edges for end in (edge.blocker_id, edge.blocked_id)}, key=str)
    with connection.cursor() as cursor:
        cursor.execute(_NODES, {"company": company_id, "ids": ends})
        return [_issue(row) for row in cursor.fetchall()]


def load_escalations(company_id: UUID) -> list[OpenEscalation]:
    """The open escalation issues of a company. One statement."""
    rows = Issue.objects.filter(company_id=company_id, origin_kind=KIND).exclude(status__in=ISSUE_TERMINAL)
    found = rows.order_by("created_at").values_list("id", "origin_id", "origin_fingerprint", "execution_run")
    return [
        OpenEscalation(issue_id, key or "", leaf or "", _source_of(key or ""), run is not None)
        for issue_id, key, leaf, run in found
    ]


def closed_escalations(company_id: UUID) -> dict[str, datetime]:
    """When the latest escalation of each leaf was closed. One statement."""
    rows = Issue.objects.filter(company_id=company_id, origin_kind=KIND, status__in=ISSUE_TERMINAL)
    ended = rows.annotate(ended=Coalesce("completed_at", "cancelled_at")).order_by("ended")
    return {leaf: at for leaf, at in ended.values_list("origin_fingerprint", "ended") if leaf and at}


def _issue(row: Sequence[Any]) -> GraphIssue:
    issue_id, identifier, status, updated, hidden, origin, agent, user, creator, asked_agent, asked_user = row[:11]
    live, wakeup, question, approval, recovery = row[11:]
    asked = Participant(asked_agent, asked_user) if asked_agent or asked_user else None
    return GraphIssue(
        issue_id=issue_id,
        identifier=identifier,
        status=status,
        updated_at=updated,
        hidden=hidden,
        origin_kind=origin,
        assignee_agent_id=agent,
        assignee_user_id=user,
        creator_agent_id=creator,
        participant=asked,
        live_run=live,
        pending_wakeup=wakeup,
        pending_interaction=question,
        pending_approval=approval,
        recovery_issue_id=recovery,
    )


def _source_of(incident_key: str) -> str:
    """`harness_liveness:company:source:state:leaf`."""
    parts = incident_key.split(":")
    return parts[2] if len(parts) == 5 else ""
