"""The rows that holds are, what they leave in the log, and what they announce."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, Min, OuterRef

from agents.actors import Actor
from agents.models import ActivityEvent
from issues import announcements as news
from issues.holds.plan import TreeIssue
from issues.holds.preview import Preview
from issues.holds.tree import tree_ids
from issues.models import Issue, TreeHold, TreeHoldMember
from issues.trail import issue_row
from issues.vocabulary import HoldMode, HoldStatus, IssueStatus

MANUAL: Mapping[str, Any] = {"strategy": "manual"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an operator asks for."""

    mode: HoldMode
    reason: str | None = None
    release_policy: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None

    @property
    def wakes_agents(self) -> bool:
        """Whether restored issues wake their assignees (W12)."""
        return (self.metadata or {}).get("wakeAgents") is True


def insert_hold(actor: Actor, root: Issue, order: Order, preview: Preview, now: datetime) -> TreeHold:
    """Store the hold with every issue of the tree as it was. Resume and restore are over as soon as they are done."""
    momentary = order.mode in (HoldMode.RESUME, HoldMode.RESTORE)
    hold = TreeHold.objects.create(
        company_id=root.company_id,
        root_issue=root,
        mode=order.mode,
        status=HoldStatus.RELEASED if momentary else HoldStatus.ACTIVE,
        released_at=now if momentary else None,
        reason=order.reason,
        release_policy=dict(order.release_policy or MANUAL),
        metadata=dict(order.metadata) if order.metadata is not None else None,
        created_by_actor_type=actor.type,
        created_by_user_id=None if actor.is_agent else actor.user_id,
        created_by_agent_id=actor.agent_id,
        created_by_run_id=actor.run_id,
    )
    TreeHoldMember.objects.bulk_create(
        TreeHoldMember(
            company_id=root.company_id,
            hold=hold,
            issue_id=entry.issue.id,
            parent_issue_id=entry.issue.parent_id,
            depth=entry.issue.depth,
            issue_identifier=entry.issue.identifier,
            issue_title=entry.issue.title,
            issue_status=entry.issue.status,
            assignee_agent_id=entry.issue.assignee_agent_id,
            assignee_user_id=entry.issue.assignee_user_id,
            active_run_id=entry.issue.run_id,
            active_run_status=entry.issue.run_status,
            skipped=entry.skip is not None,
            skip_reason=entry.skip,
        )
        for entry in preview.planned
    )
    return hold


def release_rows(
    actor: Actor, hold_ids: Collection[UUID], *, reason: str | None, metadata: Mapping[str, Any] | None, now: datetime
) -> int:
    """End these holds; how many of them were active."""
    active = TreeHold.objects.filter(id__in=hold_ids, status=HoldStatus.ACTIVE)
    return active.update(
        status=HoldStatus.RELEASED,
        released_at=now,
        released_by_actor_type=actor.type,
        released_by_user_id=None if actor.is_agent else actor.user_id,
        release_reason=reason,
        release_metadata=dict(metadata) if metadata is not None else None,
        updated_at=now,
    )


def release_emptied_cancels(
    actor: Actor, company_id: UUID, restore: TreeHold, *, reason: str | None, now: datetime
) -> None:
    """End the cancel holds that touched the restored tree and have nothing left that they keep cancelled."""
    inside = TreeHoldMember.objects.filter(hold=restore).values("issue_id")
    touched = TreeHoldMember.objects.filter(hold_id=OuterRef("pk"), issue_id__in=inside)
    kept = TreeHoldMember.objects.filter(
        hold_id=OuterRef("pk"), skipped=False, issue__status=IssueStatus.CANCELLED
    ).exclude(issue_id__in=inside)
    cancels = TreeHold.objects.filter(company_id=company_id, mode=HoldMode.CANCEL, status=HoldStatus.ACTIVE)
    done = cancels.filter(Exists(touched)).exclude(Exists(kept)).values_list("id", flat=True)
    release_rows(actor, list(done), reason=reason, metadata={"restoredByHoldId": str(restore.pk)}, now=now)


def hold_row(actor: Actor, root: Issue, hold: TreeHold, preview: Preview, **more: Any) -> ActivityEvent:  # noqa: ANN401
    """The activity of a new hold."""
    details = {
        "holdId": str(hold.pk),
        "mode": str(hold.mode),
        "reason": hold.reason,
        "totals": preview.body["totals"],
    }
    return issue_row(actor, root, "issue.tree_hold_created", {**details, **more})


def changed_issues(company_id: UUID, ids: Collection[UUID]) -> list[Issue]:
    """The issues as they are now."""
    return list(Issue.objects.filter(company_id=company_id, id__in=ids).order_by("id")) if ids else []


def status_rows(
    actor: Actor, issues: Collection[Issue], before: Mapping[UUID, IssueStatus], hold: TreeHold, action: str
) -> list[ActivityEvent]:
    """One activity per issue whose status the hold moved."""
    return [
        issue_row(
            actor,
            issue,
            action,
            {
                "holdId": str(hold.pk),
                "status": str(issue.status),
                "_previous": {"status": str(before[issue.pk])},
            },
        )
        for issue in issues
    ]


def facts_now(issues: Collection[Issue]) -> tuple[news.IssueFacts, ...]:
    """The issues as listeners see them."""
    return tuple(news.facts_of(issue) for issue in issues)


def tell_held(actor: Actor, root: Issue, hold: TreeHold, affected: Collection[TreeIssue], *, now: datetime) -> None:
    """Announce that a pause or a cancel took these issues."""
    issues = changed_issues(root.company_id, [issue.id for issue in affected])
    held = news.TreeHeld(
        company_id=root.company_id,
        root_issue_id=root.pk,
        hold_id=hold.pk,
        mode=HoldMode(hold.mode),
        issues=facts_now(issues),
        actor=actor,
        now=now,
    )
    news.tell(news.tree_held, held)


def tell_resumed(actor: Actor, root: Issue, hold_ids: Collection[UUID], *, now: datetime) -> None:
    """Announce that what these pauses held may go on."""
    paused = TreeHold.objects.filter(id__in=hold_ids, mode=HoldMode.PAUSE)
    resumed = news.TreeResumed(
        company_id=root.company_id,
        root_issue_id=root.pk,
        issue_ids=tuple(tree_ids(root.company_id, root.pk)),
        held_since=paused.aggregate(since=Min("created_at"))["since"],
        actor=actor,
        now=now,
    )
    news.tell(news.tree_resumed, resumed)
