"""Pausing, resuming, cancelling and restoring a tree, and releasing one hold (spec/4 section 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from config.common.wire.errors import Conflict, NotFound
from issues import announcements as news
from issues.access import issue_for, lock_company, locked
from issues.holds.bookkeeping import (
    Order,
    changed_issues,
    facts_now,
    hold_row,
    insert_hold,
    release_emptied_cancels,
    release_rows,
    status_rows,
    tell_held,
    tell_resumed,
)
from issues.holds.draining import drains, postpone_release
from issues.holds.plan import status_restored
from issues.holds.preview import Preview, look
from issues.holds.tree import tree_ids
from issues.lifecycle import move_issues
from issues.models import Issue, TreeHold
from issues.trail import issue_row, record_many
from issues.vocabulary import ISSUE_OPEN, HoldMode, IssueStatus

ALREADY_RELEASED = "Issue tree hold is already released"


@dataclass(frozen=True, slots=True)
class Held:
    """The hold, what it did, and which pause holds it ended."""

    hold: TreeHold
    preview: Preview
    resumed: tuple[UUID, ...] = ()


def hold_tree(actor: Actor, ref: UUID | str, order: Order, *, now: datetime) -> Held:
    """Carry out an order on the tree below an issue. Locks the company and every issue of the tree.

    What follows (runs end, agents wake) is announced.
    """
    with transaction.atomic():
        root = issue_for(actor, ref, write=True)
        lock_company(root.company_id)
        list(locked().filter(id__in=tree_ids(root.company_id, root.pk)).order_by("id").values_list("id", flat=True))
        root = issue_for(actor, root.pk, write=True)
        preview = look(root, order.mode, order.release_policy, now=now)
        hold = insert_hold(actor, root, order, preview, now)
        carry_out = _ORDERS[order.mode]
        return carry_out(actor, root, Held(hold, preview), order, now)


def release_hold(
    actor: Actor,
    ref: UUID | str,
    hold_id: UUID,
    *,
    reason: str | None,
    metadata: Mapping[str, Any] | None,
    policy: Mapping[str, Any] | None = None,
    now: datetime,
) -> TreeHold:
    """End one hold; the statuses of its issues stay. Locks the company. 404, and 409 when it was released already.

    With the policy `after_active_runs_finish` it stays active while a run executes under it, and then ends by itself.
    """
    with transaction.atomic():
        root = issue_for(actor, ref, write=True)
        lock_company(root.company_id)
        hold = hold_of(root, hold_id)
        if drains(policy) and postpone_release(hold, policy or {}, now=now):
            return hold_of(root, hold_id)
        if not release_rows(actor, [hold.pk], reason=reason, metadata=metadata, now=now):
            raise Conflict(ALREADY_RELEASED)
        details = {"holdId": str(hold.pk), "mode": str(hold.mode), "reason": reason}
        record_many([root], issue_row(actor, root, "issue.tree_hold_released", details))
        tell_resumed(actor, root, [hold.pk], now=now)
    return hold_of(root, hold_id)


def hold_of(root: Issue, hold_id: UUID) -> TreeHold:
    """A hold of this very issue, else 404."""
    hold = TreeHold.objects.filter(company_id=root.company_id, root_issue=root, id=hold_id).first()
    if hold is None:
        raise NotFound.of("Issue tree hold")
    return hold


def _pause(actor: Actor, root: Issue, held: Held, _order: Order, now: datetime) -> Held:
    record_many([root], hold_row(actor, root, held.hold, held.preview))
    tell_held(actor, root, held.hold, held.preview.affected, now=now)
    return held


def _cancel(actor: Actor, root: Issue, held: Held, _order: Order, now: datetime) -> Held:
    before = {issue.id: issue.status for issue in held.preview.affected}
    move_issues(root.company_id, before, IssueStatus.CANCELLED, expected=ISSUE_OPEN, now=now)
    changed = changed_issues(root.company_id, before)
    rows = status_rows(actor, changed, before, held.hold, "issue.tree_cancel_status_updated")
    record_many(changed, hold_row(actor, root, held.hold, held.preview), *rows)
    tell_held(actor, root, held.hold, held.preview.affected, now=now)
    return held


def _resume(actor: Actor, root: Issue, held: Held, order: Order, now: datetime) -> Held:
    ended = tuple(hold.pk for hold in held.preview.tree.pause_holds)
    release_rows(actor, ended, reason=order.reason, metadata={"resumedByHoldId": str(held.hold.pk)}, now=now)
    record_many([root], hold_row(actor, root, held.hold, held.preview, resumedPauseHoldIds=list(map(str, ended))))
    tell_resumed(actor, root, ended, now=now)
    return replace(held, resumed=ended)


def _restore(actor: Actor, root: Issue, held: Held, order: Order, now: datetime) -> Held:
    by_status: dict[IssueStatus, list[UUID]] = defaultdict(list)
    for issue in held.preview.affected:
        by_status[status_restored(issue.status_before_cancel or IssueStatus.TODO)].append(issue.id)
    for status, issue_ids in by_status.items():
        move_issues(root.company_id, issue_ids, status, expected={IssueStatus.CANCELLED}, now=now)
    release_emptied_cancels(actor, root.company_id, held.hold, reason=order.reason, now=now)
    before = dict.fromkeys([issue.id for issue in held.preview.affected], IssueStatus.CANCELLED)
    changed = changed_issues(root.company_id, before)
    rows = status_rows(actor, changed, before, held.hold, "issue.tree_restore_status_updated")
    record_many(changed, hold_row(actor, root, held.hold, held.preview), *rows)
    restored = news.TreeRestored(
        company_id=root.company_id,
        root_issue_id=root.pk,
        hold_id=held.hold.pk,
        issues=facts_now(changed),
        wake_agents=order.wakes_agents,
        actor=actor,
        now=now,
    )
    news.tell(news.tree_restored, restored)
    return held


_ORDERS = {
    HoldMode.PAUSE: _pause,
    HoldMode.CANCEL: _cancel,
    HoldMode.RESUME: _resume,
    HoldMode.RESTORE: _restore,
}
