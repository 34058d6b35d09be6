"""What an issue that closed means for others. Read after commit, when every change that raced is to be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Substr

from config.common.clock import wire_time
from issues.announcements import IssueFacts, facts_of
from issues.models import Issue, IssueComment
from issues.trail import text_id
from issues.vocabulary import ISSUE_TERMINAL, IssueStatus

MOST_SUMMARIES = 20
SUMMARY_CHARS = 500
_ASLEEP = (IssueStatus.BACKLOG, *sorted(ISSUE_TERMINAL))

_UNBLOCKED = """
select edge.blocked_id, (select array_agg(other.blocker_id order by other.created_at, other.blocker_id)
                         from issues_issuerelation other where other.blocked_id = edge.blocked_id)
from issues_issuerelation edge
where edge.blocker_id = %s and edge.company_id = %s and not exists (
    select 1 from issues_issuerelation other join issues_issue b on b.id = other.blocker_id
    where other.blocked_id = edge.blocked_id and b.status <> 'done')
"""


@dataclass(frozen=True, slots=True)
class Unblocked:
    """An issue whose blockers are all done now."""

    issue: IssueFacts
    blocker_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class ChildrenCompleted:
    """A parent whose children are all done or cancelled. At most 20 summaries, `truncated` when there were more."""

    issue: IssueFacts
    child_ids: Sequence[UUID]
    summaries: Sequence[Mapping[str, Any]]
    truncated: bool


def unblocked_by(company_id: UUID, blocker_id: UUID) -> list[Unblocked]:
    """The issues that waited for this one and now wait for none, if an agent owns them and they are awake."""
    with connection.cursor() as cursor:
        cursor.execute(_UNBLOCKED, [blocker_id, company_id])
        blockers = dict(cursor.fetchall())
    if not blockers:
        return []
    waiting = Issue.objects.filter(company_id=company_id, id__in=blockers, assignee_agent__isnull=False)
    awake = waiting.exclude(status__in=_ASLEEP).order_by("created_at", "id")
    return [Unblocked(facts_of(issue), blockers[issue.pk]) for issue in awake]


def completed_parent(company_id: UUID, parent_id: UUID) -> ChildrenCompleted | None:
    """The parent, if an agent owns it, it is awake, and every child of it is done or cancelled; else None."""
    parent = Issue.objects.filter(company_id=company_id, id=parent_id, assignee_agent__isnull=False).first()
    if parent is None or parent.status in _ASLEEP:
        return None
    latest = IssueComment.objects.filter(issue_id=OuterRef("pk")).order_by("-created_at", "-id")
    said = Subquery(latest.annotate(head=Substr("body", 1, SUMMARY_CHARS)).values("head")[:1])
    children = list(
        Issue.objects.filter(company_id=company_id, parent_id=parent_id).annotate(said=said).order_by("number")
    )
    if not children or any(child.status not in ISSUE_TERMINAL for child in children):
        return None
    return ChildrenCompleted(
        facts_of(parent),
        [child.pk for child in children],
        [_summary(child) for child in children[:MOST_SUMMARIES]],
        truncated=len(children) > MOST_SUMMARIES,
    )


def _summary(child: Any) -> dict[str, Any]:  # noqa: ANN401 - an issue with the annotation `said`
    return {
        "id": str(child.pk),
        "identifier": child.identifier,
        "title": child.title,
        "status": str(child.status),
        "priority": str(child.priority),
        "assigneeAgentId": text_id(child.assignee_agent_id),
        "assigneeUserId": text_id(child.assignee_user_id),
        "updatedAt": wire_time(child.updated_at),
        "summary": child.said,
    }
