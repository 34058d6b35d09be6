"""A client that costs little next to the server: one thread, many kept connections, requests made beforehand."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

LENGTH = b"content-length:"


@dataclass(slots=True)
class Tally:
    """What came back: how many answers of each status, how long each took, and how long all took together."""

    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def answers(self) -> int:
        """How many answers there were, whatever they said."""
        return sum(self.statuses.values())


@dataclass(slots=True)
class _Link:
    sock: socket.socket
    asked_at: float = 0.0
    received: bytes = b""


def post_bytes(address: tuple[str, int], path: str, token: str, body: bytes) -> bytes:
    """One POST as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def hammer(address: tuple[str, int], requests: Sequence[bytes], *, connections: int, seconds: float) -> Tally:
    """Send the requests in turn, one in flight on each connection, for that long; waits for the last answers.

    Raises ConnectionError when the server closes a connection.
    """
    tally, turn = Tally(), _around(requests)
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(connections):
            link = _Link(stack.enter_context(socket.create_connection(address, timeout=30)))
            link.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(link.sock, selectors.EVENT_READ, link)
        began = time.perf_counter()
        for key in list(selector.get_map().values()):
            _ask(key.data, next(turn))
        in_flight = connections
        while in_flight:
            for key, _ in selector.select(timeout=30):
                if not _answered(key.data, tally):
                    continue
                if time.perf_counter() - began < seconds:
                    _ask(key.data, next(turn))
                else:
                    in_flight -= 1
        tally.seconds = time.perf_counter() - began
    return tally


def _around(requests: Sequence[bytes]) -> Iterator[bytes]:
    while True:
        yield from requests


def _ask(link: _Link, request: bytes) -> None:
    link.asked_at = time.perf_counter()
    link.sock.sendall(request)


def _answered(link: _Link, tally: Tally) -> bool:
    """Read what is there; True when it completes an answer."""
    piece = link.sock.recv(65_536)
    if not piece:
        raise ConnectionError("the server closed the connection")
    link.received += piece
    head, found, body = link.received.partition(b"\r\n\r\n")
    if not found or len(body) < _length(head):
        return False
    status = int(head[9:12])
    tally.statuses[status] = tally.statuses.get(status, 0) + 1
    tally.latencies.append(time.perf_counter() - link.asked_at)
    link.received = b""
    return True


def _length(head: bytes) -> int:
    at = head.lower().index(LENGTH) + len(LENGTH)
    return int(head[at:].split(b"\r\n", 1)[0])
