"""Noticing what runs print: telling the screens at once, the database now and then."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from config.common.clock import wire_time
from heartbeats.execution.logs import tail
from heartbeats.execution.orders import since_boot
from heartbeats.execution.rundir import RunDir
from heartbeats.execution.supervisor import ledger
from heartbeats.execution.supervisor.announcer import Announcer, Growth
from heartbeats.execution.supervisor.attempt import Attempt
from heartbeats.execution.supervisor.desk import Desk

TELL_EVERY_SEC = 0.25
FLUSH_EVERY_SEC = 60.0
_TAIL_BYTES = 32 * 1024
OURS = "system"


class OutputWatch:
    """Knows which logs have grown since they were last looked at."""

    def __init__(self, desk: Desk, announcer: Announcer) -> None:
        self._desk = desk
        self._announcer = announcer
        self._stirred: set[str] = set()

    def stir(self, attempt: Attempt) -> None:
        """The attempt has printed something."""
        self._stirred.add(attempt.name)

    @property
    def waiting(self) -> bool:
        """Whether some growth has not been told yet."""
        return bool(self._stirred)

    def tell(self, attempts: dict[str, Attempt]) -> None:
        """Tell what is due: at most every 250 ms per run."""
        now = since_boot()
        for name in list(self._stirred):
            attempt = attempts.get(name)
            if attempt is None:
                self._stirred.discard(name)
            elif now - attempt.told_at >= TELL_EVERY_SEC:
                self._stirred.discard(name)
                self._tell(attempt, now)

    def look_at_all(self, attempts: Iterable[Attempt]) -> None:
        """Find growth whose ring was lost."""
        for attempt in attempts:
            if attempt.directory.log_size() != attempt.seen_bytes:
                self.stir(attempt)

    def _tell(self, attempt: Attempt, now: float) -> None:
        size, at = attempt.directory.log_size(), attempt.directory.last_output_at()
        if at is None or size == attempt.seen_bytes or attempt.orders is None:
            return
        attempt.seen_bytes, attempt.told_at = size, now
        stream = last_stream(attempt.directory)
        self._announcer.say(
            Growth(
                company_id=attempt.orders.company_id,
                run_id=attempt.run_id,
                agent_id=attempt.orders.agent_id,
                total_bytes=size,
                stream=stream,
                at=wire_time(datetime.fromtimestamp(at, UTC)),
            )
        )
        if stream == OURS:
            return  # what Everbeat says in the log breaks no silence
        if not attempt.flushed_at or now - attempt.flushed_at >= FLUSH_EVERY_SEC:
            attempt.flushed_at = now
            self._desk.ask(partial(ledger.write_output, attempt.run_id, attempt.epoch, at, stream, size))


def last_stream(directory: RunDir) -> str:
    """The stream of the last stored line; `system` where that cannot be told."""
    try:
        lines = tail(directory.log_path, _TAIL_BYTES).content.splitlines()
        return str(json.loads(lines[-1])["stream"]) if lines else OURS
    except (OSError, ValueError, KeyError, TypeError):
        return OURS
