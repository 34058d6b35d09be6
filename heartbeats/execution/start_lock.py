"""The proof that somebody still works on a start: a lock on a file in the run directory that dies with its owner."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from heartbeats.execution.rundir import RunDir
from heartbeats.execution.shim_parts.logfile import LOG_NAME

_NAME = ".starting"
_SEIZED_NAME = ".seized"


@contextmanager
def starting(directory: RunDir) -> Iterator[None]:
    """Hold the lock for the block. Raises OSError (BlockingIOError when another starter holds it)."""
    handle = os.open(directory.path / _NAME, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def is_starting(directory: RunDir) -> bool:
    """Whether a living starter works on this directory."""
    try:
        handle = os.open(directory.path / _NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def seize(directory: RunDir) -> bool:
    """Make every later launch in this directory impossible: take the claim that a launch needs (the log file).

    True, also when repeated: nothing was launched here, and nothing will be. False: a shim was faster. Raises OSError
    when the disk refuses.
    """
    mark = directory.path / _SEIZED_NAME
    try:
        os.close(os.open(directory.path / LOG_NAME, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return mark.exists()
    mark.touch(0o600)
    return True
