"""One open socket: who may watch, what it missed, and what happens when it does not drain (spec/4 section 10).

Join the group first, then read the backlog, then drop what the backlog already had: nothing is missed or sent twice.
A client that does not drain is closed with 4008, never awaited: its queue is bounded, each send has a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from heartbeats.live.access import may_watch
from heartbeats.live.feed import FeedEvent, company_group
from heartbeats.live.replay import Backlog, read_backlog

SLOW_CLIENT = 4008
QUEUE_SIZE = 2_000
SEND_SECONDS = 10.0


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Serves `/api/companies/{companyId}/events/ws`. There are no client-to-server messages."""

    company_id: UUID
    queue: asyncio.Queue[dict[str, Any]]
    writer: asyncio.Task[None] | None = None
    last_seq: int = 0

    async def connect(self) -> None:
        """Authorise before the upgrade, then replay from `since`."""
        self.company_id = UUID(self.scope["url_route"]["kwargs"]["company_id"])
        if not await database_sync_to_async(may_watch)(self.scope, self.company_id):
            await self.close()
            return
        self.queue = asyncio.Queue(maxsize=QUEUE_SIZE)
        await self.channel_layer.group_add(company_group(self.company_id), self.channel_name)
        backlog = await database_sync_to_async(read_backlog)(self.company_id, self._since())
        await self.accept()
        self._replay(backlog)
        self.writer = asyncio.create_task(self._write())

    async def disconnect(self, code: int) -> None:  # noqa: ARG002
        """Leave the group and stop writing."""
        if self.writer is not None:
            self.writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.writer
        if self.channel_layer is not None and hasattr(self, "queue"):
            await self.channel_layer.group_discard(company_group(self.company_id), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Nothing that a client says here means anything."""

    async def live_events(self, message: dict[str, Any]) -> None:
        """From the channel layer: queue what is new to this client."""
        for envelope in message["events"]:
            await self._offer(envelope)

    def _since(self) -> int | None:
        values = parse_qs(self.scope.get("query_string", b"").decode("latin-1")).get("since", [])
        return int(values[0]) if values and values[0].isdecimal() else None

    def _replay(self, backlog: Backlog) -> None:
        self.last_seq = backlog.head
        if backlog.too_old:
            self.queue.put_nowait({"id": backlog.head, "companyId": str(self.company_id), "type": "live.resync"})
            return
        for event in backlog.events:
            self._take(event)

    def _take(self, event: FeedEvent) -> None:
        self.last_seq = max(self.last_seq, event.seq)
        self.queue.put_nowait(event.envelope())

    async def _offer(self, envelope: dict[str, Any]) -> None:
        seq = envelope["id"]
        if seq is not None:
            if seq <= self.last_seq:
                return
            self.last_seq = seq
        try:
            self.queue.put_nowait(envelope)
        except asyncio.QueueFull:
            await self.close(code=SLOW_CLIENT)

    async def _write(self) -> None:
        while True:
            envelope = await self.queue.get()
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self.send(text_data=orjson.dumps(envelope).decode())
            except TimeoutError:
                await self.close(code=SLOW_CLIENT)
                return
