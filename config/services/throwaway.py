"""Servers for one test run or one command: fast to start, empty, deleted at the end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from config.services.launcher import Services, start_services

PREFIX = "everbeat-test-"
MEMORY = Path("/dev/shm")  # noqa: S108 (a private folder is made in it)
MEMORY_WANTED = 4 * 1024**3
ABANDONED_AFTER_SECONDS = 60.0  # younger folders may not have taken their lock yet


@contextlib.contextmanager
def throwaway_services() -> Iterator[Services]:
    """Two servers on an empty folder that is deleted at the end of the block. Nothing in them is durable."""
    parent = fastest_parent()
    remove_abandoned(parent, now=time.time())
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        folder.chmod(0o711)  # as root, the servers' account must be able to pass through
        with start_services(folder, durable=False) as services:
            yield services
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(parent: Path, *, now: float) -> list[Path]:
    """Delete what killed test runs left in `parent`: our own folders whose lock nobody holds. Returns them."""
    return [folder for folder in parent.glob(f"{PREFIX}*") if _is_abandoned(folder, now) and _delete(folder)]


def fastest_parent() -> Path:
    """Memory where there is plenty of it, since a new cluster is a thousand small files; TMPDIR wins as usual."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_WANTED
    roomy = roomy and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC  # programs may be copied there
    return MEMORY if roomy and "TMPDIR" not in os.environ else Path(tempfile.gettempdir())


def _is_abandoned(folder: Path, now: float) -> bool:
    try:
        info = folder.lstat()
        if info.st_uid != os.geteuid() or now - info.st_mtime < ABANDONED_AFTER_SECONDS:
            return False
        with (folder / "services.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False  # held, or not a folder of ours
    return True


def _delete(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
