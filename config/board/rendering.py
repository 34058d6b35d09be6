"""From view models to answers: whole pages, and the sections that the browser fetches again."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import get_conditional_response

from config.board.callers import Caller, remember
from config.board.live_origin import live_origin
from heartbeats.board.view_models import CompanyLink, Shell

MOST_COMPANIES = 8


def shell_of(request: HttpRequest, caller: Caller) -> Shell:
    """What surrounds a page."""
    others = [place for place in caller.places if place.id != caller.company.id][:MOST_COMPANIES]
    board = reverse("board")
    return Shell(
        company_id=caller.company.id,
        company_name=caller.company.name,
        operator=caller.user.get_username(),
        live_origin=live_origin(request),
        last_event_id=caller.company.last_event_id,
        other_companies=tuple(CompanyLink(o.name, f"{board}?{urlencode({'company': o.id})}") for o in others),
        may_act=caller.may_act,
        may_administer=caller.user.is_staff,
    )


def page(
    request: HttpRequest, caller: Caller, template: str, *, nav: str = "", status: int = 200, **context: object
) -> HttpResponse:
    """A whole page. Its company is the one that the next page opens in. Never stored: it is somebody's."""
    remember(request, caller.company.id)
    shell = shell_of(request, caller)
    answer = render(request, template, {"shell": shell, "now": caller.now, "nav": nav, **context}, status=status)
    answer["Cache-Control"] = "private, no-store"
    return answer


def section(request: HttpRequest, caller: Caller, template: str, **context: object) -> HttpResponse:
    """One section, as htmx fetches it. Unchanged since the browser's copy: 304 and no body."""
    body = render_to_string(template, {"now": caller.now, **context}, request)
    etag = f'W/"{hashlib.blake2b(body.encode(), digest_size=12).hexdigest()}"'
    answer = get_conditional_response(request, etag=etag, response=HttpResponse(body))
    assert answer is not None
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, no-cache"
    answer["Vary"] = "Cookie"
    return HttpResponse(status=304, headers=dict(answer.items())) if answer.status_code == 304 else _as_response(answer)


def _as_response(answer: object) -> HttpResponse:
    assert isinstance(answer, HttpResponse)
    return answer
