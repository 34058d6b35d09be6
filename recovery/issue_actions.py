"""What recovery does to issues, in the verbs of `issues`: open one, block one, speak on one, hand one over.

Every function writes in the caller's transaction, which holds the locks named; the system acts, not a person, so no
retry ledger begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from agents.actors import Actor, system
from issues.access import lock_company
from issues.announcements import Flags
from issues.lifecycle import change_issue
from issues.models import Issue, IssueComment, IssueRelation
from issues.numbering import take_number
from issues.relations import add_blocker, drop_resolved_blockers
from issues.speech import comment_row, store_comment
from issues.trail import issue_row, record
from issues.vocabulary import ISSUE_TERMINAL, IssueStatus, OriginKind, Priority

RECOVERY: Actor = system("recovery")


@dataclass(frozen=True, kw_only=True)
class RecoveryIssue:
    """An issue that recovery opens about `origin_id`, for `owner_id`, under `parent` where there is one.

    Without a parent it takes project and billing code of `beside`.
    """

    company_id: UUID
    origin_kind: OriginKind
    origin_id: str
    title: str
    description: str
    priority: Priority | str
    owner_id: UUID | None
    origin_run_id: UUID | None = None
    fingerprint: str | None = None
    parent: Issue | None = None
    beside: Issue | None = None


def lock_issue_first(company_id: UUID, issue_id: UUID) -> Issue | None:
    """Lock the company, then the issue: what opening issues and changing blockers needs. None: it is gone.

    Its assignee is read with it and not locked.
    """
    lock_company(company_id)
    rows = Issue.objects.select_for_update(no_key=True, of=("self",)).filter(pk=issue_id, company_id=company_id)
    return rows.select_related("assignee_agent").first()


def open_recovery_issue(
    company_id: UUID, kind: OriginKind, *, origin_id: str, fingerprint: str | None = None
) -> Issue | None:
    """The open issue of this kind about this origin (or with this fingerprint), if there is one."""
    rows = Issue.objects.filter(company_id=company_id, origin_kind=kind).exclude(status__in=ISSUE_TERMINAL)
    found = rows.filter(origin_id=origin_id).order_by("created_at").first()
    return found or (rows.filter(origin_fingerprint=fingerprint).first() if fingerprint else None)


def create_recovery_issue(new: RecoveryIssue) -> Issue:
    """Insert it as `todo`, logged and shown. The caller holds the company's lock and knows that none is open."""
    number = take_number(new.company_id)
    parent = new.parent
    near = parent or new.beside
    issue = Issue.objects.create(
        company_id=new.company_id,
        number=number.number,
        identifier=number.identifier,
        title=new.title[:1000],
        description=new.description,
        status=IssueStatus.TODO,
        priority=new.priority,
        assignee_agent_id=new.owner_id,
        origin_kind=new.origin_kind,
        origin_id=new.origin_id,
        origin_run_id=new.origin_run_id,
        origin_fingerprint=new.fingerprint,
        parent=parent,
        project_id=near.project_id if near else None,
        goal_id=near.goal_id if near else None,
        billing_code=near.billing_code if near else None,
        request_depth=parent.request_depth + 1 if parent else 0,
    )
    details = {"title": issue.title, "status": str(issue.status), "originKind": str(new.origin_kind)}
    record(issue, issue_row(RECOVERY, issue, "issue.created", {**details, "originId": new.origin_id}))
    return issue


def block_by_recovery(issue: Issue, recovery_id: UUID | None, facts: Mapping[str, Any], *, now: datetime) -> None:
    """Set a locked issue `blocked`, by its unresolved blockers plus the recovery issue. Holds the company's lock."""
    wanted = drop_resolved_blockers(issue)
    if recovery_id is not None and recovery_id not in wanted:
        add_blocker(RECOVERY, issue, recovery_id)
        wanted = [*wanted, recovery_id]
    previous = str(issue.status)
    change_issue(issue, {"status": IssueStatus.BLOCKED}, now=now)
    details = {
        "status": "blocked",
        "blockedByIssueIds": [str(blocker_id) for blocker_id in wanted],
        **facts,
        "_previous": {"status": previous},
    }
    record(issue, issue_row(RECOVERY, issue, "issue.updated", details))


def also_block(issue: Issue, blocker_id: UUID) -> None:
    """Add one blocker and leave the status alone. Holds the company's lock."""
    add_blocker(RECOVERY, issue, blocker_id)
    details = {"addedBlockedByIssueIds": [str(blocker_id)]}
    record(issue, issue_row(RECOVERY, issue, "issue.blockers_updated", details))


def unblock(issue_ids: Sequence[UUID], blocker_id: UUID) -> int:
    """Remove one blocker from these issues; how many had it. Holds the company's lock."""
    removed, _ = IssueRelation.objects.filter(blocker_id=blocker_id, blocked_id__in=issue_ids).delete()
    return removed


def move(issue: Issue, status: IssueStatus, facts: Mapping[str, Any], *, now: datetime) -> None:
    """Give a locked issue another status, logged and shown."""
    previous = str(issue.status)
    change_issue(issue, {"status": status}, now=now)
    details = {"status": str(status), **facts, "_previous": {"status": previous}}
    record(issue, issue_row(RECOVERY, issue, "issue.updated", details))


def change(issue: Issue, columns: Mapping[str, Any], facts: Mapping[str, Any], *, now: datetime) -> None:
    """Change columns of a locked issue, logged and shown."""
    change_issue(issue, columns, now=now)
    record(issue, issue_row(RECOVERY, issue, "issue.updated", facts))


def say(issue: Issue, body: str) -> IssueComment:
    """Comment as the system: it wakes nobody."""
    comment = store_comment(RECOVERY, issue, body, Flags())
    record(issue, comment_row(RECOVERY, issue, comment, {"source": "recovery"}))
    return comment
