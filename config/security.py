"""The content security policy of every page: our own files only, nothing inline."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# The admin theme and the API pages bring inline scripts and styles of their own.
_THEMED = ("/admin/", "/api/docs")


def _policy(path: str) -> str:
    themed = path.startswith(_THEMED)
    scripts = "'self' 'unsafe-inline' 'unsafe-eval'" if themed else "'self'"
    styles = "'self' 'unsafe-inline'" if themed else "'self'"
    live = settings.LIVE_URL or f"ws://localhost:{settings.LIVE_PORT} ws://127.0.0.1:{settings.LIVE_PORT}"
    return (
        f"default-src 'self'; script-src {scripts}; style-src {styles}; img-src 'self' data:; font-src 'self' data:; "
        f"connect-src 'self' {live}; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    )


class ContentSecurityPolicy:
    """Adds the header to every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _policy(request.path))
        return response
