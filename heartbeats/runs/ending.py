"""The rows that are locked while a run ends, in the order company → agent → issue → run (DESIGN 4)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
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
    """Lock agent, issue and run, in this order: three statements.

    The issue is read only when the agent is locked: a checkout that binds a run to an issue waits for the agent too.
    Locks that the run holds on any other issue are cleared at once: nobody else would ever clear them.

    Raises HeartbeatRun.DoesNotExist for an unknown run, or one of another company than `company_id`.
    """
    known = HeartbeatRun.objects.filter(pk=run_id, **({"company_id": company_id} if company_id else {}))
    agent = Agent.objects.select_for_update(no_key=True).filter(pk=known.values("agent_id")[:1]).first()
    if agent is None:
        raise HeartbeatRun.DoesNotExist(str(run_id))
    issues = _locked_issues(run_id)
    run = HeartbeatRun.objects.select_for_update(no_key=True).get(pk=run_id)
    for stray in (issue for issue_id, issue in issues.items() if issue_id != run.issue_id):
        let_go(stray, run)
    return Ending(agent, issues.get(run.issue_id) if run.issue_id else None, run)


def _locked_issues(run_id: UUID) -> dict[UUID, Issue]:
    """The run's issue, and whatever else its locks are on, in id order."""
    own = HeartbeatRun.objects.filter(pk=run_id).values("issue_id")[:1]
    concerned = Issue.objects.filter(Q(pk=own) | Q(execution_run=run_id) | Q(checkout_run=run_id))
    return {issue.pk: issue for issue in concerned.select_for_update(no_key=True).order_by("id")}


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
