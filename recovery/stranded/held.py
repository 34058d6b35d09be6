"""Holds on trees that were not carried through: runs that should have ended, and holds that should end with them.

The message that rings a worker for the rest of a large tree may be lost, and a hold with the policy
`after_active_runs_finish` waits for processes to be gone (spec/4 section 6).
"""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from django.db import connection

from heartbeats.wakeups.tree_holds import end_hold_of
from issues.holds.draining import drains, held_tree
from recovery.issue_actions import RECOVERY
from recovery.sweeps.rows import Done, Left, RowResult

_UNFINISHED = """
with recursive held (hold_id, since, policy, id, depth) as (
    select h.id, h.created_at, h.release_policy, h.root_issue_id, 0 from issues_treehold h
    where h.status = 'active' and h.mode = 'pause'
  union all
    select held.hold_id, held.since, held.policy, c.id, held.depth + 1
    from held join issues_issue c on c.parent_id = held.id
    where held.depth < 100
)
select held.hold_id, min(held.policy::text), bool_or(r.id is not null)
from held left join heartbeats_heartbeatrun r on r.issue_id = held.id
     and r.status in ('queued', 'running', 'scheduled_retry') and r.created_at < held.since
group by held.hold_id
union all
select m.hold_id, null, true from heartbeats_heartbeatrun r
join issues_issue i on i.id = r.issue_id and i.status = 'cancelled'
join issues_treeholdmember m on m.issue_id = i.id and not m.skipped
join issues_treehold h on h.id = m.hold_id and h.status = 'active' and h.mode = 'cancel'
where r.status in ('queued', 'running', 'scheduled_retry') and r.created_at < h.created_at
"""


def find_unfinished_holds(limit: int) -> list[UUID]:
    """Active holds under which a run lives that is older than they are, and those that end by themselves."""
    with connection.cursor() as cursor:
        cursor.execute(_UNFINISHED)
        rows = cursor.fetchall()
    found = {hold_id for hold_id, policy, unfinished in rows if unfinished or drains(json.loads(policy or "null"))}
    return sorted(found)[:limit]


def finish_hold(hold_id: UUID, *, now: datetime, dry_run: bool) -> RowResult:
    """End the runs under one hold, and the hold itself where its policy says so."""
    tree = held_tree(hold_id)
    if tree is None:
        return Left("hold_released")
    if not dry_run and not end_hold_of(hold_id, RECOVERY, now=now):
        return Left("runs_remain")
    if tree.drains and not dry_run and held_tree(hold_id) is not None:
        return Left("runs_are_stopping")
    return Done("holds_carried_through", tree.company_id)
