"""Taking an automatic escalation back: a person says that the work can go on (spec/3 K.18, spec/6 G9)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from issues.models import Issue
from issues.readiness import unresolved_blockers
from issues.updating import Edit, update_issue
from issues.vocabulary import RECOVERY_ORIGINS, IssueStatus, OriginKind
from recovery.issue_actions import lock_issue_first, open_recovery_issue

NOT_BLOCKED = "it is not blocked"
NOT_BY_RECOVERY = "recovery did not block it"


def requeue_escalated(actor: Actor, issue: Issue, *, now: datetime) -> str | None:
    """Close the recovery issue, free its source of it and make the source `todo`, which wakes its assignee.

    A recovery issue that was blocked in place becomes `todo` itself. It is a person's action: the retry ledger begins
    anew. Returns why not, or None when it is done. Locks company → issues.
    """
    with transaction.atomic():
        locked = lock_issue_first(issue.company_id, issue.pk)
        why_not = cannot_requeue(locked) if locked is not None else NOT_BY_RECOVERY
        if locked is None or why_not is not None:
            return why_not
        recovery = _about(locked)
        blockers = [UUID(one["id"]) for one in unresolved_blockers(locked.company_id, locked.pk)]
        left = [blocker for blocker in blockers if recovery is None or blocker != recovery.pk]
        update_issue(actor, locked.pk, Edit(columns={"status": IssueStatus.TODO}, blocked_by=left), now=now)
        if recovery is not None:
            update_issue(actor, recovery.pk, Edit(columns={"status": IssueStatus.CANCELLED}), now=now)
    return None


def cannot_requeue(issue: Issue) -> str | None:
    """Why there is no escalation of this issue to take back; None: there is one."""
    if issue.status != IssueStatus.BLOCKED:
        return NOT_BLOCKED
    if issue.origin_kind in RECOVERY_ORIGINS or _about(issue) is not None:
        return None
    latest = HeartbeatRun.objects.filter(issue_id=issue.pk).order_by("-created_at", "-pk").first()
    ownerless = latest is not None and latest.status in RunStatus.UNSUCCESSFUL
    return None if ownerless else NOT_BY_RECOVERY


def _about(issue: Issue) -> Issue | None:
    return open_recovery_issue(issue.company_id, OriginKind.STRANDED_ISSUE_RECOVERY, origin_id=str(issue.pk))
