"""What blocks what, and what is part of what: sets replaced whole, loops refused under the company's lock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from agents.actors import Actor
from config.common.wire.errors import NotFound, Unprocessable
from issues.models import Issue, IssueRelation
from issues.vocabulary import IssueStatus

SELF = "Issue cannot be blocked by itself"
CYCLE = "Blocking relations cannot contain cycles"
FOREIGN = "Blocked-by issues must belong to the same company"
PARENT_CYCLE = "An issue cannot be part of its own subtree"

# Everything that waits for an issue, directly or through others.
_WAITS = """
with recursive waits (id) as (
    select blocked_id from issues_issuerelation where blocker_id = %s
  union
    select edge.blocked_id from issues_issuerelation edge join waits on edge.blocker_id = waits.id
)
select id from waits where id = any(%s) limit 1
"""
_ABOVE = """
with recursive above (id, parent_id) as (
    select id, parent_id from issues_issue where id = %s
  union
    select p.id, p.parent_id from above join issues_issue p on p.id = above.parent_id
)
select 1 from above where id = %s limit 1
"""


@dataclass(frozen=True, slots=True)
class BlockersChanged:
    """Which blockers an issue gained and lost."""

    added: tuple[UUID, ...]
    removed: tuple[UUID, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def set_blockers(actor: Actor, issue: Issue, blocker_ids: Sequence[UUID]) -> BlockersChanged:
    """Replace the set of issues that block this one. 422 for itself, for a stranger's, and for a cycle.

    The caller holds the company's lock, so that two edges that close a cycle together cannot both pass.
    """
    wanted = set(blocker_ids)
    present = set(IssueRelation.objects.filter(blocked=issue).values_list("blocker_id", flat=True))
    added = sorted(wanted - present)
    if issue.pk in wanted:
        raise Unprocessable(SELF)
    _require_known(issue.company_id, added)
    _require_no_cycle(issue, added)
    if not present <= wanted:
        IssueRelation.objects.filter(blocked=issue).exclude(blocker_id__in=wanted).delete()
    IssueRelation.objects.bulk_create(_edge(actor, issue, blocker_id) for blocker_id in added)
    return BlockersChanged(tuple(added), tuple(sorted(present - wanted)))


def drop_resolved_blockers(issue: Issue) -> list[UUID]:
    """Forget the blockers that are done; which ones are left, in id order. The caller holds the company's lock.

    One statement, and one more when there was something to forget.
    """
    present = IssueRelation.objects.filter(blocked=issue).values_list("blocker_id", "blocker__status")
    edges = dict(present.order_by("blocker_id"))
    resolved = [blocker for blocker, status in edges.items() if status == IssueStatus.DONE]
    if resolved:
        IssueRelation.objects.filter(blocked=issue, blocker_id__in=resolved).delete()
    return [blocker for blocker in edges if blocker not in resolved]


def add_blocker(actor: Actor, blocked: Issue, blocker_id: UUID) -> None:
    """Add one blocker to an issue; the caller holds the company's lock. 422 for a cycle."""
    _require_no_cycle(blocked, [blocker_id])
    IssueRelation.objects.bulk_create([_edge(actor, blocked, blocker_id)], ignore_conflicts=True)


def require_parent(company_id: UUID, parent_id: UUID, *, child_id: UUID | None = None) -> Issue:
    """The parent, or 404; 422 when it is the child itself or below it. The caller holds the company's lock."""
    parent = Issue.objects.filter(company_id=company_id, id=parent_id).first()
    if parent is None:
        raise NotFound.of("Parent issue")
    if child_id is not None and _exists(_ABOVE, [parent_id, child_id]):
        raise Unprocessable(PARENT_CYCLE)
    return parent


def _require_known(company_id: UUID, issue_ids: Collection[UUID]) -> None:
    if issue_ids and Issue.objects.filter(company_id=company_id, id__in=issue_ids).count() != len(issue_ids):
        raise Unprocessable(FOREIGN)


def _require_no_cycle(issue: Issue, blocker_ids: Sequence[UUID]) -> None:
    if blocker_ids and _exists(_WAITS, [issue.pk, list(blocker_ids)]):
        raise Unprocessable(CYCLE)


def _exists(sql: str, values: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone() is not None


def _edge(actor: Actor, issue: Issue, blocker_id: UUID) -> IssueRelation:
    return IssueRelation(
        company_id=issue.company_id,
        blocked=issue,
        blocker_id=blocker_id,
        created_by_agent_id=actor.agent_id,
        created_by_user_id=None if actor.is_agent else actor.user_id,
    )
