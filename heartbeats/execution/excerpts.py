"""The last words of a run, per stream, read from the end of its log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from heartbeats.execution.logs import tail

EXCERPT_BYTES = 32 * 1024
_TAIL_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Excerpts:
    """The end of each stream, at most 32 KiB of UTF-8. `stdout_tail` is a longer end, for result lines."""

    stdout: str = ""
    stderr: str = ""
    stdout_tail: str = ""


def read_excerpts(log: Path) -> Excerpts:
    """Read them; empty when there is no log. Lines that are not log records are skipped; nothing raises."""
    try:
        page = tail(log, _TAIL_BYTES)
    except OSError:
        return Excerpts()
    streams: dict[str, list[str]] = {"stdout": [], "stderr": []}
    for line in page.content.splitlines():
        try:
            record = json.loads(line)
            streams[record["stream"]].append(record["chunk"])
        except (ValueError, KeyError, TypeError):
            continue
    stdout = "".join(streams["stdout"])
    return Excerpts(last_bytes(stdout), last_bytes("".join(streams["stderr"])), stdout)


def last_bytes(text: str, limit: int = EXCERPT_BYTES) -> str:
    """The end of the text within `limit` bytes of UTF-8, storable (no NUL, no lone surrogates)."""
    data = text.replace("\0", "\ufffd").encode("utf-8", "replace")
    return data[-limit:].decode("utf-8", "ignore") if len(data) > limit else data.decode()
