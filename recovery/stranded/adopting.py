"""Blockers that nobody owns, handed back to the agent that made them (spec/3 G)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from agents.models import Agent
from agents.vocabulary import NOT_INVOKABLE
from issues.models import Issue, IssueRelation
from issues.vocabulary import ISSUE_TERMINAL
from recovery.issue_actions import change, say
from recovery.organisation import AgentNode
from recovery.stranded.orphan_blockers import MUTATION, WAKE_REASON, BlockerFacts, orphan_blocker_owner
from recovery.stranded.texts import orphan_blocker_comment
from recovery.sweeps.rows import Done, Left, RowResult
from recovery.waking import wake

ASSIGNED = "orphan_blockers_assigned"
NO_ORPHAN = "no_orphan"
LOST_RACE = "lost_race"

# Only those whose creator can be woken: a blocker that could not be handed over must not fill the page for ever.
_ORPHANS = """
select i.id from issues_issue i
join agents_agent a on a.id = i.created_by_agent_id and a.company_id = i.company_id and a.status <> all(%s)
where i.status in ('todo', 'blocked') and i.assignee_agent_id is null and i.assignee_user_id is null
  and i.hidden_at is null
  and exists (select 1 from issues_issuerelation e join issues_issue b on b.id = e.blocked_id
              where e.blocker_id = i.id and b.status not in ('done', 'cancelled'))
order by i.id limit %s
"""


def find_orphan_blockers(limit: int) -> list[UUID]:
    """Open blockers without an owner whose creator can be woken, in id order. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_ORPHANS, [sorted(NOT_INVOKABLE), limit])
        return [issue_id for (issue_id,) in cursor.fetchall()]


def assign_orphan_blocker(issue_id: UUID, *, now: datetime, dry_run: bool) -> RowResult:
    """Assign it to its creator, say so, wake it; in one transaction under the issue's lock."""
    with transaction.atomic():
        rows = Issue.objects.filter(pk=issue_id)
        issue = (rows if dry_run else rows.select_for_update(no_key=True, skip_locked=True)).first()
        if issue is None:
            return Left(LOST_RACE)
        blocked = _blocked_by(issue)
        owner = orphan_blocker_owner(_facts(issue, blocked), _creator(issue))
        if owner is None:
            return Left(NO_ORPHAN)
        if not dry_run:
            _hand_over(issue, UUID(str(owner)), blocked, now)
        return Done(ASSIGNED, issue.company_id)


def _hand_over(issue: Issue, owner: UUID, blocked: Sequence[str], now: datetime) -> None:
    facts = {"assigneeAgentId": str(owner), "mutation": MUTATION, "_previous": {"assigneeAgentId": None}}
    change(issue, {"assignee_agent_id": owner}, facts, now=now)
    say(issue, orphan_blocker_comment(blocked))
    wake(
        owner,
        issue.pk,
        company_id=issue.company_id,
        reason=WAKE_REASON,
        source="issue.unassigned_blocker_recovery",
        facts={"mutation": MUTATION},
        now=now,
    )


def _facts(issue: Issue, blocked: Sequence[str]) -> BlockerFacts:
    assigned = issue.assignee_agent_id is not None or issue.assignee_user_id is not None
    return BlockerFacts(issue.pk, issue.status, assigned, issue.hidden_at is not None, len(blocked))


def _blocked_by(issue: Issue) -> list[str]:
    edges = IssueRelation.objects.filter(blocker=issue).exclude(blocked__status__in=ISSUE_TERMINAL)
    return list(edges.order_by("blocked__number").values_list("blocked__identifier", flat=True))


def _creator(issue: Issue) -> AgentNode | None:
    if issue.created_by_agent_id is None:
        return None
    agent = Agent.objects.filter(pk=issue.created_by_agent_id, company_id=issue.company_id).first()
    return None if agent is None else AgentNode(agent.pk, agent.role, None, agent.status not in NOT_INVOKABLE)
