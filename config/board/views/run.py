"""The page of one run and its sections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.board.callers import Caller, board_page
from config.board.queries.explaining import explained_run
from config.board.queries.lineage import family_of, lineage_of
from config.board.queries.run import log_source, run_head, run_named
from config.board.queries.run_facts import run_facts
from config.board.queries.timeline import run_timeline
from config.board.refusals import NotThere
from config.board.rendering import page, section
from heartbeats.board.run_page import RunPage

Part = Callable[[Any, Caller], dict[str, Any]]


def _family(run: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return family_of(run.company_id, run.pk)


_PARTS: dict[str, Part] = {
    "head": lambda run, who: {"head": run_head(run, now=who.now, may_act=who.may_act)},
    "explain": lambda run, who: {"explain": explained_run(run, now=who.now)},
    "lineage": lambda run, _: {"lineage": lineage_of(_family(run), run.pk)},
    "timeline": lambda run, _: {"timeline": run_timeline(run, _family(run))},
    "facts": lambda run, _: {"groups": run_facts(run)},
}


@require_safe
@board_page
def run_page(request: HttpRequest, caller: Caller, run_id: UUID) -> HttpResponse:
    """One run of a company that the person sees."""
    run = run_named(run_id)
    there = caller.within(run.company_id)
    family = _family(run)
    whole = RunPage(
        head=run_head(run, now=caller.now, may_act=there.may_act),
        timeline=run_timeline(run, family),
        explain=explained_run(run, now=caller.now),
        log=log_source(run),
        facts=run_facts(run),
        lineage=lineage_of(family, run.pk),
    )
    return page(request, there, "board/pages/run.html", page=whole)


@require_safe
@board_page
def run_section(request: HttpRequest, caller: Caller, run_id: UUID, name: str) -> HttpResponse:
    """One section of it, as it is now."""
    if name not in _PARTS:
        raise NotThere
    run = run_named(run_id)
    there = caller.within(run.company_id)
    return section(request, there, f"board/sections/run_{name}.html", run_id=run.pk, **_PARTS[name](run, there))
