"""The rows that are locked while a run ends, in the order company → agent → issue → run (DESIGN 4)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Now

from agents.models import Agent
from heartbeats.models import HeartbeatRun
from issues.models import Issue


@dataclass
class Ending:
    """A run that ends, its issue and its agent, all three locked and as fresh as the lock."""

    agent: Agent
    issue: Issue | None
    run: HeartbeatRun


def lock_for_end(run_id: UUID, company_id: UUID | None = None) -> Ending:
    """Lock agent, issue and run, in this order: four statements.

    Raises HeartbeatRun.DoesNotExist for an unknown run, or one of another company than `company_id`.
    """
    known = HeartbeatRun.objects.filter(pk=run_id, **({"company_id": company_id} if company_id else {}))
    agent_id, issue_id = known.values_list("agent_id", "issue_id").get()
    agent = Agent.objects.select_for_update(no_key=True).get(pk=agent_id)
    issue = _locked_issue(issue_id)
    run = HeartbeatRun.objects.select_for_update(no_key=True).get(pk=run_id)
    return Ending(agent, issue, run)


def _locked_issue(issue_id: UUID | None) -> Issue | None:
    return None if issue_id is None else Issue.objects.select_for_update(no_key=True).filter(pk=issue_id).first()


def let_go(issue: Issue, run: HeartbeatRun) -> None:
    """Compare and clear both locks: the issue forgets this run as executor and as owner, and no other run."""
    mine = {name: None for name in ("execution_run_id", "checkout_run_id") if getattr(issue, name) == run.pk}
    if not mine:
        return
    if "execution_run_id" in mine:
        mine["execution_locked_at"] = None
    Issue.objects.filter(pk=issue.pk).update(**mine, updated_at=Now())
    for name in mine:
        setattr(issue, name, None)
