"""One open socket: who may watch, what it missed, and what happens when it does not drain (spec/4 section 10).

Join the group first, then read the backlog, then drop what the backlog already had: nothing is missed or sent twice.
A client that does not drain is closed with 4008, never awaited: its queue is bounded in number and size, each send has
a deadline. It is judged before a batch is queued, so that no batch, however large, counts as not draining.
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
QUEUE_BYTES = 2 * 1024 * 1024
SEND_SECONDS = 10.0


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Serves `/api/companies/{companyId}/events/ws`. There are no client-to-server messages."""

    company_id: UUID
    queue: asyncio.Queue[str]
    queued_bytes: int = 0
    writer: asyncio.Task[None] | None = None
    last_seq: int = 0

    async def connect(self) -> None:
        """Authorise before the upgrade, then replay from `since`."""
        self.company_id = UUID(self.scope["url_route"]["kwargs"]["company_id"])
        if not await database_sync_to_async(may_watch)(self.scope, self.company_id):
            await self.close()
            return
        self.queue = asyncio.Queue()
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
        if self.queue.qsize() >= QUEUE_SIZE or self.queued_bytes >= QUEUE_BYTES:
            await self.close(code=SLOW_CLIENT)
            return
        for envelope in message["events"]:
            self._offer(envelope)

    def _since(self) -> int | None:
        values = parse_qs(self.scope.get("query_string", b"").decode("latin-1")).get("since", [])
        return int(values[0]) if values and values[0].isdecimal() else None

    def _replay(self, backlog: Backlog) -> None:
        self.last_seq = backlog.head
        if backlog.too_old:
            self._put({"id": backlog.head, "companyId": str(self.company_id), "type": "live.resync"})
            return
        for event in backlog.events:
            self._take(event)

    def _take(self, event: FeedEvent) -> None:
        self.last_seq = max(self.last_seq, event.seq)
        self._put(event.envelope())

    def _offer(self, envelope: dict[str, Any]) -> None:
        seq = envelope["id"]
        if seq is not None:
            if seq <= self.last_seq:
                return
            self.last_seq = seq
        self._put(envelope)

    def _put(self, envelope: dict[str, Any]) -> None:
        text = orjson.dumps(envelope).decode()
        self.queued_bytes += len(text)
        self.queue.put_nowait(text)

    async def _write(self) -> None:
        while True:
            text = await self.queue.get()
            self.queued_bytes -= len(text)
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self.send(text_data=text)
            except TimeoutError:
                await self.close(code=SLOW_CLIENT)
                return
