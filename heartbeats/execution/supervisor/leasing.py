"""Keeping the leases: renew in time, stop by itself when that fails, and hear what the database wants of this host."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from config.env import Timings
from heartbeats.execution.orders import since_boot
from heartbeats.execution.supervisor import ledger
from heartbeats.execution.supervisor.attempt import Attempt, Stage, StopCause
from heartbeats.execution.supervisor.desk import Desk, Urgency
from heartbeats.execution.supervisor.fleet import Fleet
from heartbeats.execution.supervisor.host import ThisHost
from heartbeats.execution.supervisor.ledger import Round, RunRow
from heartbeats.runs.leases import HeldRun
from heartbeats.vocabulary import ErrorCode, RunStatus

# After an absence of our own (SIGSTOP, a sleeping host) the database is asked before anything is stopped.
SECOND_THOUGHT_SEC = 2.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class LeaseKeeper:
    """The only judge of whether an attempt is still ours."""

    def __init__(self, host: ThisHost, runs_dir: Path, timings: Timings, desk: Desk, fleet: Fleet) -> None:
        self._host = host
        self._runs_dir = runs_dir
        self._timings = timings
        self._desk = desk
        self._fleet = fleet
        self._asking = False
        self._looking = False
        self._taking: set[str] = set()
        self._not_before = 0.0
        self.due_at = 0.0

    def adopt(self) -> None:
        """Take over what an earlier supervisor left. Its leases may be long over, but nobody has judged that yet: each
        gets one lease's time for the database to say whose it is. What the earlier one was about to stop is stopped.
        """
        until = since_boot() + self._timings.lease
        for attempt in self._fleet.attempts.values():
            attempt.lease_until = max(attempt.lease_until, until)
            if attempt.stage is Stage.RUNNING and attempt.directory.given_up:
                self._fleet.stop(attempt, StopCause.LEASE, grace=self._timings.self_stop_before / 2)

    def came_back(self) -> None:
        """We were away: ask now, and give the database a moment to answer."""
        now = since_boot()
        self._not_before = now + SECOND_THOUGHT_SEC
        self.due_at = now

    def renew_if_due(self) -> None:
        """Ask for a renewal when it is time; one at a time."""
        now = since_boot()
        if self._asking or now < self.due_at:
            return
        self._asking = True
        self.due_at = now + self._timings.renew_every
        held = [HeldRun(attempt.run_id, attempt.epoch) for attempt in self._fleet.attempts.values() if _held(attempt)]
        self._desk.ask(
            partial(ledger.renew, self._host, held, self._timings.lease, self._touch()),
            urgency=Urgency.LEASE,
            done=self._renewed,
            failed=self._not_renewed,
        )

    def look_now(self) -> None:
        """Read what the database has for this host, without renewing."""
        if self._looking:
            self._fleet.discover()
        self._looking = True
        asked_at = since_boot()
        self._desk.ask(
            partial(ledger.read_rows, self._host),
            urgency=Urgency.LEASE,
            done=lambda rows: self._looked(asked_at, rows),
            failed=lambda _error: self._looked(asked_at, None),
        )

    def stop_what_runs_out(self) -> None:
        """Law 3: who cannot renew stops its children before others may take over."""
        now = since_boot()
        if now < self._not_before:
            return
        margin = self._timings.self_stop_before
        for attempt in self._fleet.attempts.values():
            if attempt.stage is Stage.RUNNING and not attempt.causes and now >= attempt.lease_until - margin:
                log.error("lease_not_renewed", name=attempt.name, seconds_left=round(attempt.lease_until - now, 1))
                attempt.directory.give_up()
                self._fleet.stop(attempt, StopCause.LEASE, grace=margin / 2)

    def _renewed(self, answer: Round) -> None:
        self._asking = False
        rows = {row.run_id: row for row in answer.rows}
        for attempt in list(self._fleet.attempts.values()):
            row = rows.get(attempt.run_id)
            if row and row.epoch == attempt.epoch and attempt.run_id in answer.renewal.kept:
                attempt.lease_until = max(attempt.lease_until, answer.asked_at + self._timings.lease)
                attempt.directory.renew_lease()
        self._judge(answer.asked_at, answer.rows)

    def _not_renewed(self, _error: Exception) -> None:
        self._asking = False
        self.due_at = since_boot() + min(1.0, self._timings.renew_every)

    def _looked(self, asked_at: float, rows: tuple[RunRow, ...] | None) -> None:
        self._looking = False
        if rows is not None:
            self._judge(asked_at, rows)

    def _judge(self, asked_at: float, rows: tuple[RunRow, ...]) -> None:
        """Bring what runs here into line with what the database says."""
        by_name = {row.name: row for row in rows}
        for attempt in list(self._fleet.attempts.values()):
            if attempt.first_seen < asked_at and not attempt.ending:
                self._judge_attempt(attempt, by_name.get(attempt.name))
        for row in rows:
            if row.name not in self._fleet.attempts and (row.settled or row.stopping):
                self._judge_unseen(row)

    def _judge_attempt(self, attempt: Attempt, row: RunRow | None) -> None:
        if attempt.stage is not Stage.RUNNING:
            return
        if row is None:
            self._fleet.stop(attempt, StopCause.STALE)
        elif row.stopping or row.status != RunStatus.RUNNING:
            self._fleet.stop(attempt, StopCause.CANCELLED)
        else:
            self._mend(attempt, row)

    def _mend(self, attempt: Attempt, row: RunRow) -> None:
        """Write what the starter did not come to write, and take the mark off a run that is watched again."""
        if row.process_pid is None and attempt.process is not None:
            self._desk.ask(partial(ledger.write_process, attempt.process, attempt.run_id, attempt.epoch))
        if row.error_code == ErrorCode.PROCESS_DETACHED:
            self._desk.ask(partial(ledger.reattach, attempt.run_id, attempt.epoch))

    def _judge_unseen(self, row: RunRow) -> None:
        """A run of this host without a live directory: its start never came to anything, or its directory is gone."""
        self._fleet.discover()
        if row.name in self._fleet.attempts or row.name in self._taking:
            return
        self._taking.add(row.name)
        self._desk.ask(
            partial(ledger.take_back, self._runs_dir, row.run_id, row.epoch, hopeless=row.settled),
            done=lambda _taken: self._taking.discard(row.name),
            failed=lambda _error: self._taking.discard(row.name),
        )

    def _touch(self) -> dict[str, Any]:
        return {
            "name": self._host.name,
            "boot": self._host.boot_id,
            "labels": json.dumps(self._host.labels),
            "capacity": self._host.capacity,
            "pid": os.getpid(),
        }


def _held(attempt: Attempt) -> bool:
    return attempt.stage is not Stage.OTHER_BOOT and StopCause.STALE not in attempt.causes
