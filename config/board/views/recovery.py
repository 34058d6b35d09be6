"""The recovery page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.board.callers import Caller, board_page
from config.board.queries.recovery import recovery_view
from config.board.refusals import NotThere
from config.board.rendering import page, section


@require_safe
@board_page
def recovery_page(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Sweeps of the instance, and what they could not put right in this company."""
    return page(request, caller, "board/pages/recovery.html", nav="recovery", page=recovery_view(caller))


@require_safe
@board_page
def recovery_section(request: HttpRequest, caller: Caller, name: str) -> HttpResponse:
    """The body of that page, as it is now."""
    if name != "body":
        raise NotThere
    return section(request, caller, "board/sections/recovery_body.html", page=recovery_view(caller))
