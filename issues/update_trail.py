"""What a PATCH leaves in the activity log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.actors import Actor
from agents.models import ActivityEvent
from config.common.wire.camel import camel, from_json, to_json
from issues.announcements import Flags
from issues.models import Issue, IssueComment
from issues.relations import BlockersChanged
from issues.runs import live_runs_of
from issues.speech import comment_row, flag_details
from issues.stage_rules import StageType, participants
from issues.trail import issue_row, record
from issues.vocabulary import IssueStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was stored: `previous` holds the changed columns as they were."""

    previous: Mapping[str, Any]
    comment: IssueComment | None
    reopened_from: IssueStatus | None
    flags: Flags
    blockers: BlockersChanged
    labelled: bool


def log_update(actor: Actor, issue: Issue, written: Written) -> None:
    """Log the change, its blockers and its comment, whichever there are; screens are told once."""
    rows: list[ActivityEvent] = []
    if written.previous or written.labelled or not (written.comment or written.blockers):
        rows.append(issue_row(actor, issue, "issue.updated", _details(issue, written)))
    if written.blockers:
        rows.append(issue_row(actor, issue, "issue.blockers_updated", _blocker_details(written.blockers)))
    rows += _participant_rows(actor, issue, written)
    if written.comment is not None:
        more = {**flag_details(written.flags), **_reopened(written), "updated": bool(written.previous)}
        rows.append(comment_row(actor, issue, written.comment, more))
    record(issue, *rows)


def _participant_rows(actor: Actor, issue: Issue, written: Written) -> list[ActivityEvent]:
    if "execution_policy" not in written.previous:
        return []
    rows = []
    actions = {StageType.REVIEW: "issue.reviewers_updated", StageType.APPROVAL: "issue.approvers_updated"}
    for kind, action in actions.items():
        before = participants(written.previous["execution_policy"], kind)
        after = participants(issue.execution_policy, kind)
        if before != after:
            details = {
                "participants": [party.body() for party in after],
                "addedParticipants": [party.body() for party in after if party not in before],
                "removedParticipants": [party.body() for party in before if party not in after],
            }
            rows.append(issue_row(actor, issue, action, details))
    return rows


def json_details(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns under their wire names, as plain JSON; the keys of JSON columns are left alone."""
    details: dict[str, Any] = from_json(to_json({camel(name): value for name, value in columns.items()}))
    return details


def _details(issue: Issue, written: Written) -> dict[str, Any]:
    details = json_details({name: getattr(issue, name) for name in written.previous})
    details["_previous"] = json_details(written.previous)
    if written.comment is not None:
        details["source"] = "comment"
    cancelled = "status" in written.previous and issue.status == IssueStatus.CANCELLED
    run = live_runs_of(issue.company_id, [issue.pk]).get(issue.pk) if cancelled else None
    if run:
        details["cancelledStatusRunId"] = str(run["id"])
    return {**details, **flag_details(written.flags), **_reopened(written)}


def _reopened(written: Written) -> dict[str, Any]:
    if written.reopened_from is None:
        return {}
    return {"reopened": True, "reopenedFrom": str(written.reopened_from)}


def _blocker_details(blockers: BlockersChanged) -> dict[str, Any]:
    return {
        "addedBlockedByIssueIds": list(map(str, blockers.added)),
        "removedBlockedByIssueIds": list(map(str, blockers.removed)),
    }
