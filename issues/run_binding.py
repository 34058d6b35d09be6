"""Which issue a run works on, when it asks to hold one: a run has at most one issue, an issue one live run (DESIGN 3).

A run that was woken for no issue (a timer's) is bound to the issue that it takes: from then on its end releases that
issue, promotes what waits behind it and recovers it, like that of any run of the issue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from agents.actors import Actor
from agents.models import Agent
from issues.models import Issue
from issues.runs import BULKY, runs


@dataclass(frozen=True, slots=True)
class Standing:
    """A run that asks for an issue. `rival` is another live run of that issue, which a run without issue must yield to.

    `elsewhere` is the issue that the run works on, None for this one or none.
    """

    lives: bool
    bound: bool
    elsewhere: UUID | None = None
    rival: Any = None  # a run, of a higher app


NOBODY = Standing(lives=True, bound=True)
GONE = Standing(lives=False, bound=False)


def wait_for_end(actor: Actor) -> None:
    """Lock the agent of a run that has no issue yet; call it before locking the issue (lock order).

    Who ends a run locks its agent first and then reads its issue, so that a run cannot end while it is being bound.
    """
    if actor.agent_id is None or actor.run_id is None:
        return
    (company_id,) = actor.company_ids
    if runs(company_id).filter(id=actor.run_id, issue_id=None, finished_at__isnull=True).exists():
        list(Agent.objects.select_for_update(no_key=True).filter(pk=actor.agent_id).values_list("id"))


def end_can_wait(agent_id: UUID) -> bool:
    """As `wait_for_end` where the issue is locked already: False instead of waiting, and then nothing may be bound."""
    return bool(Agent.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=agent_id).values_list("id"))


def standing_of(issue: Issue, run_id: UUID | None) -> Standing:
    """How the run stands to the issue, whose row is locked; a person (None) stands in no run's way."""
    if run_id is None:
        return NOBODY
    row = runs(issue.company_id).filter(id=run_id, finished_at__isnull=True).values_list("issue_id").first()
    if row is None:
        return GONE
    (at_work_on,) = row
    if at_work_on is not None:
        return Standing(lives=True, bound=True, elsewhere=None if at_work_on == issue.pk else at_work_on)
    rival = runs(issue.company_id).defer(*BULKY).filter(issue_id=issue.pk, finished_at__isnull=True).first()
    return Standing(lives=True, bound=False, rival=rival)


def bind(issue: Issue, run_id: UUID) -> None:
    """Make the issue the run's own. The caller holds the agent and the issue, and found no rival."""
    unbound = runs(issue.company_id).filter(id=run_id, issue_id=None, finished_at__isnull=True)
    if unbound.update(issue_id=issue.pk, updated_at=Now()) != 1:
        raise RuntimeError(f"run {run_id} changed while its agent should have been locked")
