"""Which host this is, and the lock that keeps it to one supervisor."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from heartbeats.execution.identity import current_boot_id

_LOCK_NAME = "supervisor.lock"


@dataclass(frozen=True, slots=True)
class ThisHost:
    """The incarnation of a host: its name, and the boot it lives in."""

    name: str
    boot_id: str
    labels: tuple[str, ...]
    capacity: int


class AlreadySupervised(Exception):
    """Another supervisor works on these run directories."""


def this_host() -> ThisHost:
    """As the settings and the kernel say. Raises OSError where the kernel gives no boot id."""
    return ThisHost(settings.HOST_ID, current_boot_id(), tuple(settings.HOST_LABELS), settings.HOST_CAPACITY)


def lock_runs(runs_dir: Path) -> int:
    """Take the lock on the run directories, held until this process ends. Raises AlreadySupervised."""
    runs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(runs_dir / _LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise AlreadySupervised(f"another supervisor works on {runs_dir}") from None
    return handle
