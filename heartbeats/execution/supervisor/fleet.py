"""The attempts of this host: finding them, adopting them, stopping them, and bringing each to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from heartbeats.execution import rundir
from heartbeats.execution.orders import since_boot
from heartbeats.execution.start_lock import is_starting
from heartbeats.execution.supervisor import ledger
from heartbeats.execution.supervisor.attempt import Attempt, Stage, StopCause, attempt_of
from heartbeats.execution.supervisor.cuts import note_cut
from heartbeats.execution.supervisor.desk import Desk, Urgency
from heartbeats.execution.supervisor.host import ThisHost
from heartbeats.execution.terminate import Termination

START_PATIENCE_SEC = 2.0
HOPELESS_SEC = 15.0  # a shim refuses to start later than that
LEFTOVER_GRACE_SEC = 2.0
_MOST_BACKOFF_SEC = 30.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Fleet:
    """All attempts under watch, by name. `watch` and `unwatch` (un)register a file descriptor that says "look"."""

    def __init__(
        self,
        host: ThisHost,
        runs_dir: Path,
        desk: Desk,
        watch: Callable[[int, str], None],
        unwatch: Callable[[int], None],
    ) -> None:
        self.attempts: dict[str, Attempt] = {}
        self._host = host
        self._runs_dir = runs_dir
        self._desk = desk
        self._watch = watch
        self._unwatch = unwatch
        self._first_look = True

    def of_run(self, run_id: str) -> list[Attempt]:
        """The attempts of one run: almost always one."""
        return [attempt for name, attempt in self.attempts.items() if name.startswith(run_id)]

    def discover(self) -> None:
        """Take up every run directory that is not known yet."""
        for directory in rundir.live_dirs(self._runs_dir):
            if directory.name not in self.attempts and (attempt := attempt_of(directory)) is not None:
                self.attempts[attempt.name] = attempt
                attempt.left_behind = self._first_look
                self.look(attempt)
        self._first_look = False

    def look(self, attempt: Attempt) -> None:
        """See where the attempt stands, and do what follows."""
        before = attempt.stage
        stage = attempt.look(self._host.boot_id)
        if stage is not before and stage is not Stage.STARTING:
            log.info("attempt", name=attempt.name, stage=stage.value)
        attempt.died_unwatched |= attempt.left_behind and before is Stage.STARTING and stage is Stage.VANISHED
        if stage is Stage.RUNNING and attempt.watch_fd is None:
            self._watch_shim(attempt)
        elif stage is Stage.ABANDONED:
            self._take_back(attempt)
        elif attempt.over:
            self.conclude(attempt)

    def stop(self, attempt: Attempt, cause: StopCause, *, grace: float | None = None) -> None:
        """Begin to end the attempt's processes; repeating adds nothing but the cause."""
        if cause not in attempt.causes:
            attempt.causes.append(cause)
            log.info("attempt_stopping", name=attempt.name, cause=cause.value)
        if attempt.termination is None and attempt.stage is not Stage.OTHER_BOOT:
            wait = attempt.grace if grace is None else min(grace, attempt.grace)
            attempt.termination = Termination.begin(attempt.target, grace=wait, now=time.monotonic())

    def follow_terminations(self) -> bool:
        """Go on with every termination; True while there are some."""
        active = [attempt for attempt in self.attempts.values() if attempt.termination is not None]
        for attempt in active:
            assert attempt.termination is not None
            result = attempt.termination.poll(time.monotonic())
            if result is None:
                continue
            attempt.termination = None
            log.info("attempt_stopped", name=attempt.name, outcome=result.outcome.value, left=result.left)
            self.look(attempt)
        return bool(active)

    def conclude(self, attempt: Attempt) -> None:
        """Bring an attempt whose command is over to its end in the database; once at a time, until it succeeds."""
        if attempt.ending or attempt.termination is not None or since_boot() < attempt.next_try_at:
            return
        if self._leftovers(attempt):
            self.stop(attempt, StopCause.LEFTOVERS, grace=LEFTOVER_GRACE_SEC)
            return
        attempt.ending = True
        self._desk.ask(
            partial(_end, attempt),
            urgency=Urgency.ENDING,
            done=lambda _answer: self._forget(attempt),
            failed=lambda _error: self._try_later(attempt),
        )

    def retry_endings(self, attempts: Iterable[Attempt]) -> None:
        """Try again what could not be brought to its end."""
        for attempt in attempts:
            if attempt.over or attempt.stage is Stage.ABANDONED:
                self.look(attempt)

    def _leftovers(self, attempt: Attempt) -> bool:
        """Whether somebody of the group may be left and nobody has seen to that yet."""
        if attempt.stage is Stage.OTHER_BOOT or StopCause.LEFTOVERS in attempt.causes:
            return False
        if attempt.stage is Stage.VANISHED:
            return True
        return attempt.exit is not None and (attempt.exit.descendants_alive or attempt.exit.pipes_held)

    def _watch_shim(self, attempt: Attempt) -> None:
        """Hear at once when the shim ends, even if its ring is lost."""
        if attempt.process is None or not hasattr(os, "pidfd_open"):
            return
        try:
            attempt.watch_fd = os.pidfd_open(attempt.process.shim.pid)
        except OSError:
            return
        self._watch(attempt.watch_fd, attempt.name)

    def _take_back(self, attempt: Attempt) -> None:
        """Nobody works on this start any more: make it impossible, then give the run back."""
        now = since_boot()
        if attempt.ending or now - attempt.first_seen < START_PATIENCE_SEC or now < attempt.next_try_at:
            return
        attempt.ending = True
        self._desk.ask(
            partial(
                ledger.take_back,
                self._runs_dir,
                attempt.run_id,
                attempt.epoch,
                hopeless=now - attempt.first_seen > HOPELESS_SEC,
            ),
            done=lambda taken: self._forget(attempt) if taken else self._try_later(attempt),
            failed=lambda _error: self._try_later(attempt),
        )

    def _try_later(self, attempt: Attempt) -> None:
        attempt.ending = False
        attempt.tries += 1
        attempt.next_try_at = since_boot() + min(_MOST_BACKOFF_SEC, 0.25 * 2**attempt.tries)

    def _forget(self, attempt: Attempt) -> None:
        """Its end is in the database: out of the live set, out of sight."""
        if attempt.watch_fd is not None:
            self._unwatch(attempt.watch_fd)
            os.close(attempt.watch_fd)
        self.attempts.pop(attempt.name, None)
        try:
            attempt.directory.archive()
        except FileNotFoundError:
            return  # a start that was taken back leaves nothing
        except OSError as error:
            log.warning("run_dir_not_archived", name=attempt.name, error=str(error))


def _end(attempt: Attempt) -> object:
    """At the desk: tell the database how the attempt ended."""
    if attempt.stage is Stage.ENDED:
        return _end_from_record(attempt)
    rebooted = attempt.stage is Stage.OTHER_BOOT
    if not rebooted and attempt.given_up and ledger.give_back(attempt):
        return None
    return ledger.lose(attempt, _loss(attempt, rebooted=rebooted), _evidence(attempt, rebooted=rebooted))


def _end_from_record(attempt: Attempt) -> object:
    if attempt.given_up and ledger.give_back(attempt):
        return None
    if attempt.process is not None and is_starting(attempt.directory):  # its starter has not come to record it yet
        ledger.write_process(attempt.process, attempt.run_id, attempt.epoch)
    if attempt.exit is not None and attempt.exit.truncated is not None:
        note_cut(attempt.run_id, attempt.epoch, attempt.exit.truncated)
    return ledger.end(attempt)


def _loss(attempt: Attempt, *, rebooted: bool) -> str:
    if rebooted:
        return "Process lost: its host has restarted since the run began"
    pid = attempt.process.child.pid if attempt.process else "unknown"
    return f"Process lost: pid {pid} is no longer running and left no exit record"


def _evidence(attempt: Attempt, *, rebooted: bool) -> dict[str, Any]:
    process = attempt.process
    return {
        "evidence": "host_rebooted" if rebooted else "process_gone",
        "pid": process.child.pid if process else None,
        "processGroupId": process.pgid if process else None,
        "shimPid": process.shim.pid if process else None,
        "epoch": attempt.epoch,
    }
