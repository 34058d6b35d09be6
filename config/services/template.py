"""A PostgreSQL cluster that is made once and copied for every throw-away start: a copy is much cheaper than initdb."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from pathlib import Path

from config.services.accounts import Account
from config.services.binaries import PostgresBinaries
from config.services.cache import cache_folder, locked
from config.services.errors import ServiceError
from config.services.postgres import make_cluster, write_private

FORMAT = 1  # raise it when the way a cluster is made changes


def make_throwaway_cluster(folder: Path, binaries: PostgresBinaries, account: Account) -> str:
    """Create `folder`/data from the cached template and return its password. Makes the template if need be.

    Where no cache folder can be written (an account without a home) the cluster is made afresh.
    """
    account.private_dir(folder)
    cache = cache_folder(account)
    if cache is None:
        password = secrets.token_urlsafe(32)
        make_cluster(folder, password, binaries, account, durable=False)
        return password
    template = cache / f"postgres-{FORMAT}-{_identity(binaries)}"
    with locked(cache):
        password = _ensure_template(template, binaries, account)
    # As root this keeps the owner; the template is never changed once it is in place.
    done = subprocess.run(
        ["cp", "-Rp", template / "data", folder / "data"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ServiceError(f"The PostgreSQL template in {template} could not be copied:\n{done.stderr.strip()}")
    return password


def _ensure_template(template: Path, binaries: PostgresBinaries, account: Account) -> str:
    """The password of the template, which is made when it is not complete. The password file is written last."""
    password_file = template / "password"
    with contextlib.suppress(FileNotFoundError):
        return password_file.read_text()
    password = secrets.token_urlsafe(32)
    make_cluster(template, password, binaries, account, durable=False)
    write_private(password_file, password, account)
    return password


def _identity(binaries: PostgresBinaries) -> str:
    """Tells two builds of one version apart: a cluster is only good for the build that made it."""
    info = binaries.postgres.stat()
    return f"{binaries.version}-{info.st_size}-{os.geteuid()}"
