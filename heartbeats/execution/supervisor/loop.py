"""The supervisor's loop: wait for a ring, a notification, an ended shim or the next deadline, and never for anything
else."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from functools import partial
from pathlib import Path

import structlog

from config.env import Timings
from heartbeats.execution.bell_socket import answer, doorbell_path, open_doorbell
from heartbeats.execution.orders import since_boot
from heartbeats.execution.supervisor import ledger
from heartbeats.execution.supervisor.announcer import Announcer
from heartbeats.execution.supervisor.attempt import Stage, StopCause
from heartbeats.execution.supervisor.cuts import CutWatch
from heartbeats.execution.supervisor.desk import Desk
from heartbeats.execution.supervisor.fleet import Fleet
from heartbeats.execution.supervisor.host import ThisHost
from heartbeats.execution.supervisor.housekeeping import clean, tidy_trees
from heartbeats.execution.supervisor.leasing import LeaseKeeper
from heartbeats.execution.supervisor.listening import Listener, listen
from heartbeats.execution.supervisor.output import OutputWatch
from heartbeats.hooks import sweep_what_is_overdue

_BUSY_SEC = 0.03  # while processes are being ended
_TELLING_SEC = 0.05  # while output waits to be told
_IDLE_SEC = 0.5
_AWAY_SEC = 2.5
_RECONNECT_SEC = 2.0
_LEAVE_SEC = 5.0
_UNHEARD_SWEEPS = 3
_CLEAN_EVERY_SEC = 3_600.0
_TIDY_EVERY_SEC = 60.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Supervisor:
    """Watches the runs of one host until it is told to stop. The runs go on without it."""

    def __init__(self, host: ThisHost, runs_dir: Path, timings: Timings) -> None:
        self._host = host
        self._runs_dir = runs_dir
        self._timings = timings
        self._poll = select.poll()
        self._shims: dict[int, str] = {}
        self._desk = Desk()
        self._backstop = Desk()  # of its own: a long pass must not delay a renewal
        self._backing = False
        self._announcer = Announcer()
        self._fleet = Fleet(host, runs_dir, self._desk, self._watch, self._unwatch)
        self._leases = LeaseKeeper(host, runs_dir, timings, self._desk, self._fleet)
        self._output = OutputWatch(self._desk, self._announcer)
        self._cuts = CutWatch(runs_dir, self._desk)
        self._bell: socket.socket | None = None
        self._listener: Listener | None = None
        self._listen_at = 0.0
        self._sweep_at = 0.0
        self._ring_at = 0.0
        self._clean_at = 0.0
        self._tidy_at = 0.0
        self._awake_at = since_boot()
        self._stopping = False
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def run(self) -> None:
        """Adopt what is there, then watch until SIGTERM or SIGINT."""
        self._bell = open_doorbell(self._runs_dir)
        for fd in (self._bell.fileno(), self._wake_read, self._desk.answers_fd, self._backstop.answers_fd):
            self._poll.register(fd, select.POLLIN)
        signal.set_wakeup_fd(self._wake_write)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._leave)
        self._desk.open()
        self._backstop.open()
        self._announcer.open()
        self._fleet.discover()
        self._leases.adopt()
        log.info("supervising", host=self._host.name, runs=len(self._fleet.attempts))
        while not self._stopping:
            self._step(self._wait())
        self._close()

    def _leave(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _wait(self) -> list[int]:
        ready = [fd for fd, _event in self._poll.poll(self._pause() * 1000)]
        now = since_boot()
        if now - self._awake_at > _AWAY_SEC + _IDLE_SEC:
            log.warning("was_away", seconds=round(now - self._awake_at, 1))
            self._leases.came_back()
        self._awake_at = now
        return ready

    def _pause(self) -> float:
        """How long nothing can be due."""
        if any(attempt.termination is not None for attempt in self._fleet.attempts.values()):
            return _BUSY_SEC
        if self._output.waiting:
            return _TELLING_SEC
        now = since_boot()
        deadlines = [deadline for attempt in self._fleet.attempts.values() if (deadline := attempt.deadline())]
        due = min([self._leases.due_at, self._sweep_at, now + _IDLE_SEC, *deadlines])
        return max(0.005, due - now)

    def _step(self, ready: list[int]) -> None:
        """One round. Leases come first: what is not ours any more is not acted for."""
        self._leases.renew_if_due()
        self._desk.deliver()
        self._backstop.deliver()
        for fd in ready:
            self._hear(fd)
        self._leases.stop_what_runs_out()
        self._enforce_limits()
        self._fleet.follow_terminations()
        self._output.tell(self._fleet.attempts)
        if since_boot() >= self._sweep_at:
            self._sweep()

    def _hear(self, fd: int) -> None:
        if self._bell is not None and fd == self._bell.fileno():
            for event, run_id in answer(self._bell):
                self._rung(event, run_id)
        elif fd in self._shims:
            name = self._shims[fd]
            self._unwatch(fd)
            if name in self._fleet.attempts:
                self._fleet.look(self._fleet.attempts[name])
        elif self._listener is not None and fd == self._listener.fileno:
            self._notified(self._listener)
        elif fd == self._wake_read:
            os.read(fd, 4096)

    def _rung(self, event: str, run_id: str) -> None:
        attempts = self._fleet.of_run(run_id)
        if not attempts:
            self._fleet.discover()
            attempts = self._fleet.of_run(run_id)
        for attempt in attempts:
            if event == "output":
                self._output.stir(attempt)
            else:
                self._fleet.look(attempt)
        if event == "check":
            self._leases.look_now()

    def _notified(self, listener: Listener) -> None:
        fd = listener.fileno
        if self._host.name in listener.hear():
            self._leases.look_now()
        if listener.fileno == -1:
            self._poll.unregister(fd)
            self._listener = None

    def _enforce_limits(self) -> None:
        now = since_boot()
        for attempt in self._fleet.attempts.values():
            deadline = attempt.deadline() if attempt.stage is Stage.RUNNING and not attempt.causes else None
            if deadline is not None and now >= deadline:
                self._fleet.stop(attempt, StopCause.TIMEOUT)

    def _sweep(self) -> None:
        """What rings and notifications may have missed."""
        now = since_boot()
        self._sweep_at = now + min(self._timings.sweep_every, 1.0)
        self._fleet.discover()
        for attempt in list(self._fleet.attempts.values()):
            self._fleet.look(attempt)
        self._output.look_at_all(self._fleet.attempts.values())
        self._cuts.look(self._fleet.attempts.values())
        if now >= self._clean_at:
            self._clean_at = now + _CLEAN_EVERY_SEC
            self._desk.ask(partial(clean, self._runs_dir, now=time.time()))
        if now >= self._tidy_at:
            self._tidy_at = now + _TIDY_EVERY_SEC
            self._backstop.ask(partial(tidy_trees, self._host))
        if now >= self._ring_at:
            self._ring_at = now + self._timings.sweep_every
            age = _UNHEARD_SWEEPS * self._timings.sweep_every
            self._desk.ask(partial(ledger.ring_again, self._host, age))
            self._back_up()
        if self._listener is None and now >= self._listen_at:
            self._listen_at = now + _RECONNECT_SEC
            self._desk.ask(listen, done=self._listening)

    def _back_up(self) -> None:
        """Make the sweeps that beat and the workers owe; one round at a time."""
        if self._backing:
            return
        self._backing = True
        self._backstop.ask(
            sweep_what_is_overdue, done=lambda _answer: self._backed_up(), failed=lambda _error: self._backed_up()
        )

    def _backed_up(self) -> None:
        self._backing = False

    def _listening(self, listener: Listener) -> None:
        if self._listener is None:
            self._listener = listener
            self._poll.register(listener.fileno, select.POLLIN)
            self._leases.look_now()  # what was said while nobody listened
        else:
            listener.close()

    def _watch(self, fd: int, name: str) -> None:
        self._shims[fd] = name
        self._poll.register(fd, select.POLLIN)

    def _unwatch(self, fd: int) -> None:
        if self._shims.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def _close(self) -> None:
        """Hand over cleanly. Runs that live are left to the next supervisor, with a lease that is still good."""
        log.info("supervisor_leaves", runs=len(self._fleet.attempts))
        self._desk.close(_LEAVE_SEC)
        self._backstop.close(1.0)
        self._announcer.close(1.0)
        if self._listener is not None:
            self._listener.close()
        doorbell_path(self._runs_dir).unlink(missing_ok=True)
