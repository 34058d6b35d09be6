"""Holds that end by themselves: `after_active_runs_finish` is over when nothing executes in the tree (spec/4 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import system
from issues.access import lock_company
from issues.holds.bookkeeping import release_rows, tell_resumed
from issues.holds.tree import tree_ids
from issues.models import Issue, TreeHold, TreeHoldMember
from issues.runs import any_executes
from issues.trail import issue_row, record_many
from issues.vocabulary import HoldMode, HoldStatus, IssueStatus

DRAINS = "after_active_runs_finish"
DRAINED = "Active runs finished"
BY_ITSELF = system("tree-holds")


@dataclass(frozen=True, slots=True)
class HeldTree:
    """The issues that a hold holds. `since`: runs that began later were let through it; None: none did yet.

    `drains`: the hold ends by itself.
    """

    company_id: UUID
    root_issue_id: UUID
    hold_id: UUID
    mode: HoldMode
    issue_ids: Sequence[UUID]
    since: datetime | None = None
    drains: bool = False


def drains(policy: Mapping[str, Any] | None) -> bool:
    """Whether a release policy says that the hold ends with the runs that it found."""
    return (policy or {}).get("strategy") == DRAINS


def held_tree(hold_id: UUID) -> HeldTree | None:
    """What an active pause or cancel holds now; None for a hold that is over."""
    hold = TreeHold.objects.filter(id=hold_id, status=HoldStatus.ACTIVE).first()
    if hold is None:
        return None
    if hold.mode == HoldMode.PAUSE:
        issue_ids: Sequence[UUID] = list(tree_ids(hold.company_id, hold.root_issue_id))
    else:
        taken = TreeHoldMember.objects.filter(hold=hold, skipped=False, issue__status=IssueStatus.CANCELLED)
        issue_ids = list(taken.values_list("issue_id", flat=True))
    return HeldTree(
        hold.company_id,
        hold.root_issue_id,
        hold.pk,
        HoldMode(hold.mode),
        issue_ids,
        since=hold.created_at,
        drains=drains(hold.release_policy),
    )


def release_drained(hold_id: UUID, *, now: datetime) -> bool:
    """End an active pause whose policy says so when nothing runs under it; True when it ended. Locks the company."""
    hold = TreeHold.objects.filter(id=hold_id, status=HoldStatus.ACTIVE, mode=HoldMode.PAUSE).first()
    if hold is None or not drains(hold.release_policy):
        return False
    with transaction.atomic():
        lock_company(hold.company_id)
        if any_executes(hold.company_id, tree_ids(hold.company_id, hold.root_issue_id)):
            return False
        if not release_rows(BY_ITSELF, [hold.pk], reason=DRAINED, metadata=None, now=now):
            return False
        root = Issue.objects.get(pk=hold.root_issue_id)
        details = {"holdId": str(hold.pk), "mode": str(hold.mode), "reason": DRAINED}
        record_many([root], issue_row(BY_ITSELF, root, "issue.tree_hold_released", details))
        tell_resumed(BY_ITSELF, root, [hold.pk], now=now)
    return True


def postpone_release(hold: TreeHold, policy: Mapping[str, Any], *, now: datetime) -> bool:
    """Let an active hold end with the runs that execute under it; False when none does, or it is over already."""
    if not any_executes(hold.company_id, tree_ids(hold.company_id, hold.root_issue_id)):
        return False
    active = TreeHold.objects.filter(pk=hold.pk, status=HoldStatus.ACTIVE)
    return active.update(release_policy=dict(policy), updated_at=now) == 1
