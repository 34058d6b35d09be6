"""Under which account the servers run, and where that account can reach its files.

PostgreSQL refuses to run as root. As root the servers therefore run as `postgres` or `nobody`, and only the child
process changes its user. An account that cannot reach a folder gets a copy of it, or another folder: permissions of
folders that we did not create are never widened.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pwd
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.services.errors import ServiceError

ROOT_HOME = Path("/var/lib/everbeat")
CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """The user that owns the servers' files and runs their processes. `drop` is True when we are root."""

    uid: int
    gid: int
    drop: bool

    def popen_identity(self) -> dict[str, int | Sequence[int]]:
        """Keyword arguments for `subprocess.Popen` that run a child as this account; empty when we already are it."""
        return {"user": self.uid, "group": self.gid, "extra_groups": ()} if self.drop else {}

    def own(self, path: Path) -> Path:
        """Hand `path`, which we created, to this account."""
        if self.drop:
            os.chown(path, self.uid, self.gid)
        return path

    def private_dir(self, path: Path) -> Path:
        """Create `path`, readable by this account only, and hand it over. Does nothing when it exists."""
        if not path.is_dir():
            path.mkdir(mode=0o700)
            self.own(path)
        return path

    def may(self, path: Path, wanted: int) -> bool:
        """Whether this account has the permission bits `wanted` (4 read, 1 enter or execute) on `path` itself."""
        info = path.stat()
        if info.st_uid == self.uid:
            return (info.st_mode >> 6) & wanted == wanted
        if info.st_gid == self.gid:
            return (info.st_mode >> 3) & wanted == wanted
        return info.st_mode & wanted == wanted

    def reaches(self, path: Path) -> bool:
        """Whether this account can enter every folder down to `path` and read (and enter or run) what is there."""
        if not self.drop:
            return True
        resolved = path.resolve()
        wanted = 5 if resolved.is_dir() or resolved.stat().st_mode & stat.S_IXUSR else 4
        return all(self.may(parent, 1) for parent in resolved.parents) and self.may(resolved, wanted)


@functools.cache
def service_account() -> Account:
    """The account of the servers: ourselves, or as root the first of `postgres` and `nobody` that exists.

    Raises ServiceError when we are root and neither exists.
    """
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), drop=False)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid, drop=True)
    raise ServiceError(
        "PostgreSQL does not run as root and this system has neither a `postgres` nor a `nobody` user. "
        "Run as an ordinary user, create one (`useradd --system postgres`), or set DATABASE_URL and REDIS_URL."
    )


def service_home(state_dir: Path, account: Account) -> Path:
    """The folder that holds the servers' data: `state_dir`, unless the account cannot reach it.

    That is the case for root in a private folder such as a home directory. The data then lives under
    /var/lib/everbeat in a folder named after `state_dir`, so that the next start finds it again.
    """
    state_dir.mkdir(mode=0o711 if account.drop else 0o700, parents=True, exist_ok=True)
    resolved = state_dir.resolve()
    if not account.drop or all(account.may(folder, 1) for folder in (resolved, *resolved.parents)):
        return resolved
    home = ROOT_HOME / hashlib.sha256(os.fsencode(resolved)).hexdigest()[:16]
    home.mkdir(mode=0o711, parents=True, exist_ok=True)
    return home
