"""What an agent has to do: its inbox (spec/4 section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Case, IntegerField, QuerySet, Value, When

from agents.actors import Actor
from config.common.wire.camel import camel
from issues.access import shown
from issues.listing import cut_descriptions, put_away_by, touched_by
from issues.models import Issue
from issues.readiness import readiness_of
from issues.runs import live_runs_of
from issues.vocabulary import PRIORITY_RANK, IssueStatus

LITE_COLUMNS = (
    *("id", "identifier", "title", "status", "priority", "project_id", "goal_id", "parent_id", "updated_at"),
)
AT_HAND = (IssueStatus.IN_PROGRESS, IssueStatus.TODO, IssueStatus.BLOCKED)
MOST_ROWS = 1000


def inbox_lite(actor: Actor) -> list[dict[str, Any]]:
    """The agent's own visible issues that wait for it, by wire name: work in progress first, then by priority and age.

    Three statements, however many issues.
    """
    (company_id,) = actor.company_ids
    mine = Issue.objects.visible().filter(company_id=company_id, assignee_agent_id=actor.agent_id, status__in=AT_HAND)
    rows = list(
        mine.order_by(_rank("status", AT_HAND), _rank("priority", PRIORITY_RANK), "created_at", "id")[:MOST_ROWS]
    )
    ids = [issue.pk for issue in rows]
    ready, active = readiness_of(company_id, ids), live_runs_of(company_id, ids)
    return [_lite(issue, ready[issue.pk].blockers, active.get(issue.pk)) for issue in rows]


def inbox_of_person(company_id: UUID, user_id: UUID, statuses: Sequence[str]) -> QuerySet[Issue]:
    """The visible issues of the company that this person made, owns or spoke on, newest change first.

    What the person archived, and on which nothing happened since, is left out.
    """
    rows = shown().filter(touched_by(user_id), company_id=company_id, hidden_at__isnull=True)
    rows = rows.exclude(put_away_by(user_id))
    if statuses:
        rows = rows.filter(status__in=statuses)
    return cut_descriptions(rows).order_by("-updated_at", "-id")


def _lite(issue: Issue, blockers: Sequence[dict[str, Any]], run: dict[str, Any] | None) -> dict[str, Any]:
    row = {camel(name): getattr(issue, name) for name in LITE_COLUMNS}
    return {
        **row,
        "activeRun": {camel(name): value for name, value in run.items()} if run else None,
        "dependencyReady": not blockers,
        "unresolvedBlockerCount": len(blockers),
        "unresolvedBlockerIssueIds": [blocker["id"] for blocker in blockers],
    }


def _rank(column: str, order: Any) -> Case:  # noqa: ANN401 - any iterable of words, best first
    cases = [When(**{column: word}, then=Value(rank)) for rank, word in enumerate(order)]
    return Case(*cases, default=Value(len(cases)), output_field=IntegerField())
