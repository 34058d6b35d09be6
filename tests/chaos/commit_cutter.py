"""A proxy that ends a connection in the worst moment: the COMMIT is on its way, its answer never arrives."""

from __future__ import annotations

import contextlib
import socket

from tests.proxy import Proxy


class CommitCutter(Proxy):
    """Once armed, the next COMMIT of a transaction that named `after` goes through and takes its connection with it."""

    def __init__(self, target: tuple[str, int], *, after: bytes) -> None:
        self.cuts = 0
        self._after = after
        self._armed = False
        self._marked: set[socket.socket] = set()
        super().__init__(target)

    def arm(self) -> None:
        """Cut once from now on."""
        self._armed = True

    def _forward(self, source: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data = source.recv(65_536)
            if data:
                self._pass_on(source, data)
                return
        self._drop(source)

    def _pass_on(self, source: socket.socket, data: bytes) -> None:
        self._links[source].sendall(data)
        if not self._armed:
            return
        if b"INSERT INTO" in data.upper() and self._after in data:
            self._marked.add(source)
        if source in self._marked and b"COMMIT" in data:
            self._armed = False
            self.cuts += 1
            self._drop_after_server_is_done(source)

    def _drop_after_server_is_done(self, source: socket.socket) -> None:
        """The server's answer is read here, so that the commit has happened, and goes nowhere."""
        server = self._links[source]
        server.settimeout(5)
        server.recv(65_536)
        self._drop(source)
