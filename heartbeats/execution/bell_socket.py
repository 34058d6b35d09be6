"""The doorbell of this host's supervisor: a Unix datagram socket whose place everybody can work out."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import tempfile
from pathlib import Path

_NAME = "doorbell"
_MOST_PATH_BYTES = 100  # the kernel takes 107
_MOST_MESSAGE_BYTES = 256


def doorbell_path(runs_dir: Path) -> Path:
    """Beside the run directories; in the folder for temporary files where that path is too long for a socket."""
    path = runs_dir.absolute() / _NAME
    if len(os.fsencode(path)) <= _MOST_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:24]
    return Path(tempfile.gettempdir()) / f"everbeat-{os.getuid()}-{digest}"


def open_doorbell(runs_dir: Path) -> socket.socket:
    """Bind the doorbell, in place of one that a dead supervisor left. The caller holds the host's lock."""
    path = doorbell_path(runs_dir)
    path.unlink(missing_ok=True)
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    bell.setblocking(False)
    bell.bind(str(path))
    path.chmod(0o600)
    return bell


def answer(bell: socket.socket) -> list[tuple[str, str]]:
    """Everything that has rung: (event, run id), in order, equal rings once. Malformed ones are ignored."""
    rung: dict[tuple[str, str], None] = {}
    while True:
        try:
            message = bell.recv(_MOST_MESSAGE_BYTES)
        except (BlockingIOError, InterruptedError):
            return list(rung)
        event, _, run_id = message.decode("ascii", "replace").partition(" ")
        if run_id:
            rung[event, run_id] = None


def ring_doorbell(runs_dir: Path, event: str, run_id: str) -> None:
    """Ring for the supervisor of this host. Nobody there, or no room: nothing happens, it looks by itself later."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.setblocking(False)
        with contextlib.suppress(OSError):
            bell.sendto(f"{event} {run_id}".encode(), str(doorbell_path(runs_dir)))
