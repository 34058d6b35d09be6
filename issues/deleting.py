"""Deleting an issue, alone or with everything below it (spec/4 16, fault 14)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from agents.actors import Actor
from agents.journal import activity, log_activity
from agents.models import ActivityEvent
from config.common.wire.errors import Conflict, Forbidden
from issues.access import issue_for, lock_company, locked, locked_issue_for
from issues.models import Issue, IssueComment, IssueDocument, WorkProduct
from issues.ownership import authorise_mutation
from issues.runs import live_runs_of

HANGS = "Issue cannot be deleted while things hang on it"
RUNS = "Issue cannot be deleted while a run is live on it"
TREE_BY_BOARD = "Only board users can delete a whole tree"

_TREE = """
with recursive tree (id) as (
    select %s::uuid
  union
    select c.id from issues_issue c join tree on c.parent_id = tree.id
)
select id from tree
"""

_NAME_IN_HISTORY = """
update agents_activityevent e set details = coalesce(e.details, '{}') || jsonb_build_object('identifier', i.identifier)
from issues_issue i where i.id = e.issue_id and i.id = any(%s) and not coalesce(e.details, '{}') ? 'identifier'
"""


@dataclass(frozen=True, slots=True)
class Hanging:
    """What an issue would take along."""

    children: int
    comments: int
    documents: int
    work_products: int

    def details(self) -> dict[str, Any]:
        """As the 409 tells it."""
        return {
            "children": self.children,
            "comments": self.comments,
            "documents": self.documents,
            "workProducts": self.work_products,
        }


def delete_issue(actor: Actor, ref: UUID | str, *, now: datetime) -> Issue:
    """Delete one issue on which nothing hangs; returns what it was.

    409 with the counts of what hangs on it, or when a run is live on it. Locks the company, then the issue.
    """
    with transaction.atomic():
        lock_company(issue_for(actor, ref, write=True).company_id)
        issue = locked_issue_for(actor, ref)
        authorise_mutation(actor, issue, now=now)
        hanging = _hanging(issue)
        if any(hanging.details().values()):
            raise Conflict(HANGS, details=hanging.details())
        _delete(actor, [issue], issue)
    return issue


def delete_tree(actor: Actor, ref: UUID | str, *, now: datetime) -> Issue:  # noqa: ARG001 - verbs take the time
    """Delete an issue with everything below it and all that hangs on them; for people. Locks the company, the tree."""
    if not actor.is_board:
        raise Forbidden(TREE_BY_BOARD)
    with transaction.atomic():
        root = issue_for(actor, ref, write=True)
        lock_company(root.company_id)
        with connection.cursor() as cursor:
            cursor.execute(_TREE, [root.pk])
            ids = [row[0] for row in cursor.fetchall()]
        tree = list(locked().filter(company_id=root.company_id, id__in=ids).order_by("id"))
        root = locked_issue_for(actor, ref)
        _delete(actor, tree, root)
    return root


def _hanging(issue: Issue) -> Hanging:
    return Hanging(
        children=Issue.objects.filter(parent=issue).count(),
        comments=IssueComment.objects.filter(issue=issue).count(),
        documents=IssueDocument.objects.filter(issue=issue).count(),
        work_products=WorkProduct.objects.filter(issue=issue).count(),
    )


def _delete(actor: Actor, issues: list[Issue], root: Issue) -> None:
    ids = [issue.pk for issue in issues]
    live = live_runs_of(root.company_id, ids)
    if live:
        raise Conflict(RUNS, details={"runIds": [str(run["id"]) for run in live.values()]})
    _name_in_history(ids)
    Issue.objects.filter(id__in=ids).delete()
    log_activity(*(_row(actor, issue) for issue in issues))


def _name_in_history(issue_ids: list[UUID]) -> None:
    """Activity outlives its issue: each row that does not say the identifier yet says it from now on."""
    with connection.cursor() as cursor:
        cursor.execute(_NAME_IN_HISTORY, [issue_ids])


def _row(actor: Actor, issue: Issue) -> ActivityEvent:
    """The row of an issue that is gone: it names it, and refers to nothing."""
    details = {"identifier": issue.identifier, "title": issue.title}
    row = activity(actor, issue.company_id, "issue.deleted", entity_type="issue", entity_id=issue.pk, details=details)
    row.issue_id = None
    return row
