"""Reading the retry ledger of one issue (spec/3 K.6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from agents.models import ActivityEvent
from agents.vocabulary import ActorType
from heartbeats.models import HeartbeatRun
from heartbeats.runs.ledger import NO_ACTION, Ledger, LedgerAction, LedgerRun, read_ledger
from issues.models import Issue

# The cap is far below: older runs cannot change the answer.
RUNS_LOOKED_AT = 50


def ledger_of(issue: Issue) -> Ledger:
    """The automatic runs of the issue since a person or its assignee last acted on it. Two statements."""
    runs = HeartbeatRun.objects.filter(issue_id=issue.pk).order_by("-created_at")
    rows = runs.values_list("created_at", "retry_reason", "wake_reason")[:RUNS_LOOKED_AT]
    return ledger_from(issue, [LedgerRun(*row) for row in rows], _assignee_acted_at(issue))


def ledger_from(issue: Issue, runs: Sequence[LedgerRun], assignee_acted_at: datetime | None) -> Ledger:
    """The same from what was read already: the newest runs, and the latest deed of the assignee on the issue."""
    assignee = str(issue.assignee_agent_id) if issue.assignee_agent_id else None
    actions = [LedgerAction(issue.last_human_action_at, by_person=True)] if issue.last_human_action_at else []
    if assignee_acted_at is not None:
        actions.append(LedgerAction(assignee_acted_at, by_person=False, agent_id=assignee))
    return read_ledger(runs, actions, assignee_agent_id=assignee, cap=settings.AUTOMATIC_RUNS_PER_ISSUE)


def _assignee_acted_at(issue: Issue) -> datetime | None:
    if issue.assignee_agent_id is None:
        return None
    done = ActivityEvent.objects.filter(issue_id=issue.pk, agent_id=issue.assignee_agent_id, actor_type=ActorType.AGENT)
    return done.exclude(action__in=NO_ACTION).order_by("-created_at").values_list("created_at", flat=True).first()
