"""One terminal for many processes: every line begins with the name of the process that wrote it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import IO

COLOURS = (36, 33, 32, 35, 34, 31)
RESET = "\x1b[0m"
LONGEST_LINE = 64 * 1024


class Output:
    """Writes whole lines, each with its prefix; in colour on a terminal, unless NO_COLOR is set."""

    def __init__(self, stream: IO[str], names: list[str]) -> None:
        self._stream = stream
        self._width = max(len(name) for name in names)
        coloured = stream.isatty() and not os.environ.get("NO_COLOR")
        self._colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)} if coloured else {}

    def line(self, name: str, text: str) -> None:
        """Write one line of the process `name`."""
        prefix = f"{name:<{self._width}} | "
        colour = self._colours.get(name)
        self._write(f"\x1b[{colour}m{prefix}{RESET}{text}" if colour else prefix + text)

    def say(self, text: str) -> None:
        """Write lines of our own, without a prefix."""
        self._write(text)

    def _write(self, text: str) -> None:
        # A closed terminal (`make up | head`) must not stop the processes from being stopped in order.
        with contextlib.suppress(BrokenPipeError, ValueError):
            print(text, file=self._stream, flush=True)


class LineReader(asyncio.Protocol):
    """Cuts what a process writes into lines and hands each on. `closed` is set when nobody can write any more."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self.closed = asyncio.Event()
        self._on_line = on_line
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Called by the event loop with whatever has arrived."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._on_line(line.decode(errors="replace").rstrip("\r"))

    def connection_lost(self, _exc: Exception | None) -> None:
        """Called by the event loop at the end of the stream."""
        if self._rest:
            self.data_received(b"\n")
        self.closed.set()
