"""Which issues a list shows (spec/4 section 4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Greatest, Left

from agents.actors import Actor
from config.common.wire.errors import BadRequest, Forbidden
from config.common.wire.views import UUID_FORM
from issues.access import shown
from issues.models import InboxMark, Issue, IssueComment
from issues.vocabulary import IssueStatus, OriginKind

DESCRIPTION_CHARS = 1_200
ME = "me"
_ID_FILTERS = {
    "assigneeAgentId": "assignee_agent_id",
    "projectId": "project_id",
    "workspaceId": "project_workspace_id",
    "executionWorkspaceId": "execution_workspace_id",
    "parentId": "parent_id",
    "labelId": "labels__id",
}
_USER_FILTERS = ("assigneeUserId", "touchedByUserId", "inboxArchivedByUserId", "unreadForUserId")
LIST_FILTERS = (
    *("status", "q", "originKind", "originId", "excludeRoutineExecutions", "includeRoutineExecutions"),
    *(*_ID_FILTERS, *_USER_FILTERS, "participantAgentId", "descendantOf", "includeBlockedBy"),
)
_BELOW = """
with recursive below (id) as (
    select id from issues_issue where parent_id = %s and company_id = %s
  union
    select c.id from issues_issue c join below on c.parent_id = below.id
)
select id from below limit 10000
"""


def listed(company_id: UUID, actor: Actor, asked: Mapping[str, str]) -> QuerySet[Issue]:
    """The company's visible issues that the query asks for, newest change first.

    Ids that can be none and unknown statuses are 400; `me` from an agent is 403.
    """
    rows = shown().filter(company_id=company_id, hidden_at__isnull=True)
    rows = _by_words(rows, asked)
    for name, column in _ID_FILTERS.items():
        if asked.get(name):
            rows = rows.filter(**{column: _id(name, asked[name])})
    for name in _USER_FILTERS:
        if asked.get(name):
            rows = _by_user(rows, name, _user(actor, name, asked[name]))
    if asked.get("participantAgentId"):
        rows = rows.filter(_participates(_id("participantAgentId", asked["participantAgentId"])))
    if asked.get("descendantOf"):
        rows = rows.filter(id__in=_descendants(company_id, _id("descendantOf", asked["descendantOf"])))
    return cut_descriptions(rows).order_by("-updated_at", "-id")


def cut_descriptions(rows: QuerySet[Issue]) -> QuerySet[Issue]:
    """The rows with at most 1,200 characters of their descriptions read."""
    return rows.defer("description").annotate(head=Left(F("description"), Value(DESCRIPTION_CHARS)))


def show_heads(issues: list[Issue]) -> list[Issue]:
    """Put the cut descriptions where the wire form looks for them."""
    for issue in issues:
        issue.description = issue.head  # type: ignore[attr-defined]
    return issues


def _by_words(rows: QuerySet[Issue], asked: Mapping[str, str]) -> QuerySet[Issue]:
    if asked.get("status"):
        rows = rows.filter(status__in=statuses(asked["status"]))
    if asked.get("originKind"):
        rows = rows.filter(origin_kind=asked["originKind"])
    if asked.get("originId"):
        rows = rows.filter(origin_id=asked["originId"])
    elif asked.get("excludeRoutineExecutions") == "true" and asked.get("includeRoutineExecutions") != "true":
        rows = rows.exclude(origin_kind=OriginKind.ROUTINE_EXECUTION)
    text = (asked.get("q") or "").strip().replace("\0", "")
    if text:
        said = IssueComment.objects.filter(issue_id=OuterRef("pk"), body__icontains=text)
        words = Q(title__icontains=text) | Q(identifier__icontains=text) | Q(description__icontains=text)
        rows = rows.filter(words | Q(Exists(said)))
    return rows


def statuses(text: str) -> list[str]:
    """The statuses of a comma-separated list; 400 for a word that is none."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    strangers = sorted(set(words) - set(IssueStatus))
    if strangers:
        raise BadRequest(f"Unknown status: {', '.join(strangers)}"[:500])
    return words


def _by_user(rows: QuerySet[Issue], name: str, user_id: UUID) -> QuerySet[Issue]:
    if name == "assigneeUserId":
        return rows.filter(assignee_user_id=user_id)
    if name == "touchedByUserId":
        return rows.filter(touched_by(user_id))
    if name == "inboxArchivedByUserId":
        return rows.exclude(put_away_by(user_id))
    return rows.filter(touched_by(user_id), unread_by(user_id))


def put_away_by(user_id: UUID) -> Exists:
    """Issues that a person archived and on which nothing happened since."""
    archived = InboxMark.objects.filter(issue_id=OuterRef("pk"), user_id=user_id)
    return Exists(archived.filter(archived_at__gte=OuterRef("updated_at")))


def unread_by(user_id: UUID) -> Exists:
    """Issues on which somebody else spoke after this person last read or spoke there."""
    theirs = IssueComment.objects.filter(issue_id=OuterRef("pk")).exclude(author_user_id=user_id)
    mine = IssueComment.objects.filter(issue_id=OuterRef("issue_id"), author_user_id=user_id)
    read = InboxMark.objects.filter(issue_id=OuterRef("issue_id"), user_id=user_id)
    answered = Exists(mine.filter(created_at__gte=OuterRef("created_at")))
    return Exists(theirs.exclude(answered).exclude(Exists(read.filter(read_at__gte=OuterRef("created_at")))))


def seen_by(user_id: UUID, issue_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """What a list says of a person's own view of each issue, by wire name. One statement."""
    theirs = IssueComment.objects.filter(issue_id=OuterRef("pk")).exclude(author_user_id=user_id)
    mine = IssueComment.objects.filter(issue_id=OuterRef("pk"), author_user_id=user_id)
    marks = InboxMark.objects.filter(issue_id=OuterRef("pk"), user_id=user_id)
    rows = Issue.objects.filter(id__in=issue_ids).annotate(
        touched=Greatest(_newest(mine, "created_at"), _newest(marks, "read_at")),
        heard=_newest(theirs, "created_at"),
        unread=unread_by(user_id),
    )
    return {
        issue_id: {"myLastTouchAt": touched, "lastExternalCommentAt": heard, "isUnreadForMe": unread}
        for issue_id, touched, heard, unread in rows.values_list("id", "touched", "heard", "unread")
    }


def _newest(rows: QuerySet[Any], column: str) -> Subquery:
    return Subquery(rows.order_by(F(column).desc(nulls_last=True)).values(column)[:1])


def viewer(actor: Actor, asked: Mapping[str, str]) -> UUID | None:
    """Whose view of the issues a list was asked for, None for nobody's."""
    name = next((name for name in ("unreadForUserId", "touchedByUserId") if asked.get(name)), None)
    return _user(actor, name, asked[name]) if name else None


def touched_by(user_id: UUID) -> Q:
    """Issues that a person made, owns or spoke on."""
    spoke = IssueComment.objects.filter(issue_id=OuterRef("pk"), author_user_id=user_id)
    return Q(created_by_user_id=user_id) | Q(assignee_user_id=user_id) | Q(Exists(spoke))


def _participates(agent_id: UUID) -> Q:
    spoke = IssueComment.objects.filter(issue_id=OuterRef("pk"), author_agent_id=agent_id)
    return Q(created_by_agent_id=agent_id) | Q(assignee_agent_id=agent_id) | Q(Exists(spoke))


def _descendants(company_id: UUID, issue_id: UUID) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_BELOW, [issue_id, company_id])
        return [row[0] for row in cursor.fetchall()]


def _user(actor: Actor, name: str, text: str) -> UUID:
    if text != ME:
        return _id(name, text)
    if not actor.is_board or actor.user_id is None:
        raise Forbidden(f"{name}=me requires board authentication")
    return actor.user_id


def _id(name: str, text: str) -> UUID:
    if not UUID_FORM.fullmatch(text):
        raise BadRequest(f"{name} must be an id")
    return UUID(text)
