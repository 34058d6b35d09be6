"""Reading run logs by byte offset, in whole lines (spec/4 section 3, and section 16 point 17)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogPage:
    """Whole NDJSON lines. `next_offset` is None at the end of what is stored; `end_offset` always says where to go on.

    `start_offset` is where the content really begins: an offset inside a line moves to the next line.
    """

    content: str
    start_offset: int
    end_offset: int
    next_offset: int | None


def read_log(path: Path, offset: int, limit_bytes: int) -> LogPage:
    """The lines from `offset` on, about `limit_bytes` (at least one line, if one is there, so that readers get on).

    An unfinished last line is left for later. Raises FileNotFoundError before the log exists.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = _line_start(file, max(0, min(offset, size)))
        end, content = _whole_lines(file, start, max(1, limit_bytes))
        more = end < size and _has_line(file, end)
    return LogPage(content.decode("utf-8", "replace"), start, end, end if more else None)


def tail(path: Path, limit_bytes: int) -> LogPage:
    """The last whole lines that fit into `limit_bytes`; none when even the last one is longer."""
    size = path.stat().st_size
    return read_log(path, max(0, size - limit_bytes), limit_bytes)


def sha256(path: Path) -> str:
    """The hash of the stored bytes, as hex. Raises FileNotFoundError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain_text(path: Path) -> Iterator[str]:
    """The output as the command wrote it, stdout and stderr interleaved, system notes in brackets; for downloads.

    A line that is not a log record is shown as it is: a reader must see that something is wrong.
    """
    with path.open("rb") as file:
        for line in file:
            yield _rendered(line.decode("utf-8", "replace"))


def _rendered(line: str) -> str:
    try:
        record = json.loads(line)
        chunk, stream = str(record["chunk"]), record["stream"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return line
    return f"[{chunk.rstrip()}]\n" if stream == "system" else chunk


def _line_start(file: BinaryIO, offset: int) -> int:
    if offset == 0:
        return 0
    file.seek(offset - 1)
    if file.read(1) == b"\n":
        return offset
    file.seek(offset)
    return offset + len(file.readline())


def _whole_lines(file: BinaryIO, start: int, limit: int) -> tuple[int, bytes]:
    file.seek(start)
    block = file.read(limit)
    cut = block.rfind(b"\n") + 1
    if cut == 0 and block:
        block += file.readline()
        cut = len(block) if block.endswith(b"\n") else 0
    return start + cut, block[:cut]


def _has_line(file: BinaryIO, offset: int) -> bool:
    file.seek(offset)
    while block := file.read(_BLOCK):
        if b"\n" in block:
            return True
    return False
