"""The page of one issue."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.board.callers import Caller, board_page
from config.board.queries.issue import issue_named, issue_view
from config.board.refusals import NotThere
from config.board.rendering import page, section


@require_safe
@board_page
def issue_page(request: HttpRequest, caller: Caller, identifier: str) -> HttpResponse:
    """One issue of a company that the person sees."""
    issue = issue_named(identifier)
    there = caller.within(issue.company_id)
    return page(request, there, "board/pages/issue.html", page=issue_view(issue, there))


@require_safe
@board_page
def issue_section(request: HttpRequest, caller: Caller, identifier: str, name: str) -> HttpResponse:
    """The body of that page, as it is now."""
    if name != "body":
        raise NotThere
    issue = issue_named(identifier)
    there = caller.within(issue.company_id)
    return section(request, there, "board/sections/issue_body.html", page=issue_view(issue, there))
