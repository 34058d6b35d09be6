"""The page of one agent."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.board.callers import Caller, board_page
from config.board.queries.agent import agent_named, agent_view
from config.board.refusals import NotThere
from config.board.rendering import page, section


@require_safe
@board_page
def agent_page(request: HttpRequest, caller: Caller, agent_id: UUID) -> HttpResponse:
    """One agent of a company that the person sees."""
    agent = agent_named(agent_id)
    there = caller.within(agent.company_id)
    return page(request, there, "board/pages/agent.html", page=agent_view(agent, there))


@require_safe
@board_page
def agent_section(request: HttpRequest, caller: Caller, agent_id: UUID, name: str) -> HttpResponse:
    """The body of that page, as it is now."""
    if name != "body":
        raise NotThere
    agent = agent_named(agent_id)
    there = caller.within(agent.company_id)
    return section(request, there, "board/sections/agent_body.html", page=agent_view(agent, there))
