"""Reading the retry ledger of one issue (spec/3 K.6)."""

from __future__ import annotations

from django.conf import settings

from agents.models import ActivityEvent
from agents.vocabulary import ActorType
from heartbeats.models import HeartbeatRun
from heartbeats.runs.ledger import NO_ACTION, Ledger, LedgerAction, LedgerRun, read_ledger
from issues.models import Issue

_LOOKED_AT = 50


def ledger_of(issue: Issue) -> Ledger:
    """The automatic runs of the issue since a person or its assignee last acted on it. Two statements."""
    runs = HeartbeatRun.objects.filter(issue_id=issue.pk).order_by("-created_at")
    rows = runs.values_list("created_at", "retry_reason", "wake_reason")[:_LOOKED_AT]
    return read_ledger(
        [LedgerRun(*row) for row in rows],
        _actions(issue),
        assignee_agent_id=str(issue.assignee_agent_id) if issue.assignee_agent_id else None,
        cap=settings.AUTOMATIC_RUNS_PER_ISSUE,
    )


def _actions(issue: Issue) -> list[LedgerAction]:
    actions = [LedgerAction(issue.last_human_action_at, by_person=True)] if issue.last_human_action_at else []
    if issue.assignee_agent_id is None:
        return actions
    done = ActivityEvent.objects.filter(issue_id=issue.pk, agent_id=issue.assignee_agent_id, actor_type=ActorType.AGENT)
    latest = done.exclude(action__in=NO_ACTION).order_by("-created_at").values_list("created_at", flat=True).first()
    if latest is not None:
        actions.append(LedgerAction(latest, by_person=False, agent_id=str(issue.assignee_agent_id)))
    return actions
