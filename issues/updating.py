"""Changing an issue: columns, a comment, what it asks for, what blocks it, all in one transaction (spec/4, PATCH)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from config.common.wire.errors import BadRequest, Unprocessable
from issues import announcements as news
from issues.access import issue_for, lock_company, locked_issue_for
from issues.assigning import assignable_agent, require_assignable_user, require_assignment, require_one_assignee
from issues.creating import IN_PROGRESS_BLOCKED, MOST_DEPTH, NEEDS_ASSIGNEE
from issues.interactions.superseding import expire_superseded
from issues.labels import set_labels
from issues.lifecycle import change_issue, touch_issue
from issues.models import Issue, IssueComment
from issues.overrides import require_overrides
from issues.ownership import authorise_mutation
from issues.places import require_places
from issues.readiness import unresolved_blockers
from issues.relations import BlockersChanged, require_parent, set_blockers
from issues.speech import Effects, human_action, store_comment, weigh
from issues.speech_rules import INTERRUPT_NEEDS_COMMENT, NO_WISHES, RESUME_NEEDS_COMMENT, Wishes
from issues.stages import Staged, checked_policy, move_stage
from issues.update_trail import Written, log_update
from issues.vocabulary import IssueStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a PATCH asks for. `columns` holds the named ones only; None for a set that was not named."""

    columns: Mapping[str, Any]
    comment: str | None = None
    wishes: Wishes = NO_WISHES
    blocked_by: Sequence[UUID] | None = None
    label_ids: Sequence[UUID] | None = None
    review_request: Mapping[str, Any] | None = None

    @property
    def touches_graph(self) -> bool:
        """Whether loops could come of it."""
        return self.blocked_by is not None or "parent_id" in self.columns


@dataclass(frozen=True, slots=True)
class Updated:
    """The issue as it is now, and the comment that came with the change."""

    issue: Issue
    comment: IssueComment | None
    blockers_changed: bool


def update_issue(actor: Actor, ref: UUID | str, edit: Edit, *, now: datetime) -> Updated:
    """Change an issue. Everything is stored first; wakes, cancelled and interrupted runs follow after commit (W2–W8).

    Locks the company when blockers or the parent change, then the issue. 400, 401, 403, 404, 409, 422 as in spec/4.
    """
    _require_comment_for_wishes(edit)
    with transaction.atomic():
        if edit.touches_graph:
            lock_company(issue_for(actor, ref, write=True).company_id)
        issue = locked_issue_for(actor, ref)
        authorise_mutation(actor, issue, now=now)
        before, was_user = news.facts_of(issue), issue.assignee_user_id
        columns = _resolved(actor, issue, edit)
        effects = _effects(actor, issue, edit, columns)
        reopened = effects.reopens and "status" not in columns
        if reopened:
            columns["status"] = IssueStatus.TODO
        staged = move_stage(actor, issue, columns, comment=edit.comment, review_request=edit.review_request)
        columns.update(staged.columns)
        blockers = _set_blockers(actor, issue, edit)
        _require_invariants(issue, columns)
        written = _write(actor, issue, edit, columns, effects, blockers, before.status if reopened else None, now)
        log_update(actor, issue, written)
        handed_over = (before.assignee_agent_id, was_user) != (issue.assignee_agent_id, issue.assignee_user_id)
        _announce(actor, issue, before, written, staged, assignee_changed=handed_over, now=now)
    return Updated(issue, written.comment, bool(blockers))


def _require_comment_for_wishes(edit: Edit) -> None:
    if edit.comment is None and edit.wishes.resume:
        raise BadRequest(RESUME_NEEDS_COMMENT)
    if edit.comment is None and edit.wishes.interrupt:
        raise BadRequest(INTERRUPT_NEEDS_COMMENT)


def _resolved(actor: Actor, issue: Issue, edit: Edit) -> dict[str, Any]:
    """The columns with every reference checked against the company."""
    columns = dict(edit.columns)
    _resolve_assignee(actor, issue, columns)
    asked, stored = columns.get("assignee_adapter_overrides"), issue.assignee_adapter_overrides
    require_overrides(actor, issue.company_id, asked, stored=stored)
    require_places(issue.company_id, columns, project_id=issue.project_id)
    moved = "project_id" in columns and columns["project_id"] != issue.project_id
    if moved and "project_workspace_id" not in columns:
        columns["project_workspace_id"] = None
    if columns.get("parent_id"):
        require_parent(issue.company_id, columns["parent_id"], child_id=issue.pk)
    if "request_depth" in columns:
        columns["request_depth"] = min(columns["request_depth"], MOST_DEPTH)
    if "execution_policy" in columns:
        columns["execution_policy"] = checked_policy(issue.company_id, columns["execution_policy"])
    return columns


def _resolve_assignee(actor: Actor, issue: Issue, columns: dict[str, Any]) -> None:
    if columns.get("assignee_agent_id") is not None:
        columns["assignee_agent_id"] = _known_agent(issue, columns["assignee_agent_id"])
    agent_id = columns.get("assignee_agent_id", issue.assignee_agent_id)
    user_id = columns.get("assignee_user_id", issue.assignee_user_id)
    require_one_assignee(agent_id, user_id)
    if (agent_id, user_id) == (issue.assignee_agent_id, issue.assignee_user_id):
        return
    if user_id is not None and user_id != issue.assignee_user_id:
        require_assignable_user(issue.company_id, user_id)
    given_back = agent_id is None and user_id in (None, issue.created_by_user_id)
    if not given_back:
        require_assignment(actor, issue.company_id)


def _known_agent(issue: Issue, ref: UUID | str) -> UUID:
    """The present assignee stays what it is, also when it may not be given new work."""
    if str(ref) == str(issue.assignee_agent_id):
        return UUID(str(ref))
    return assignable_agent(issue.company_id, ref).pk


def _effects(actor: Actor, issue: Issue, edit: Edit, columns: Mapping[str, Any]) -> Effects:
    assignee_id = columns.get("assignee_agent_id", issue.assignee_agent_id)
    return weigh(actor, issue, edit.wishes, assignee_id=assignee_id, spoken=edit.comment is not None)


def _set_blockers(actor: Actor, issue: Issue, edit: Edit) -> BlockersChanged:
    return BlockersChanged((), ()) if edit.blocked_by is None else set_blockers(actor, issue, edit.blocked_by)


def _require_invariants(issue: Issue, columns: Mapping[str, Any]) -> None:
    status = columns.get("status", issue.status)
    if status != IssueStatus.IN_PROGRESS:
        return
    agent_id = columns.get("assignee_agent_id", issue.assignee_agent_id)
    if agent_id is None and columns.get("assignee_user_id", issue.assignee_user_id) is None:
        raise Unprocessable(NEEDS_ASSIGNEE)
    open_blockers = unresolved_blockers(issue.company_id, issue.pk) if status != issue.status else []
    if open_blockers:
        details = {"unresolvedBlockerIssueIds": [row["id"] for row in open_blockers]}
        raise Unprocessable(IN_PROGRESS_BLOCKED, details=details)


def _write(
    actor: Actor,
    issue: Issue,
    edit: Edit,
    columns: Mapping[str, Any],
    effects: Effects,
    blockers: BlockersChanged,
    reopened_from: IssueStatus | None,
    now: datetime,
) -> Written:
    comment = None if edit.comment is None else store_comment(actor, issue, edit.comment, effects.flags)
    if comment is not None:
        expire_superseded(actor, issue, comment, now=now)
    labelled = edit.label_ids is not None and set_labels(issue, edit.label_ids)
    previous = change_issue(issue, {**columns, **human_action(actor, now)}, now=now)
    if comment is not None or blockers or labelled:
        touch_issue(issue, now=now)
    previous.pop("last_human_action_at", None)
    return Written(
        previous=previous,
        comment=comment,
        reopened_from=reopened_from,
        flags=effects.flags,
        blockers=blockers,
        labelled=labelled,
    )


def _announce(
    actor: Actor,
    issue: Issue,
    before: news.IssueFacts,
    written: Written,
    staged: Staged,
    *,
    assignee_changed: bool,
    now: datetime,
) -> None:
    updated = news.IssueUpdated(
        before=before,
        issue=news.facts_of(issue),
        actor=actor,
        now=now,
        comment=news.comment_facts(written.comment) if written.comment else None,
        reopened_from=written.reopened_from,
        flags=written.flags,
        stage=staged.move,
        assignee_changed=assignee_changed,
    )
    news.tell(news.issue_updated, updated)
