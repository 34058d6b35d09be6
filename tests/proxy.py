"""A TCP proxy in front of a server, so that tests can cut and freeze a network (spec/6 section 3)."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Proxy:
    """Forwards to `target` until told otherwise. `freeze` keeps connections and moves nothing; `cut` ends them."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._selector = selectors.DefaultSelector()
        self._links: dict[socket.socket, socket.socket] = {}
        self._flowing = threading.Event()
        self._open = threading.Event()
        self._closing = threading.Event()
        self._door = socket.create_server(("127.0.0.1", 0))
        self._door.setblocking(False)
        self._flowing.set()
        self._open.set()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._door.getsockname()[1])

    def freeze(self) -> None:
        """Move nothing any more; new connections are accepted by the kernel and hang."""
        self._flowing.clear()

    def cut(self) -> None:
        """End every connection, and every new one at once."""
        self._open.clear()

    def heal(self) -> None:
        """Forward again."""
        self._open.set()
        self._flowing.set()

    def close(self) -> None:
        """End it all."""
        self._closing.set()
        self._flowing.set()
        self._thread.join(5)
        self._drop_all()
        self._door.close()

    def _serve(self) -> None:
        self._selector.register(self._door, selectors.EVENT_READ)
        while not self._closing.is_set():
            self._flowing.wait()
            if not self._open.is_set():
                self._drop_all()
            for key, _events in self._selector.select(0.05):
                if not self._flowing.is_set():
                    break
                source = key.fileobj
                assert isinstance(source, socket.socket)
                if source is self._door:
                    self._accept()
                elif source in self._links:
                    self._forward(source)

    def _accept(self) -> None:
        client, _address = self._door.accept()
        if not self._open.is_set():
            client.close()
            return
        server = socket.create_connection(self._target)
        for one, other in ((client, server), (server, client)):
            self._links[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _forward(self, source: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data = source.recv(65_536)
            if data:
                self._links[source].sendall(data)
                return
        self._drop(source)

    def _drop(self, source: socket.socket) -> None:
        other = self._links.pop(source)
        self._links.pop(other, None)
        for end in (source, other):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()

    def _drop_all(self) -> None:
        for source in list(self._links):
            if source in self._links:
                self._drop(source)
