"""Where a page opens its socket."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def live_origin(request: HttpRequest) -> str:
    """The configured address, else the host that the browser used, under the live process's port.

    Raises DisallowedHost for a host that is not ours.
    """
    if settings.LIVE_URL:
        return str(settings.LIVE_URL)
    host = request.get_host()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return f"{'wss' if request.is_secure() else 'ws'}://{name}:{settings.LIVE_PORT}"
