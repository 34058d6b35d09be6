"""The agent mutation rule: may this agent change this issue now (spec/4 section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from agents.access import acting_agent, holds_grant, leads, manages
from agents.actors import Actor
from agents.vocabulary import Permission
from config.common.clock import wire_time
from config.common.wire.errors import Conflict, Forbidden, Unauthorized
from issues.access import RUN_REQUIRED
from issues.lifecycle import change_issue
from issues.models import Issue
from issues.run_binding import bind, end_can_wait, standing_of
from issues.runs import last_life, lives
from issues.trail import issue_row, record, text_id
from issues.vocabulary import IssueStatus

NOT_OWNER = "Issue run ownership conflict"
CHECKED_OUT = "Issue is checked out by another agent"
FOREIGN = "Agent cannot mutate another agent's issue"


class Ruling(StrEnum):
    """What the rule says. `ADOPT`: allowed, and the checkout passes to the caller's run first."""

    ALLOWED = "allowed"
    ADOPT = "adopt"
    RUN_REQUIRED = "run_required"
    NOT_OWNER = "not_owner"
    CHECKED_OUT = "checked_out"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationFacts:
    """What the rule needs to know. `oversees`: grant, CEO, creator or manager, who may change what another owns."""

    agent_id: UUID
    run_id: UUID | None
    may_take_over: bool
    status: str
    assignee_agent_id: UUID | None
    checkout_run_id: UUID | None
    checkout_lives: bool
    oversees: bool


def judge_mutation(facts: MutationFacts) -> Ruling:
    """Decide. Unassigned issues and those of people are free; the rest is as spec/4 says."""
    working = facts.status == IssueStatus.IN_PROGRESS
    if facts.assignee_agent_id is None:
        return Ruling.ALLOWED
    if facts.assignee_agent_id != facts.agent_id:
        if facts.oversees:
            return Ruling.ALLOWED
        return Ruling.CHECKED_OUT if working else Ruling.FOREIGN
    return _judge_own_work(facts) if working else Ruling.ALLOWED


def _judge_own_work(facts: MutationFacts) -> Ruling:
    if facts.run_id is None:
        return Ruling.RUN_REQUIRED
    if facts.checkout_run_id == facts.run_id:
        return Ruling.ALLOWED
    if facts.checkout_lives:
        return Ruling.NOT_OWNER
    # A run that is over (its token has a grace), or at work on another issue, may speak, but it takes nothing.
    return Ruling.ADOPT if facts.may_take_over else Ruling.ALLOWED


def authorise_mutation(actor: Actor, issue: Issue, *, now: datetime) -> None:
    """Raise what the rule says, or adopt a checkout whose run is over. The caller has locked the issue.

    People are not bound by the rule. 401 without a run, 403 and 409 as in spec/4.
    """
    if not actor.is_agent or actor.agent_id is None:
        return
    ruling = judge_mutation(_facts(actor, actor.agent_id, issue))
    if ruling is Ruling.ADOPT:
        _adopt(actor, issue, now)
    elif ruling is Ruling.RUN_REQUIRED:
        raise Unauthorized(RUN_REQUIRED)
    elif ruling is Ruling.NOT_OWNER:
        raise Conflict(NOT_OWNER, details={**lock_details(issue, now=now), "actorRunId": text_id(actor.run_id)})
    elif ruling is Ruling.CHECKED_OUT:
        raise Conflict(CHECKED_OUT, details=lock_details(issue, now=now))
    elif ruling is Ruling.FOREIGN:
        raise Forbidden(FOREIGN)


def oversees(actor: Actor, assignee_id: UUID) -> bool:
    """Whether an agent may change what another agent owns."""
    me = acting_agent(actor)
    if me is None:
        return False
    return leads(me) or holds_grant(me.id, Permission.TASKS_MANAGE_ACTIVE_CHECKOUTS) or manages(me.id, assignee_id)


def lock_details(issue: Issue, *, now: datetime, rival: Any = None) -> dict[str, Any]:  # noqa: ANN401 - a run
    """Who holds an issue: which run, in which status, and how long ago it showed life (spec/3 K.11).

    `rival` is a live run of the issue that holds no lock yet (a queued one takes it when it is claimed).
    """
    run = next((run for run in (issue.checkout_run, issue.execution_run, rival) if lives(run)), None)
    holder = run and {
        "runId": str(run.pk),
        "agentId": str(run.agent_id),
        "status": str(run.status),
        "lastSignOfLifeAt": wire_time(last_life(run)),
        "secondsSinceLife": max(0, int((now - last_life(run)).total_seconds())),
    }
    return {
        "issueId": str(issue.pk),
        "status": str(issue.status),
        "assigneeAgentId": text_id(issue.assignee_agent_id),
        "checkoutRunId": text_id(issue.checkout_run_id),
        "executionRunId": text_id(issue.execution_run_id),
        "holder": holder,
    }


def _facts(actor: Actor, agent_id: UUID, issue: Issue) -> MutationFacts:
    foreign = issue.assignee_agent_id not in (None, agent_id)
    mine = issue.assignee_agent_id == agent_id and issue.status == IssueStatus.IN_PROGRESS
    settled = actor.run_id is None or actor.run_id == issue.checkout_run_id or lives(issue.checkout_run)
    return MutationFacts(
        agent_id=agent_id,
        run_id=actor.run_id,
        may_take_over=mine and not settled and _may_take_over(issue, agent_id, actor.run_id),
        status=issue.status,
        assignee_agent_id=issue.assignee_agent_id,
        checkout_run_id=issue.checkout_run_id,
        checkout_lives=lives(issue.checkout_run),
        oversees=foreign and issue.assignee_agent_id is not None and oversees(actor, issue.assignee_agent_id),
    )


def _may_take_over(issue: Issue, agent_id: UUID, run_id: UUID | None) -> bool:
    """A live run of this issue, or one of none that can be bound now: its agent is at rest, so that it cannot end."""
    caller = standing_of(issue, run_id)
    if not caller.lives or caller.elsewhere is not None or caller.rival is not None:
        return False
    return caller.bound or (end_can_wait(agent_id) and standing_of(issue, run_id) == caller)


def _adopt(actor: Actor, issue: Issue, now: datetime) -> None:
    assert actor.run_id is not None
    previous = issue.checkout_run_id
    if not standing_of(issue, actor.run_id).bound:
        bind(issue, actor.run_id)
    locks: dict[str, Any] = {"checkout_run_id": actor.run_id}
    if not lives(issue.execution_run):
        locks |= {"execution_run_id": actor.run_id, "execution_locked_at": now}
    change_issue(issue, locks, now=now)
    details = {
        "previousCheckoutRunId": text_id(previous),
        "checkoutRunId": text_id(actor.run_id),
        "reason": "stale_checkout_run",
    }
    record(issue, issue_row(actor, issue, "issue.checkout_lock_adopted", details))
