"""Where throw-away servers keep what is worth keeping between two of them."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from config.services.accounts import Account

ROOT_CACHE = Path("/var/cache/everbeat")


def cache_folder(account: Account) -> Path | None:
    """A folder that belongs to us alone and that the account can enter, or None where none can be made."""
    if account.drop:
        cache = ROOT_CACHE
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "everbeat"
    try:
        cache.mkdir(mode=0o711 if account.drop else 0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    enterable = not account.drop or all(account.may(folder, 1) for folder in (cache, *cache.parents))
    return cache if cache.stat().st_uid == os.geteuid() and enterable else None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`: of several processes that want to fill it, one does and the others find it filled."""
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
