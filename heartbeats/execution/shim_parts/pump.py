"""The shim's only loop: feed stdin, drain stdout and stderr into the log, and notice the end of the command."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import select
import time

from heartbeats.execution.shim_parts.bell import Bell
from heartbeats.execution.shim_parts.deadman import DeadMan
from heartbeats.execution.shim_parts.logfile import LogFile
from heartbeats.execution.shim_parts.sanitise import LINE_LIMIT_CHARS, StreamText

READ_BYTES = 64 * 1024
DRAIN_SEC = 1.0


class Output:
    """One output stream of the command: its pipe, its text pipeline and its totals."""

    def __init__(self, name: str, fd: int, forms: list[str], line_limit: int = LINE_LIMIT_CHARS) -> None:
        self.name = name
        self.fd = fd
        self.text = StreamText(forms, line_limit)
        self.total = 0
        self.last_at: float | None = None
        self.open = True


class Pump:
    """Runs until the command has ended and its pipes are drained."""

    def __init__(self, child_pid: int, outputs: list[Output], log: LogFile, bell: Bell, deadman: DeadMan) -> None:
        self._child_pid = child_pid
        self._outputs = outputs
        self._by_fd = {output.fd: output for output in outputs}
        self._log = log
        self._bell = bell
        self._deadman = deadman
        self._stdin_fd = -1
        self._stdin = memoryview(b"")
        self._poll = select.poll()
        self._wake_fd = -1
        self._drain_until = 0.0
        self.wait_status: int | None = None
        self.ended_at = 0.0

    def send_stdin(self, fd: int, text: str) -> None:
        """Feed this text to the command as fast as it reads, then close its stdin."""
        self._stdin_fd, self._stdin = fd, memoryview(text.encode("utf-8", "surrogatepass"))
        os.set_blocking(fd, False)
        self._poll.register(fd, select.POLLOUT)

    def run(self) -> None:
        """Return when the command has ended and its output is stored or counted."""
        self._wake_on_child_exit()
        for output in self._outputs:
            os.set_blocking(output.fd, False)
            self._poll.register(output.fd, select.POLLIN)
        self._reap()
        while not self._finished():
            for fd, _events in self._poll.poll(self._timeout_ms()):
                self._serve(fd)
            now = time.monotonic()
            self._bell.ring_if_due(now)
            if self.wait_status is None:
                self._deadman.check(now, self._child_pid)
        for output in self._outputs:
            self._log.write(output.name, output.text.feed(b"", final=True), 0)

    def pipes_held(self) -> bool:
        """True when somebody other than the command still holds an output pipe open."""
        return any(output.open for output in self._outputs)

    def _finished(self) -> bool:
        if self.wait_status is None:
            return False
        return not self.pipes_held() or time.monotonic() >= self._drain_until

    def _timeout_ms(self) -> float | None:
        deadlines = [at for at in (self._bell.due, self._deadman.due) if at is not None]
        if self.wait_status is not None:
            deadlines = [self._drain_until, *([self._bell.due] if self._bell.due is not None else [])]
        if not deadlines:
            return None
        return max(0.0, (min(deadlines) - time.monotonic()) * 1000)

    def _serve(self, fd: int) -> None:
        if fd == self._wake_fd:
            os.read(fd, 4096)
            self._reap()
        elif fd == self._stdin_fd:
            self._push_stdin()
        else:
            self._drain(self._by_fd[fd])

    def _drain(self, output: Output) -> None:
        try:
            data = os.read(output.fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._poll.unregister(output.fd)
            os.close(output.fd)
            output.open = False
            return
        output.total += len(data)
        output.last_at = time.time()
        if self._log.full:
            self._log.drop(len(data))
        else:
            text = output.text.feed(data)
            if text:
                self._log.write(output.name, text, len(data))
        self._bell.output_seen(time.monotonic())

    def _push_stdin(self) -> None:
        try:
            self._stdin = self._stdin[os.write(self._stdin_fd, self._stdin[:READ_BYTES]) :]
        except BlockingIOError:
            return
        except OSError:
            # The command closed its stdin or ended; it does not want the rest.
            self._stdin = memoryview(b"")
        if not self._stdin:
            self._poll.unregister(self._stdin_fd)
            os.close(self._stdin_fd)
            self._stdin_fd = -1

    def _wake_on_child_exit(self) -> None:
        self._wake_fd, write_end = os.pipe()
        os.set_blocking(self._wake_fd, False)
        os.set_blocking(write_end, False)
        _signal.signal(_signal.SIGCHLD, lambda _number, _frame: None)
        _signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        self._poll.register(self._wake_fd, select.POLLIN)

    def _reap(self) -> None:
        if self.wait_status is not None:
            return
        pid, status = os.waitpid(self._child_pid, os.WNOHANG)
        if pid:
            self.wait_status = status
            self.ended_at = time.time()
            self._drain_until = time.monotonic() + DRAIN_SEC
