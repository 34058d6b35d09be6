"""The live face: sockets, and the relay that feeds them. Pages and REST are served by WSGI, which is faster at it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import django
import structlog

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from config.database import conninfo  # noqa: E402
from config.routing import websocket_urlpatterns  # noqa: E402
from heartbeats.live.relay import Relay  # noqa: E402

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

log = structlog.get_logger(__name__)
_sockets = URLRouter(websocket_urlpatterns)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Dispatch one connection; the server's own life cycle carries the relay."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        await _socket(scope, receive, send)
    else:
        await _answer(scope, send)


async def _live(receive: Receive, send: Send) -> None:
    relay: asyncio.Task[None] | None = None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            relay = asyncio.create_task(Relay(conninfo(settings.DATABASES["default"]), get_channel_layer()).run())
            relay.add_done_callback(_stop_when_broken)
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            if relay is not None:
                relay.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await relay
            await send({"type": "lifespan.shutdown.complete"})
            return


def _stop_when_broken(relay: asyncio.Task[None]) -> None:
    """A live process whose relay died of a bug must not look healthy: stop, and be started again."""
    if not relay.cancelled() and (problem := relay.exception()) is not None:
        log.critical("live_relay_died", exc_info=problem)
        os.kill(os.getpid(), signal.SIGTERM)


async def _socket(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await _sockets(scope, receive, send)
    except ValueError:  # the router knows no such path: refuse the upgrade, as for strangers
        await receive()
        await send({"type": "websocket.close", "code": 4404})


async def _answer(scope: Scope, send: Send) -> None:
    healthy = scope["path"] == "/healthz"
    body = b"ok\n" if healthy else b"Sockets only; pages and REST are on the other port.\n"
    await send(
        {
            "type": "http.response.start",
            "status": 200 if healthy else 404,
            "headers": [(b"content-type", b"text/plain")],
        }
    )
    await send({"type": "http.response.body", "body": body})
