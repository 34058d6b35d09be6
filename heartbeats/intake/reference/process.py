"""The command of a run: started with the run's environment, its output in pieces, ended as a whole group."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

PIECE_BYTES = 32 * 1024
# Pieces that wait to be sent. A full queue holds the command up: better slow than lost.
WAITING_PIECES = 64
GRACE = 5.0
LOOK_EVERY = 0.2
LAST_LOOKS = 10


@dataclass(frozen=True, slots=True)
class Piece:
    """Some output of one stream."""

    stream: str
    text: str


def run_environment(task: Mapping[str, Any], *, url: str) -> dict[str, str]:
    """The variables that a local run of the same kind gets, in both spellings (spec/4 section 12)."""
    issue, context, token = task.get("issue") or {}, task.get("context") or {}, task.get("runToken") or ""
    claims = _claims(token)
    named = {
        "API_URL": url,
        "API_KEY": token,
        "RUN_ID": task["id"],
        "AGENT_ID": claims.get("sub"),
        "COMPANY_ID": claims.get("company_id"),
        "TASK_ID": issue.get("id"),
        "WAKE_REASON": task.get("wakeReason"),
        "WAKE_COMMENT_ID": context.get("latestCommentId"),
        "WAKE_PAYLOAD_JSON": json.dumps(context) if context else None,
    }
    return {f"{prefix}_{name}": str(value) for name, value in named.items() if value for prefix in _PREFIXES}


class Command:
    """A started command. Raises OSError when it cannot be started."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], stdin: str) -> None:
        self.pieces: queue.Queue[Piece | None] = queue.Queue(WAITING_PIECES)
        self._process = subprocess.Popen(
            list(argv),
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._dropping = threading.Event()
        streams = {"stdout": self._process.stdout, "stderr": self._process.stderr}
        self._readers = [
            threading.Thread(target=self._read, args=(name, pipe), daemon=True) for name, pipe in streams.items()
        ]
        for thread in (*self._readers, threading.Thread(target=self._feed, args=(stdin,), daemon=True)):
            thread.start()
        threading.Thread(target=self._close, daemon=True).start()

    def wait(self) -> int:
        """The exit code; negative for a signal."""
        return self._process.wait()

    def stop(self) -> None:
        """End the whole group: politely, then for good. Output that nobody took yet is dropped. May be repeated."""
        self._dropping.set()
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read(self, stream: str, pipe: IO[bytes] | None) -> None:
        assert pipe is not None
        while data := os.read(pipe.fileno(), PIECE_BYTES):
            self._put(Piece(stream, data.decode("utf-8", "replace")))

    def _feed(self, text: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as pipe:
            pipe.write(text.encode())

    def _close(self) -> None:
        """The end of the output: when the streams end, or when the command ended and whoever kept them says nothing."""
        self._process.wait()
        quiet = 0
        while any(reader.is_alive() for reader in self._readers) and quiet < LAST_LOOKS:
            quiet = quiet + 1 if self.pieces.empty() else 0
            for reader in self._readers:
                reader.join(LOOK_EVERY / len(self._readers))
        self._put(None)

    def _put(self, piece: Piece | None) -> None:
        while True:
            try:
                self.pieces.put(piece, timeout=LOOK_EVERY)
                return
            except queue.Full:
                if self._dropping.is_set():
                    with contextlib.suppress(queue.Empty):
                        self.pieces.get_nowait()


_PREFIXES = ("PAPERCLIP", "EVERBEAT")


def _claims(token: str) -> dict[str, Any]:
    """Who the run token speaks for. Read, not verified: the server verifies it."""
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
