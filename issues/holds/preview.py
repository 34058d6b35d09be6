"""What a hold would do, told before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.actors import Actor
from agents.journal import log_activity
from config.common.clock import wire_time
from issues.access import issue_for
from issues.holds.plan import WARNING_TEXTS, Planned, TreeIssue, Warned, counts, plan, warnings
from issues.holds.tree import Tree, read_tree
from issues.models import Issue
from issues.trail import issue_row, text_id
from issues.vocabulary import HoldMode

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Preview:
    """The tree, what becomes of each issue of it, and its wire form."""

    tree: Tree
    planned: list[Planned]
    body: Json

    @property
    def affected(self) -> list[TreeIssue]:
        """The issues that the hold takes."""
        return [entry.issue for entry in self.planned if entry.skip is None]


def preview_hold(
    actor: Actor, ref: UUID | str, mode: HoldMode, release_policy: Mapping[str, Any] | None, *, now: datetime
) -> Preview:
    """Look at what a hold would do; the look is logged."""
    with transaction.atomic():
        root = issue_for(actor, ref, write=True)
        preview = look(root, mode, release_policy, now=now)
        details = {"mode": str(mode), "totals": preview.body["totals"]}
        log_activity(issue_row(actor, root, "issue.tree_control_previewed", details))
    return preview


def look(root: Issue, mode: HoldMode, release_policy: Mapping[str, Any] | None, *, now: datetime) -> Preview:
    """The preview, unlogged."""
    tree = read_tree(root)
    planned = plan(mode, tree.issues)
    body: Json = {
        "companyId": str(root.company_id),
        "rootIssueId": str(root.pk),
        "mode": str(mode),
        "generatedAt": wire_time(now),
        "releasePolicy": dict(release_policy) if release_policy else None,
        "totals": _totals(planned),
        "countsByStatus": dict(counts(tree.issues)),
        "issues": [_entry(entry) for entry in planned],
        "skippedIssues": [_entry(entry) for entry in planned if entry.skip is not None],
        "activeRuns": [_run(entry.issue) for entry in planned if entry.issue.run_id],
        "affectedAgents": _agents(planned),
        "warnings": [_warning(warned) for warned in warnings(mode, planned, pause_holds=len(tree.pause_holds))],
    }
    return Preview(tree, planned, body)


def _totals(planned: Sequence[Planned]) -> Json:
    affected = [entry.issue for entry in planned if entry.skip is None]
    statuses = [issue.run_status for issue in affected if issue.run_id]
    return {
        "totalIssues": len(planned),
        "affectedIssues": len(affected),
        "skippedIssues": len(planned) - len(affected),
        "activeRuns": sum(status == "running" for status in statuses),
        "queuedRuns": sum(status != "running" for status in statuses),
        "affectedAgents": len({issue.assignee_agent_id for issue in affected if issue.assignee_agent_id}),
    }


def _entry(entry: Planned) -> Json:
    issue = entry.issue
    return {
        "id": str(issue.id),
        "identifier": issue.identifier,
        "title": issue.title,
        "status": str(issue.status),
        "parentId": text_id(issue.parent_id),
        "depth": issue.depth,
        "assigneeAgentId": text_id(issue.assignee_agent_id),
        "assigneeUserId": text_id(issue.assignee_user_id),
        "activeRun": _run(issue) if issue.run_id else None,
        "skipped": entry.skip is not None,
        "skipReason": str(entry.skip) if entry.skip else None,
    }


def _run(issue: TreeIssue) -> Json:
    return {
        "id": text_id(issue.run_id),
        "issueId": str(issue.id),
        "agentId": text_id(issue.run_agent_id),
        "status": issue.run_status,
    }


def _agents(planned: Sequence[Planned]) -> list[Json]:
    found: dict[UUID, Json] = {}
    for entry in planned:
        agent_id = entry.issue.assignee_agent_id
        if entry.skip is None and agent_id:
            row = found.setdefault(agent_id, {"agentId": str(agent_id), "issueCount": 0, "activeRunCount": 0})
            row["issueCount"] += 1
            row["activeRunCount"] += 1 if entry.issue.run_id else 0
    return list(found.values())


def _warning(warned: Warned) -> Json:
    body: Json = {"code": str(warned.code), "message": WARNING_TEXTS[warned.code]}
    return {**body, "issueIds": list(map(str, warned.issue_ids))} if warned.issue_ids else body
