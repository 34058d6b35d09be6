"""How the live server ends a connection whose client does not read (spec/4 section 10, spec/6 row 32).

The server's own protocol waits for room before it sends anything, also before it closes: a client that never reads
would never be closed, and would keep its consumer and its buffer for ever. Here a close needs no room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

LAST_CHANCE_SECONDS = 1.0
"""So long a client has to read what is on its way and, behind it, why it was closed."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """As its parent, but every close that we begin is over within `LAST_CHANCE_SECONDS` if the buffer is not empty."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send, waiting for room; a close waits for nothing."""
        if message["type"] != "websocket.close" or self.writable.is_set() or self.close_sent:
            await super().send(message)
            return
        code, reason = message.get("code") or 1000, message.get("reason") or ""
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._abort_soon()

    def keepalive_timeout(self) -> None:
        """A client that answers no ping is closed, also when it reads nothing."""
        super().keepalive_timeout()
        self._abort_soon()

    def shutdown(self) -> None:
        """The server stops: clients that read nothing do not hold it up."""
        super().shutdown()
        self._abort_soon()

    def _abort_soon(self) -> None:
        self.loop.call_later(LAST_CHANCE_SECONDS, self._abort_if_open)

    def _abort_if_open(self) -> None:
        if not self.disconnected:
            self.transport.abort()
