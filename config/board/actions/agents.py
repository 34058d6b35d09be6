"""Waking, pausing and resuming agents; acknowledging what they reported."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest

from agents.errors import acknowledge_errors, resolve_errors
from agents.lifecycle import pause_agent, resume_agent
from agents.models import ErrorGroup
from config.board.actions.answer import deed, require_may_act
from config.board.actions.waking import wake
from config.board.callers import Caller
from config.board.queries.agent import agent_named
from config.board.refusals import NotThere

_TRIAGE = {"acknowledge": (acknowledge_errors, "acknowledged"), "resolve": (resolve_errors, "resolved")}


@deed
def act_on_agent(_request: HttpRequest, caller: Caller, agent_id: UUID, verb: str) -> str:
    """`wake`, `pause` or `resume`."""
    agent = agent_named(agent_id)
    there = caller.within(agent.company_id)
    require_may_act(there)
    if verb == "wake":
        return wake(there, agent)
    if verb == "pause":
        pause_agent(there.actor(), agent.pk, now=there.now)
        return f"{agent.name} is paused and its live runs are being cancelled."
    if verb == "resume":
        resume_agent(there.actor(), agent.pk, now=there.now)
        return f"{agent.name} may be woken again."
    raise NotThere


@deed
def act_on_errors(_request: HttpRequest, caller: Caller, group_id: UUID, verb: str) -> str:
    """`acknowledge` or `resolve`."""
    company_id = ErrorGroup.objects.filter(pk=group_id).values_list("company_id", flat=True).first()
    if company_id is None or verb not in _TRIAGE:
        raise NotThere
    there = caller.within(company_id)
    require_may_act(there)
    triage, done = _TRIAGE[verb]
    won = triage(there.actor(), group_id, now=there.now).won
    return f"The errors are {done}." if won else "Somebody else was faster: these errors are no longer open."
