"""Which approvals an issue waits for."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.access import NOT_MANAGER
from agents.actors import Actor
from agents.announcements import ApprovalRequested
from agents.grants import leads_company
from agents.models import Approval
from config.common.wire.camel import camel
from config.common.wire.errors import Forbidden, NotFound
from issues.access import locked_issue_for
from issues.models import Issue, IssueApproval
from issues.related import SUMMARY
from issues.trail import issue_row, record


def approvals_of(issue: Issue) -> list[Approval]:
    """The approvals linked to an issue, newest first."""
    return list(Approval.objects.filter(issue_links__issue=issue).order_by("-created_at"))


def link_approval(actor: Actor, ref: UUID | str, approval_id: UUID, *, now: datetime) -> bool:
    """Link an approval of the company; False when it was linked already. Locks the issue. 403, 404."""
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        _require_leader(actor)
        approval = _approval(issue, approval_id)
        _, created = IssueApproval.objects.get_or_create(
            company_id=issue.company_id, issue=issue, approval=approval, defaults={"created_at": now}
        )
        if created:
            record(issue, issue_row(actor, issue, "issue.approval_linked", {"approvalId": str(approval.pk)}))
    return created


def unlink_approval(actor: Actor, ref: UUID | str, approval_id: UUID, *, now: datetime) -> bool:  # noqa: ARG001
    """Undo `link_approval`; False when there was no link. Locks the issue."""
    with transaction.atomic():
        issue = locked_issue_for(actor, ref)
        _require_leader(actor)
        gone, _ = IssueApproval.objects.filter(issue=issue, approval_id=approval_id).delete()
        if gone:
            record(issue, issue_row(actor, issue, "issue.approval_unlinked", {"approvalId": str(approval_id)}))
    return bool(gone)


def link_requested(news: ApprovalRequested) -> None:
    """An approval was created for these issues: link them in its transaction, or refuse it with 404."""
    wanted = set(news.issue_ids)
    issues = list(Issue.objects.filter(company_id=news.company_id, id__in=wanted).order_by("id"))
    if len(issues) != len(wanted):
        raise NotFound.of("Issue")
    for issue in issues:
        IssueApproval.objects.create(company_id=news.company_id, issue=issue, approval_id=news.approval_id)
        details = {"approvalId": str(news.approval_id)}
        record(issue, issue_row(news.actor, issue, "issue.approval_linked", details))


def issues_of(company_id: UUID, approval_id: UUID) -> list[dict[str, Any]]:
    """The issues linked to an approval, as summaries by wire name."""
    rows = Issue.objects.filter(company_id=company_id, approval_links__approval_id=approval_id).order_by("number")
    return [summary_of(issue) for issue in rows]


def summary_of(issue: Issue) -> dict[str, Any]:
    """An issue in short, by wire name."""
    more = ("company_id", "project_id", "parent_id", "updated_at", "created_at")
    return {camel(name): getattr(issue, name) for name in (*SUMMARY, *more)}


def _require_leader(actor: Actor) -> None:
    if not leads_company(actor):
        raise Forbidden(NOT_MANAGER)


def _approval(issue: Issue, approval_id: UUID) -> Approval:
    approval = Approval.objects.filter(company_id=issue.company_id, id=approval_id).first()
    if approval is None:
        raise NotFound.of("Approval")
    return approval
