"""This process's nursery of shims: started with the first launch, replaced when it is gone."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from heartbeats.execution import shim_parts

SHIM = Path(shim_parts.__file__).parent.parent / "shim.py"

_lock = threading.Lock()
_current: Nursery | None = None


class Nursery:
    """A running nursery. It ends when the last copy of its socket is closed: with the process that started it."""

    def __init__(self, runs_dir: Path) -> None:
        self.pid = os.getpid()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                # The folder is for people who read the list of processes.
                [sys.executable, "-I", "-S", "-X", "utf8", str(SHIM), str(runs_dir)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                close_fds=True,
                start_new_session=True,
            )

    @property
    def child_pid(self) -> int:
        """The nursery's own process."""
        return self._process.pid

    def lives(self) -> bool:
        """Whether it can be asked; a dead one is reaped."""
        return self._process.poll() is None

    def close(self) -> None:
        """Let it go, and wait for its end if it is this process's child. Shims live on."""
        self._socket.close()
        if self.pid == os.getpid():
            self._process.wait()

    def bear(self, run_dir: Path, conversation: socket.socket) -> None:
        """Have a shim for `run_dir` that listens on `conversation`. Raises OSError if the nursery is gone."""
        socket.send_fds(self._socket, [os.fsencode(run_dir.absolute())], [conversation.fileno()])


def nursery(runs_dir: Path) -> Nursery:
    """The nursery of this process. A fork has its own: its parent's is not its child. Raises OSError."""
    global _current  # noqa: PLW0603 - one per process is what it is for
    with _lock:
        if _current is not None and (_current.pid != os.getpid() or not _current.lives()):
            _current.close()
            _current = None
        if _current is None:
            _current = Nursery(runs_dir)
            atexit.register(_current.close)
        return _current
