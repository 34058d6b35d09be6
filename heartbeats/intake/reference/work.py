"""One run from start to report: the command, its log, its end, and when to stop (spec/1 D)."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from heartbeats.intake.reference.client import AgentClient, Answer
from heartbeats.intake.reference.lease import Lease
from heartbeats.intake.reference.process import Command, Piece, run_environment

LAST_WORDS = 2_000
LOOK_EVERY = 0.2

Say = Callable[[str], None]


@dataclass(slots=True)
class Work:
    """A run in hand. `execute` blocks; `stop` may be called from any thread and ends it without a report."""

    task: Mapping[str, Any]
    client: AgentClient
    url: str
    argv: Sequence[str]
    lease: Lease
    say: Say
    stopped: threading.Event = field(default_factory=threading.Event)
    why: str = ""
    _seq: int = 0
    _last: dict[str, deque[str]] = field(
        default_factory=lambda: {"stdout": deque(maxlen=20), "stderr": deque(maxlen=20)}
    )

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.task["id"])

    def stop(self, why: str) -> None:
        """Not ours any more."""
        if not self.stopped.is_set():
            self.why = why
            self.stopped.set()

    def execute(self) -> None:
        """Run the command to its end, or until we are told to stop or could not renew the lease."""
        try:
            command = Command(
                self.argv, env=run_environment(self.task, url=self.url), stdin=self.task.get("taskMarkdown") or ""
            )
        except OSError as problem:
            self.say(f"{self.id}: cannot start: {problem}")
            self._report({"status": "failed", "errors": [f"The command could not be started: {problem.strerror}"]})
            return
        guard = threading.Thread(target=self._guard, args=(command,), daemon=True)
        guard.start()
        self._send_output(command)
        code = command.wait()
        if self.stopped.is_set():
            self.say(f"{self.id}: stopped, {self.why}")
        else:
            self.say(f"{self.id}: exit code {code}")
            self._report(self._outcome(code))
        self.stopped.set()
        guard.join()

    def renew(self) -> None:
        """Tell the server that the run goes on."""
        self._post("report", {"status": "running"})

    def _guard(self, command: Command) -> None:
        while not self.stopped.wait(LOOK_EVERY):
            if self.lease.left <= 0:
                self.stop("the server did not hear of us within the lease")
        command.stop()

    def _send_output(self, command: Command) -> None:
        while True:
            with contextlib.suppress(queue.Empty):
                piece = command.pieces.get(timeout=LOOK_EVERY)
                if piece is None:
                    return
                self._send(piece)

    def _send(self, piece: Piece) -> None:
        self._last[piece.stream].append(piece.text)
        if self.stopped.is_set():
            return
        self._seq += 1
        self._post("log", {"stream": piece.stream, "chunk": piece.text, "seq": self._seq})

    def _report(self, body: Mapping[str, Any]) -> None:
        answer = self._post("report", body)
        if answer is not None and not answer.ok:
            self.say(f"{self.id}: report refused with {answer.status}")

    def _post(self, what: str, body: Mapping[str, Any]) -> Answer | None:
        """Say something about the run until it is heard; an answer that says stop ends the work."""
        asked_at = time.monotonic()
        answer = self.client.insist(
            f"tasks/{self.id}/{what}", body, token=self.task.get("runToken"), give_up=self.stopped
        )
        if answer is not None and answer.ok:
            self.lease.renewed(asked_at=asked_at)
        elif answer is not None and answer.stops:
            self.stop("the server says so")
        return answer

    def _outcome(self, code: int) -> dict[str, Any]:
        result = {"exitCode": code}
        if code == 0:
            return {"status": "completed", "summary": self._words("stdout"), "result": result}
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        return {"status": "failed", "errors": [f"{how}: {self._words('stderr')}".rstrip(": ")], "result": result}

    def _words(self, stream: str) -> str:
        return "".join(self._last[stream]).strip()[-LAST_WORDS:]
