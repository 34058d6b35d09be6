"""`/` and its six sections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.board.callers import Caller, board_page
from config.board.queries.agents import SHOWN as AGENTS_SHOWN
from config.board.queries.agents import agents_section
from config.board.queries.finished import SHOWN as FINISHED_SHOWN
from config.board.queries.finished import finished_section
from config.board.queries.needs import SHOWN as NEEDS_SHOWN
from config.board.queries.needs import needs_section
from config.board.queries.rows import ALL
from config.board.queries.running import SHOWN as RUNNING_SHOWN
from config.board.queries.running import running_section
from config.board.queries.status import status_strip
from config.board.queries.waiting import SHOWN as WAITING_SHOWN
from config.board.queries.waiting import waiting_section
from config.board.refusals import NotThere
from config.board.rendering import page, section
from heartbeats.board.view_models import BoardPage

Reader = Callable[[Caller, int], Any]

_READERS: dict[str, tuple[Reader, int]] = {
    "status": (lambda who, _: status_strip(who.company.id, now=who.now), 0),
    "needs": (
        lambda who, limit: needs_section(who.company.id, now=who.now, may_act=who.may_act, limit=limit),
        NEEDS_SHOWN,
    ),
    "running": (lambda who, limit: running_section(who.company.id, now=who.now, limit=limit), RUNNING_SHOWN),
    "waiting": (lambda who, limit: waiting_section(who.company.id, now=who.now, limit=limit), WAITING_SHOWN),
    "finished": (lambda who, limit: finished_section(who.company.id, limit=limit), FINISHED_SHOWN),
    "agents": (lambda who, limit: agents_section(who.company.id, now=who.now, limit=limit), AGENTS_SHOWN),
}


@require_safe
@board_page
def board(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The board of one company; `?all=waiting` shows that section without its limit."""
    whole = request.GET.get("all", "")
    parts = {name: _read(caller, name, whole=name == whole) for name in _READERS}
    return page(request, caller, "board/board.html", nav="board", page=BoardPage(**parts), whole=whole)


@require_safe
@board_page
def board_section(request: HttpRequest, caller: Caller, name: str) -> HttpResponse:
    """One section of the board, as it is now."""
    if name not in _READERS:
        raise NotThere
    whole = request.GET.get("all", "")
    found = _read(caller, name, whole=name == whole)
    return section(request, caller, f"board/sections/{name}.html", section=found, whole=whole)


def _read(caller: Caller, name: str, *, whole: bool) -> Any:  # noqa: ANN401 - the section's own model
    reader, shown = _READERS[name]
    return reader(caller, ALL if whole else shown)
