"""The content security policy of every page: our own files only, nothing inline."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from config.board.live_origin import live_origin

# The admin theme and the API pages bring inline scripts and styles of their own.
_THEMED = ("/admin/", "/api/docs")


def _policy(request: HttpRequest) -> str:
    themed = request.path.startswith(_THEMED)
    scripts = "'self' 'unsafe-inline' 'unsafe-eval'" if themed else "'self'"
    styles = "'self' 'unsafe-inline'" if themed else "'self'"
    return (
        f"default-src 'self'; script-src {scripts}; style-src {styles}; img-src 'self' data:; font-src 'self' data:; "
        f"connect-src 'self' {_live(request)}; frame-ancestors 'none'; base-uri 'none'; "
        f"form-action 'self'; object-src 'none'"
    )


def _live(request: HttpRequest) -> str:
    """The one socket address of our pages; none for a host that is not ours, which gets no page."""
    try:
        return live_origin(request)
    except DisallowedHost:
        return ""


class ContentSecurityPolicy:
    """Adds the header to every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _policy(request))
        return response
