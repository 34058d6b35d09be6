"""A socket client that never reads, beside 200 that do (spec/6 row 32)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import socket
import time
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import psutil
from django.db import connection
from websockets.asyncio.client import ClientConnection, connect

from agents.journal import emit
from agents.models import Company
from agents.vocabulary import LiveEventType
from tests.chaos.fault import Seen
from tests.chaos.world import World
from tests.factories.agents import CompanyFactory
from tests.live import agent_token
from tests.processes import free_port
from tests.waiting import wait_for

HEALTHY = 200
BESIDE = 5
"""So many of the healthy watch the same company as the slow one; the others watch another."""
FAT = "x" * 30_000
FAT_AT_ONCE = 10
WARM_UP = 100
FLOOD = 400
TICK_SECONDS = 0.1
SLOW_CLOSED_WITHIN = 15.0
MOST_LAG = 2.0
MOST_GROWTH = 5_000_000


@dataclass
class Watchers:
    """Healthy clients of one company's feed: what the slowest of them is behind, and the last number each saw."""

    url: str
    count: int
    lag: float = 0.0
    last: dict[int, int] = field(default_factory=dict)
    links: list[ClientConnection] = field(default_factory=list)
    reading: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        """Connect all; each reads everything until it goes away."""
        for number in range(self.count):
            link = await connect(self.url, compression=None, max_size=None)
            self.links.append(link)
            self.reading.append(asyncio.create_task(self._read(number, link)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(link.close() for link in self.links))
        await asyncio.gather(*self.reading)

    async def _read(self, number: int, link: ClientConnection) -> None:
        async for frame in link:
            event = orjson.loads(frame)
            self.last[number] = event["id"]
            self.lag = max(self.lag, time.time() - event["payload"]["at"])


def a_client_that_never_reads(world: World) -> Seen:
    """One raw socket asks for the feed and reads nothing more while its company's feed is flooded."""
    port = free_port()
    live = world.machine.live_server(port)
    noisy, calm = CompanyFactory(), CompanyFactory()
    addresses = [_address(port, company) for company in (noisy, calm)]
    return asyncio.run(_scenario(addresses, live.pid, noisy, calm))


async def _scenario(addresses: list[str], pid: int, noisy: Company, calm: Company) -> Seen:
    beside, others = Watchers(addresses[0], BESIDE), Watchers(addresses[1], HEALTHY - BESIDE)
    async with beside, others:
        return await _beside_the_slow_one(addresses[0], pid, noisy, calm, beside, others)


async def _beside_the_slow_one(
    address: str, pid: int, noisy: Company, calm: Company, beside: Watchers, others: Watchers
) -> Seen:
    await _say(calm.pk, 1)
    await _say(noisy.pk, WARM_UP, FAT)
    await _until(lambda: len(others.last) == others.count)
    await _until(lambda: set(beside.last.values()) == {WARM_UP} and len(beside.last) == BESIDE)
    before = psutil.Process(pid).memory_info().rss
    with contextlib.closing(_never_reads(address)) as slow:
        began = time.monotonic()
        ended, grown = await _flood(slow, pid, before, noisy.pk, calm.pk)
        took = ended - began
        code = await asyncio.to_thread(_close_code, slow)
    await _until(lambda: set(beside.last.values()) == {WARM_UP + FLOOD} and len(beside.last) == BESIDE)
    lag = max(beside.lag, others.lag)
    again = await _state_after(address, WARM_UP + FLOOD - 1)
    assert lag < MOST_LAG, f"a healthy client was {lag:.2f} s behind"
    assert grown < MOST_GROWTH, f"the live process grew by {grown:,} bytes"
    assert again == WARM_UP + FLOOD, again
    return Seen(
        f"closed with {code or 'a reset: it drained nothing'} after {took:.1f} s; {HEALTHY} others at most "
        f"{lag:.2f} s behind; the process grew by {grown / 1e6:.1f} MB; on reconnecting it is up to date",
        took,
    )


async def _flood(slow: socket.socket, pid: int, before: int, noisy: UUID, calm: UUID) -> tuple[float, int]:
    """Say much to the slow one's company and a little to the other until the slow one's connection is gone."""
    process, grown, said = psutil.Process(pid), 0, 0
    deadline = time.monotonic() + SLOW_CLOSED_WITHIN + 5
    while _is_open(slow, process):
        assert time.monotonic() < deadline, "the client that reads nothing is still connected"
        if said < FLOOD:
            said += FAT_AT_ONCE
            await _say(noisy, FAT_AT_ONCE, FAT)
        await _say(calm, 1)
        await asyncio.sleep(TICK_SECONDS)
        grown = max(grown, process.memory_info().rss - before)
    ended = time.monotonic()
    await _say(noisy, FLOOD - said, FAT)
    return ended, grown


async def _say(company: UUID, count: int, text: str = "") -> None:
    def write() -> None:
        for _number in range(count):
            emit(company, LiveEventType.AGENT_STATUS, {"at": time.time(), "text": text})
        connection.close()

    await asyncio.to_thread(write)


async def _state_after(url: str, since: int) -> int:
    """The number of the last event that a client gets which reconnects with the last number it knows."""
    async with connect(f"{url}&since={since}", compression=None, max_size=None) as link:
        seen = 0
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(2):
                    seen = orjson.loads(await link.recv())["id"]
        return seen


async def _until(holds: object) -> None:
    assert callable(holds)
    await asyncio.to_thread(wait_for, holds, 30.0, what="the healthy clients")


def _address(port: int, company: Company) -> str:
    return f"ws://127.0.0.1:{port}/api/companies/{company.pk}/events/ws?token={agent_token(company)}"


def _never_reads(url: str) -> socket.socket:
    """A connection after its upgrade, with a small window, so that the server's side fills soon."""
    parts = urlsplit(url)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.connect((parts.hostname, parts.port))
    key = base64.b64encode(os.urandom(16)).decode()
    raw.sendall(
        (
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
    )
    assert raw.recv(12) == b"HTTP/1.1 101"
    return raw


def _is_open(raw: socket.socket, server: psutil.Process) -> bool:
    """Whether the server still holds its end."""
    here = raw.getsockname()[1]
    return any(getattr(link.raddr, "port", None) == here for link in server.net_connections("tcp"))


def _close_code(raw: socket.socket) -> int | None:
    """The code of the close frame, if what was on its way ends with one."""
    tail = b""
    with contextlib.suppress(OSError):
        while data := raw.recv(65_536):
            tail = (tail + data)[-4:]
    return int.from_bytes(tail[2:]) if tail[:2] == b"\x88\x02" else None
