"""The run log: one writer, whole lines only, bounded, and never in the way of the command (spec/2 D, spec/6 row 30)."""

from __future__ import annotations

import errno
import os
import time

from heartbeats.execution.shim_parts import records, wire

TYPE_CHECKING = False  # the typing module would cost more than all the rest of the start
if TYPE_CHECKING:
    import hashlib
    from typing import Any

LOG_NAME = "log.ndjson"
STATE_NAME = "log_state.json"
MAX_LINE_BYTES = 16_383
LIMIT_REASON = "log_limit"
_NOTE_RESERVE = 512
_MOST_NOTE_CHARS = 2_000
_RETRY_SEC = 1.0


class LogFile:
    """Appends `{"ts","stream","chunk"}` lines. No method raises: what cannot be stored is counted and reported."""

    def __init__(self, run_dir: str, max_bytes: int) -> None:
        self._run_dir = run_dir
        self._max_bytes = max_bytes
        self._fd = os.open(f"{run_dir}/{LOG_NAME}", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        self._sha: hashlib._Hash | None = None
        self._second = -1
        self._second_text = ""
        self._failing = False
        self._retry_at = 0.0
        self._touched_at = 0.0
        self.size = 0
        self.full = False
        self.truncated: dict[str, Any] | None = None

    def write(self, stream: str, text: str, source_bytes: int) -> None:
        """Store the text; `source_bytes` is what counts as dropped when it cannot be stored."""
        if self.full or (self._failing and not self._resume()):
            self.drop(source_bytes)
            return
        now = time.time()
        head = f'{{"ts":"{self._stamp(now)}","stream":"{stream}","chunk":'.encode()
        budget = MAX_LINE_BYTES - len(head) - 2
        stored = 0
        for piece in wire.encoded_pieces(text, budget):
            line = head + piece + b"}\n"
            if self.size + len(line) > self._max_bytes - _NOTE_RESERVE:
                self._stop_at_limit(max(0, source_bytes - stored))
                return
            if not self._append(line):
                self.drop(max(0, source_bytes - stored))
                return
            stored += len(piece)

    def note(self, text: str) -> None:
        """Store a short line of our own on the stream `system`, as far as the disk allows."""
        if not self._failing and self.size + len(text.encode()) + _NOTE_RESERVE <= self._max_bytes:
            self._note(text[:_MOST_NOTE_CHARS])

    def drop(self, count: int) -> None:
        """Count output that was drained and not stored; the file's mtime still says that there was output."""
        if self.truncated is not None:
            self.truncated["dropped_bytes"] += count
        now = time.monotonic()
        if count and now - self._touched_at >= 1.0:
            self._touched_at = now
            try:
                os.utime(self._fd)
            except OSError:
                return

    def finish(self) -> None:
        """Make the log durable as far as the disk allows."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            self._mark_truncated(_errno_name(error))
        os.close(self._fd)

    def sha256(self) -> str:
        """The hash of exactly the bytes that are stored."""
        return str(self._hash().hexdigest())

    def _hash(self) -> hashlib._Hash:
        if self._sha is None:
            # Late, because loading it takes longer than starting the command.
            import hashlib

            self._sha = hashlib.sha256()
        return self._sha

    def _append(self, line: bytes) -> bool:
        try:
            wire.write_all(self._fd, line)
        except OSError as error:
            self._fail(error)
            return False
        self.size += len(line)
        self._hash().update(line)
        return True

    def _fail(self, error: OSError) -> None:
        """Take back the half-written line and remember why."""
        self._failing = True
        self._retry_at = time.monotonic() + _RETRY_SEC
        try:
            os.ftruncate(self._fd, self.size)
        except OSError:
            # The reader ignores an unfinished last line; nothing more will be appended behind it.
            self.full = True
        self._mark_truncated(_errno_name(error))
        if self.truncated is not None:
            self.truncated["resumed"] = False

    def _resume(self) -> bool:
        """After a failed write, try again at most once a second."""
        if time.monotonic() < self._retry_at or self.truncated is None:
            return False
        dropped, reason = self.truncated["dropped_bytes"], self.truncated["reason"]
        self._failing = not self._note(f"Output is missing here: {dropped} bytes could not be stored ({reason}).\n")
        if not self._failing:
            self.truncated["resumed"] = True
            self._save_state()
        return not self._failing

    def _stop_at_limit(self, source_bytes: int) -> None:
        self.full = True
        self._mark_truncated(LIMIT_REASON)
        self._note(f"The log ends here, at byte {self.size}: {LIMIT_REASON} ({self._max_bytes} bytes).\n")
        self.drop(source_bytes)

    def _note(self, text: str) -> bool:
        line = f'{{"ts":"{self._stamp(time.time())}","stream":"system","chunk":{wire.dumps(text)}}}\n'
        return self._append(line.encode())

    def _mark_truncated(self, reason: str) -> None:
        if self.truncated is None:
            self.truncated = {"at_byte": self.size, "reason": reason, "dropped_bytes": 0, "resumed": False}
            self._save_state()

    def _save_state(self) -> None:
        try:
            records.write_record(self._run_dir, STATE_NAME, {"truncated": self.truncated})
        except OSError:
            # The disk that refuses the log may refuse this too; the exit record has reserved space and says it again.
            records.discard(self._run_dir, f".{STATE_NAME}.tmp")

    def _stamp(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second_text}.{int((now - second) * 1000):03d}Z"


def _errno_name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "EIO")
