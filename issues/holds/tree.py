"""Reading the tree below an issue with what holds need to know of it: three statements, however large it is."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from issues.holds.plan import TreeIssue
from issues.models import Issue, TreeHold, TreeHoldMember
from issues.readiness import pause_hold_of
from issues.runs import live_runs_of
from issues.vocabulary import HoldMode, HoldStatus, IssueStatus

_TREE = """
with recursive tree (id, parent_id, depth, path) as (
    select i.id, i.parent_id, 0, array[i.id] from issues_issue i where i.id = %s and i.company_id = %s
  union all
    select c.id, c.parent_id, tree.depth + 1, tree.path || c.id
    from tree join issues_issue c on c.parent_id = tree.id and c.company_id = %s
    where tree.depth < 100 and not c.id = any(tree.path)
)
select id, depth from tree order by depth, id
"""


@dataclass(frozen=True, slots=True)
class Tree:
    """An issue and everything below it, parents first, with the pause holds rooted inside."""

    company_id: UUID
    root_id: UUID
    issues: list[TreeIssue]
    pause_holds: list[TreeHold]


def tree_ids(company_id: UUID, root_id: UUID) -> dict[UUID, int]:
    """The ids of the tree with their depth, the root's 0. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_TREE, [root_id, company_id, company_id])
        return dict(cursor.fetchall())


def read_tree(root: Issue) -> Tree:
    """The tree below an issue as it is now."""
    company_id = root.company_id
    depths = tree_ids(company_id, root.pk)
    rows = Issue.objects.filter(company_id=company_id, id__in=depths)
    columns = ("id", "parent_id", "identifier", "title", "status", "assignee_agent_id", "assignee_user_id")
    found = {row["id"]: row for row in rows.values(*columns)}
    runs = live_runs_of(company_id, found)
    holds = list(
        TreeHold.objects.filter(
            company_id=company_id, root_issue_id__in=found, mode=HoldMode.PAUSE, status=HoldStatus.ACTIVE
        ).order_by("created_at", "id")
    )
    before = _before_cancel(company_id, list(found))
    paused = _paused(root, depths, {row["id"]: row["parent_id"] for row in found.values()}, holds)
    issues = []
    for issue_id, depth in depths.items():
        if issue_id not in found:
            continue
        row, run = found[issue_id], runs.get(issue_id, {})
        issues.append(
            TreeIssue(
                id=issue_id,
                parent_id=row["parent_id"],
                depth=depth,
                identifier=row["identifier"],
                title=row["title"],
                status=IssueStatus(row["status"]),
                assignee_agent_id=row["assignee_agent_id"],
                assignee_user_id=row["assignee_user_id"],
                run_id=run.get("id"),
                run_agent_id=run.get("agent_id"),
                run_status=run.get("status"),
                paused_above=issue_id in paused,
                status_before_cancel=before.get(issue_id),
            )
        )
    return Tree(company_id, root.pk, issues, holds)


def _before_cancel(company_id: UUID, issue_ids: list[UUID]) -> dict[UUID, IssueStatus]:
    """What active cancel holds remember; of several the latest."""
    members = TreeHoldMember.objects.filter(
        company_id=company_id,
        issue_id__in=issue_ids,
        skipped=False,
        hold__mode=HoldMode.CANCEL,
        hold__status=HoldStatus.ACTIVE,
    )
    rows = members.order_by("created_at", "id").values_list("issue_id", "issue_status")
    return {issue_id: IssueStatus(status) for issue_id, status in rows}


def _paused(root: Issue, depths: dict[UUID, int], parents: dict[UUID, UUID | None], holds: list[TreeHold]) -> set[UUID]:
    """The issues of the tree that a pause holds, here or above. Parents come before their parts in `depths`."""
    paused = {hold.root_issue_id for hold in holds}
    if pause_hold_of(root.company_id, root.pk):
        paused.add(root.pk)
    for issue_id in depths:
        if parents.get(issue_id) in paused and issue_id != root.pk:
            paused.add(issue_id)
    return paused
