"""The rows that are locked while a sweep ends many runs at once: as `ending`, for those that nobody else holds."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from agents.models import Agent
from heartbeats.models import HeartbeatRun
from heartbeats.runs.ending import Ending, let_go
from issues.models import Issue

Row = TypeVar("Row", bound=Model)


def lock_free_for_end(run_ids: Collection[UUID]) -> list[Ending]:
    """Lock agents, issues and runs, each kind in id order, and wait for none: four statements, however many runs.

    A run is left out when it is unknown, or when somebody else holds its agent, its issue or itself. As with one run,
    locks that a run holds on any issue but its own are cleared.
    """
    asked = HeartbeatRun.objects.filter(pk__in=run_ids)
    agents = _free(Agent.objects.filter(pk__in=asked.values("agent_id")))
    mine = asked.filter(agent_id__in=list(agents))
    of_runs = Q(pk__in=mine.values("issue_id")) | Q(execution_run__in=mine) | Q(checkout_run__in=mine)
    issues = _free(Issue.objects.filter(of_runs))
    held = Q(issue__isnull=True) | Q(issue__in=list(issues))
    runs = _free(HeartbeatRun.objects.filter(held, pk__in=run_ids, agent__in=list(agents)))
    _clear_strays(issues.values(), runs)
    return [Ending(agents[run.agent_id], issues[run.issue_id] if run.issue_id else None, run) for run in runs.values()]


def _free(rows: QuerySet[Row]) -> dict[UUID, Row]:
    locked = rows.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("pk")
    return {row.pk: row for row in locked}


def _clear_strays(issues: Collection[Issue], runs: dict[UUID, HeartbeatRun]) -> None:
    for issue in issues:
        for run_id in {issue.execution_run_id, issue.checkout_run_id}:
            run = runs.get(run_id) if run_id else None
            if run is not None and run.issue_id != issue.pk:
                let_go(issue, run)
