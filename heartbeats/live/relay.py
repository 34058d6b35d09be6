"""The relay: takes committed live events, numbers them, pushes them to the sockets. One works at a time.

It runs inside every live (ASGI) process and holds a session advisory lock while it works; the others wait for that
lock. NOTIFY is the doorbell, polling the backstop. The order is: number (commit), push, remember the push (commit).
A crash or a Redis outage between the last two pushes events again; clients drop numbers that they have seen.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from typing import Any, Protocol

import structlog
from psycopg import AsyncConnection, OperationalError
from redis.exceptions import RedisError

from heartbeats.live.feed import PUSHED, STAMP, UNPUSHED, FeedEvent, company_group, events_of

LOCK_ID = 0x_45_76_62_74  # "Evbt": any fixed number, so that relays of one database find each other
BATCH = 500
POLL_SECONDS = 1.0
RETRY_SECONDS = 1.0
# After the doorbell, what else a verb or a burst commits is taken along: a round costs the same for one event as for
# fifty, and nobody sees the difference.
GATHER_SECONDS = 0.05

log = structlog.get_logger(__name__)


class Layer(Protocol):
    """What the relay needs of the channel layer."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Deliver to every member of the group."""


class Relay:
    """Pumps the outbox until cancelled. Outages of PostgreSQL and Redis are waited out, never fatal."""

    def __init__(self, conninfo: str, layer: Layer) -> None:
        self.conninfo = conninfo
        self.layer = layer

    async def run(self) -> None:
        """Hold the lock and pump, for ever; reconnects when the database went away."""
        while True:
            try:
                async with self._connection() as connection:
                    await self._serve(connection)
            except OperationalError as problem:
                log.warning("live_relay_lost_database", error=str(problem).strip())
                await asyncio.sleep(RETRY_SECONDS)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        connection = await AsyncConnection.connect(self.conninfo, autocommit=True, application_name="everbeat-relay")
        try:
            yield connection
        finally:
            await connection.close()

    async def _serve(self, connection: AsyncConnection[Any]) -> None:
        await connection.execute("set lock_timeout = 0; set statement_timeout = 0")
        await connection.execute("listen everbeat_live")
        # Another process may lead: ask again, for nothing tells when it ends.
        while not await self._lead(connection):  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        log.info("live_relay_leads")
        while True:
            if not await self.pump(connection):
                await self._wait(connection)

    async def _lead(self, connection: AsyncConnection[Any]) -> bool:
        cursor = await connection.execute("select pg_try_advisory_lock(%s)", [LOCK_ID])
        row = await cursor.fetchone()
        return bool(row and row[0])

    async def _wait(self, connection: AsyncConnection[Any]) -> None:
        """Until the doorbell rings, or it is time to look; then a moment more for what rings right behind it."""
        async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
            pass
        async for _ in connection.notifies(timeout=GATHER_SECONDS):
            pass

    async def pump(self, connection: AsyncConnection[Any]) -> bool:
        """One round: number what is new, push what is unpushed. True when there may be more at once."""
        numbered = (await connection.execute(STAMP, {"limit": BATCH})).rowcount
        cursor = await connection.execute(UNPUSHED, {"limit": BATCH})
        events = events_of(await cursor.fetchall())
        if events and not await self._push(connection, events):
            await asyncio.sleep(RETRY_SECONDS)
        return numbered == BATCH or len(events) == BATCH

    async def _push(self, connection: AsyncConnection[Any], events: Sequence[FeedEvent]) -> bool:
        try:
            for company_id, group in groupby(events, key=lambda event: event.company_id):
                batch = [event.envelope() for event in group]
                await self.layer.group_send(company_group(company_id), {"type": "live.events", "events": batch})
                await connection.execute(PUSHED, {"seq": batch[-1]["id"], "company": company_id})
        except (RedisError, OSError) as problem:
            log.warning("live_relay_lost_redis", error=str(problem))
            return False
        return True
