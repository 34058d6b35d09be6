"""New issues and new parts of issues (spec/4 section 4, W1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.access import require_company_write
from agents.actors import Actor
from config.common.wire.errors import Unprocessable
from issues import announcements as news
from issues.access import issue_for, lock_company, locked_issue_for
from issues.assigning import assignable_agent, require_assignable_user, require_assignment, require_one_assignee
from issues.labels import set_labels
from issues.lifecycle import times_of
from issues.models import Issue
from issues.numbering import take_number
from issues.overrides import require_overrides
from issues.places import require_places
from issues.readiness import unresolved_blockers
from issues.relations import add_blocker, require_parent, set_blockers
from issues.speech import human_action
from issues.stages import checked_policy
from issues.trail import issue_row, record, text_id
from issues.vocabulary import IssueStatus

MOST_DEPTH = 1024
NEEDS_ASSIGNEE = "in_progress issues require an assignee"
IN_PROGRESS_BLOCKED = "Issue is blocked by unresolved blockers"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIssue:
    """What is to be created: columns by name, and what hangs on them."""

    columns: Mapping[str, Any]
    blocked_by: Sequence[UUID] = ()
    label_ids: Sequence[UUID] = ()
    acceptance_criteria: Sequence[str] = field(default=())
    blocks_parent: bool = False


def create_issue(actor: Actor, company_id: UUID, new: NewIssue, *, now: datetime) -> Issue:
    """Create an issue. Locks the company. 403 without the right to assign, 404 and 422 for ids that do not fit."""
    with transaction.atomic():
        require_company_write(actor, company_id)
        lock_company(company_id)
        return insert_issue(actor, company_id, new, action="issue.created", source="issue.create", now=now)


def create_child(actor: Actor, parent_ref: UUID | str, new: NewIssue, *, now: datetime) -> Issue:
    """Create a part of an issue, in its project and for its goal unless told otherwise. Locks the company, the parent.

    With `blocks_parent` the parent waits for it.
    """
    with transaction.atomic():
        company_id = _company_of(actor, parent_ref)
        lock_company(company_id)
        parent = locked_issue_for(actor, parent_ref)
        child = insert_issue(
            actor, company_id, part_of(parent, new), action="issue.child_created", source="issue.child_create", now=now
        )
        if new.blocks_parent:
            add_blocker(actor, parent, child.pk)
            details = {"addedBlockedByIssues": [str(child.pk)], "source": "child"}
            record(parent, issue_row(actor, parent, "issue.blockers_updated", details))
    return child


def part_of(parent: Issue, new: NewIssue) -> NewIssue:
    """The child's columns with what it inherits, its criteria written under its description."""
    inherited = {
        "project_id": parent.project_id,
        "project_workspace_id": parent.project_workspace_id if "project_id" not in new.columns else None,
        "goal_id": parent.goal_id,
        "billing_code": parent.billing_code,
        "request_depth": parent.request_depth + 1,
    }
    columns = {**inherited, **new.columns, "parent_id": parent.pk}
    if new.acceptance_criteria:
        listed = "\n".join(f"- {criterion}" for criterion in new.acceptance_criteria)
        text = f"{columns.get('description') or ''}\n\n## Acceptance criteria\n\n{listed}"
        columns["description"] = text.strip()
    return NewIssue(columns=columns, blocked_by=new.blocked_by, label_ids=new.label_ids)


def insert_issue(actor: Actor, company_id: UUID, new: NewIssue, *, action: str, source: str, now: datetime) -> Issue:
    """Insert one issue in the caller's transaction, which holds the company's lock; logged and announced."""
    columns = dict(new.columns)
    _require_assignees(actor, company_id, columns)
    require_overrides(actor, company_id, columns.get("assignee_adapter_overrides"))
    require_places(company_id, columns)
    if columns.get("parent_id"):
        require_parent(company_id, columns["parent_id"])
    if columns.get("execution_policy"):
        columns["execution_policy"] = checked_policy(company_id, columns["execution_policy"])
    issue = _insert(actor, company_id, columns, now)
    if new.blocked_by:
        set_blockers(actor, issue, new.blocked_by)
    if new.label_ids:
        set_labels(issue, new.label_ids)
    if issue.status == IssueStatus.IN_PROGRESS and unresolved_blockers(company_id, issue.pk):
        raise Unprocessable(IN_PROGRESS_BLOCKED, details={"unresolvedBlockerIssueIds": list(map(str, new.blocked_by))})
    details = {
        "title": issue.title,
        "status": str(issue.status),
        "assigneeAgentId": text_id(issue.assignee_agent_id),
        "parentId": text_id(issue.parent_id),
        "blockedByIssueIds": list(map(str, new.blocked_by)),
    }
    record(issue, issue_row(actor, issue, action, details))
    created = news.IssueCreated(issue=news.facts_of(issue), source=source, actor=actor, now=now)
    news.tell(news.issue_created, created)
    return issue


def _insert(actor: Actor, company_id: UUID, columns: dict[str, Any], now: datetime) -> Issue:
    status = IssueStatus(columns.pop("status", IssueStatus.BACKLOG))
    if status == IssueStatus.IN_PROGRESS and not (columns.get("assignee_agent_id") or columns.get("assignee_user_id")):
        raise Unprocessable(NEEDS_ASSIGNEE)
    number = take_number(company_id)
    columns["request_depth"] = min(columns.get("request_depth") or 0, MOST_DEPTH)
    return Issue.objects.create(
        company_id=company_id,
        number=number.number,
        identifier=number.identifier,
        status=status,
        created_by_agent_id=actor.agent_id,
        created_by_user_id=None if actor.is_agent else actor.user_id,
        **times_of(status, started_at=None, now=now),
        **human_action(actor, now),
        **columns,
    )


def _require_assignees(actor: Actor, company_id: UUID, columns: dict[str, Any]) -> None:
    agent_ref, user_id = columns.get("assignee_agent_id"), columns.get("assignee_user_id")
    if agent_ref is None and user_id is None:
        return
    require_one_assignee(agent_ref, user_id)
    require_assignment(actor, company_id)
    if agent_ref is not None:
        columns["assignee_agent_id"] = assignable_agent(company_id, agent_ref).pk
    if user_id is not None:
        require_assignable_user(company_id, user_id)


def _company_of(actor: Actor, ref: UUID | str) -> UUID:
    return issue_for(actor, ref, write=True).company_id
