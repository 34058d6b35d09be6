"""A person's answer to a question: accept, reject or respond. Accepted tasks become parts of the issue (W10)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from config.common.wire.errors import Conflict, Unprocessable
from issues import announcements as news
from issues.access import issue_for, lock_company, locked_issue_for
from issues.creating import NewIssue, insert_issue, part_of
from issues.interactions.asking import interaction_of
from issues.interactions.rules import (
    RESOLVED,
    Task,
    UnfitAnswer,
    checked_answers,
    chosen_tasks,
    require_open_to,
    wakes_assignee,
)
from issues.lifecycle import change_issue
from issues.models import Interaction, Issue
from issues.speech import human_action
from issues.trail import issue_row, record
from issues.vocabulary import InteractionKind, InteractionStatus

Json = dict[str, Any]
_TASK_COLUMNS = {
    "title": "title",
    "description": "description",
    "priority": "priority",
    "assigneeAgentId": "assignee_agent_id",
    "assigneeUserId": "assignee_user_id",
    "projectId": "project_id",
    "goalId": "goal_id",
    "billingCode": "billing_code",
}


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: InteractionStatus
    result: Json


_Decide = Callable[[Issue, Interaction], _Outcome]


def accept(
    actor: Actor, ref: UUID | str, interaction_id: UUID, *, selected: Collection[str] | None, now: datetime
) -> Interaction:
    """Accept a suggestion or a confirmation; of a suggestion, the `selected` tasks (None: all) become issues.

    Locks the company (numbers), then the issue. 409 when it was answered already, 422 when the answer does not fit.
    """

    def decide(issue: Issue, row: Interaction) -> _Outcome:
        if row.kind == InteractionKind.REQUEST_CONFIRMATION:
            return _Outcome(InteractionStatus.ACCEPTED, {"version": 1, "outcome": "accepted"})
        tasks, skipped = chosen_tasks(row.payload, selected)
        created = _create_tasks(actor, issue, row, tasks, now)
        result = {"version": 1, "createdTasks": created, "skippedClientKeys": skipped}
        return _Outcome(InteractionStatus.ACCEPTED, result)

    return _resolve(actor, ref, interaction_id, "accept", decide, now)


def reject(actor: Actor, ref: UUID | str, interaction_id: UUID, *, reason: str | None, now: datetime) -> Interaction:
    """Reject a suggestion or a confirmation. Errors and locks as `accept`."""

    def decide(_issue: Issue, row: Interaction) -> _Outcome:
        if row.payload.get("rejectRequiresReason") and not (reason or "").strip():
            raise UnfitAnswer("A reason is required to reject this")
        if row.kind == InteractionKind.REQUEST_CONFIRMATION:
            return _Outcome(InteractionStatus.REJECTED, {"version": 1, "outcome": "rejected", "reason": reason})
        return _Outcome(InteractionStatus.REJECTED, {"version": 1, "rejectionReason": reason})

    return _resolve(actor, ref, interaction_id, "reject", decide, now)


def respond(
    actor: Actor,
    ref: UUID | str,
    interaction_id: UUID,
    *,
    answers: Sequence[Mapping[str, Any]],
    summary: str | None,
    now: datetime,
) -> Interaction:
    """Answer questions. Errors and locks as `accept`."""

    def decide(_issue: Issue, row: Interaction) -> _Outcome:
        checked = checked_answers(row.payload, answers)
        result = {"version": 1, "answers": checked, "summaryMarkdown": summary}
        return _Outcome(InteractionStatus.ANSWERED, result)

    return _resolve(actor, ref, interaction_id, "respond", decide, now)


def _resolve(
    actor: Actor, ref: UUID | str, interaction_id: UUID, action: str, decide: _Decide, now: datetime
) -> Interaction:
    with transaction.atomic():
        lock_company(issue_for(actor, ref, write=True).company_id)
        issue = locked_issue_for(actor, ref)
        row = interaction_of(issue, interaction_id)
        if row.status != InteractionStatus.PENDING:
            raise Conflict(RESOLVED, details={"status": str(row.status)})
        try:
            require_open_to(action, row.kind)
            outcome = decide(issue, row)
        except UnfitAnswer as unfit:
            raise Unprocessable(str(unfit)) from unfit
        _store(actor, row, outcome, now)
        change_issue(issue, human_action(actor, now), now=now)
        details = {"interactionId": str(row.pk), "interactionKind": str(row.kind), "interactionStatus": row.status}
        record(issue, issue_row(actor, issue, f"issue.thread_interaction_{row.status}", details))
        _announce(actor, issue, row, action, now)
    return row


def _store(actor: Actor, row: Interaction, outcome: _Outcome, now: datetime) -> None:
    columns = {
        "status": outcome.status.value,
        "result": outcome.result,
        "resolved_at": now,
        "resolved_by_user_id": actor.user_id,
        "resolved_by_agent_id": actor.agent_id,
        "updated_at": now,
    }
    Interaction.objects.filter(pk=row.pk).update(**columns)
    for name, value in columns.items():
        setattr(row, name, value)


def _announce(actor: Actor, issue: Issue, row: Interaction, action: str, now: datetime) -> None:
    resolved = news.InteractionResolved(
        issue=news.facts_of(issue),
        interaction_id=row.pk,
        kind=str(row.kind),
        status=str(row.status),
        action=action,
        wakes_assignee=wakes_assignee(row.continuation_policy, InteractionStatus(row.status)),
        source_comment_id=row.source_comment_id,
        source_run_id=row.created_by_run_id,
        actor=actor,
        now=now,
    )
    news.tell(news.interaction_resolved, resolved)


def _create_tasks(actor: Actor, issue: Issue, row: Interaction, tasks: list[Task], now: datetime) -> list[Json]:
    made: dict[str, Issue] = {}
    default = row.payload.get("defaultParentId")
    above = _parent(issue, default)
    created = []
    for task in tasks:
        parent = made[task.parent_key] if task.parent_key else _parent(issue, task.fields.get("parentId")) or above
        columns = {
            column: task.fields[key] for key, column in _TASK_COLUMNS.items() if task.fields.get(key) is not None
        }
        new = part_of(parent or issue, NewIssue(columns={"status": "todo", **columns}))
        child = insert_issue(
            actor, issue.company_id, new, action="issue.created", source="issue.interaction.accept", now=now
        )
        made[task.key] = child
        created.append(
            {
                "clientKey": task.key,
                "issueId": str(child.pk),
                "identifier": child.identifier,
                "title": child.title,
                "parentIssueId": str(child.parent_id),
            }
        )
    return created


def _parent(issue: Issue, parent_id: object) -> Issue | None:
    if not isinstance(parent_id, str) or not parent_id:
        return None
    parent = Issue.objects.filter(company_id=issue.company_id, id=parent_id).first()
    if parent is None:
        raise UnfitAnswer("A suggested parent issue does not exist")
    return parent
