"""Start both servers on a state folder: the front door of this package.

`state_dir` keeps `services.lock` (who uses it), `services.json` (passwords and ports, 0600) and `services.env` (the
two addresses for a shell, 0600). The data is in `postgres/` and `valkey/` beside them, or where `service_home` says.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from config.services.accounts import Account, service_account, service_home
from config.services.binaries import PostgresBinaries, find_postgres, find_valkey
from config.services.cache import cache_folder, locked
from config.services.errors import ServiceError
from config.services.ports import usable_port
from config.services.postgres import check_version, make_cluster, postgres_server, write_private
from config.services.server import Server
from config.services.template import make_throwaway_cluster
from config.services.valkey import valkey_server

START_TRIES = 3


@dataclass(frozen=True)
class Access:
    """How to reach the two servers; kept in `services.json`, so that the next start finds the same."""

    postgres_password: str
    postgres_port: int
    valkey_password: str
    valkey_port: int


class Services:
    """Two running servers. Stop them with `stop`, or use this as a context manager."""

    def __init__(self, postgres: Server, valkey: Server, lock: IO[str], deleted_at_end: Path | None) -> None:
        self.postgres = postgres
        self.valkey = valkey
        self._lock = lock
        self._deleted_at_end = deleted_at_end

    @property
    def database_url(self) -> str:
        """For DATABASE_URL."""
        return self.postgres.url

    @property
    def redis_url(self) -> str:
        """For REDIS_URL."""
        return self.valkey.url

    def fill_in(self, env: MutableMapping[str, str]) -> None:
        """Set DATABASE_URL and REDIS_URL in `env` where they are missing or empty."""
        for name, url in (("DATABASE_URL", self.database_url), ("REDIS_URL", self.redis_url)):
            env[name] = env.get(name) or url

    def stop(self) -> None:
        """Stop both in order and give the state folder free. Does nothing the second time."""
        if self._lock.closed:
            return
        try:
            self.valkey.stop()
            self.postgres.stop()
        finally:
            self._lock.close()
            if self._deleted_at_end is not None:
                shutil.rmtree(self._deleted_at_end, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_services(state_dir: Path, *, durable: bool = True) -> Services:
    """Start PostgreSQL and Valkey on `state_dir`, made if need be, and return when both accept clients.

    A second start finds the data of the first. `durable=False` is for throw-away clusters in a folder that the caller
    deletes: no fsync, no append-only file. Raises ServiceError when another launcher uses the folder, when the
    programs are missing, or when a server does not start. The servers die with this process, however it dies.
    """
    account = service_account()
    home = service_home(state_dir, account)
    lock = _lock(state_dir)
    # Throw-away data that had to go elsewhere is ours to delete; the caller does not know of it.
    deleted_at_end = home if not durable and home != state_dir.resolve() else None
    try:
        postgres, valkey = _start(state_dir, home, account, durable=durable)
    except BaseException:
        lock.close()
        raise
    return Services(postgres, valkey, lock, deleted_at_end)


def _start(state_dir: Path, home: Path, account: Account, *, durable: bool) -> tuple[Server, Server]:
    binaries, program = _programs(home, account, durable=durable)
    access = _prepared(state_dir, home, binaries, account, durable=durable)
    for attempt in range(1, START_TRIES + 1):
        postgres = postgres_server(
            home, access.postgres_port, access.postgres_password, binaries, account, durable=durable
        )
        valkey = valkey_server(home, access.valkey_port, access.valkey_password, program, account, durable=durable)
        try:
            _start_together(postgres, valkey)
        except ServiceError as error:
            if attempt == START_TRIES or "Address already in use" not in str(error):
                raise
            # Somebody took a port between our look and the server's bind.
            access = _with_usable_ports(access, state_dir)
            continue
        _write_addresses(state_dir, postgres, valkey)
        return postgres, valkey
    raise AssertionError("unreachable: the last try raises")


def _programs(home: Path, account: Account, *, durable: bool) -> tuple[PostgresBinaries, Path]:
    """Both programs. Where they must be copied, throw-away servers share one copy."""
    copies = home if durable else cache_folder(account) or home
    with locked(copies):
        return find_postgres(account, copies), find_valkey(account, copies)


def _start_together(postgres: Server, valkey: Server) -> None:
    try:
        postgres.launch()
        valkey.launch()
        postgres.wait_ready()
        valkey.wait_ready()
    except BaseException:
        valkey.stop()
        postgres.stop()
        raise


def _prepared(state_dir: Path, home: Path, binaries: PostgresBinaries, account: Account, *, durable: bool) -> Access:
    """Make the cluster on the first start; choose ports. The passwords are saved before anything depends on them."""
    access, folder = _read_access(state_dir), home / "postgres"
    if access is None:
        if (folder / "data").is_dir():
            raise ServiceError(
                f"{state_dir / 'services.json'} is missing, but {folder / 'data'} has data that only its password "
                f"opens. Restore that file from a backup, or move the data away to start with an empty database."
            )
        access = Access(secrets.token_urlsafe(32), 0, secrets.token_urlsafe(32), 0)
        if not durable:
            access = dataclasses.replace(access, postgres_password=make_throwaway_cluster(folder, binaries, account))
    access = _with_usable_ports(access, state_dir)
    if not (folder / "data").is_dir():
        make_cluster(folder, access.postgres_password, binaries, account, durable=durable)
    check_version(folder, binaries)
    return access


def _with_usable_ports(access: Access, state_dir: Path) -> Access:
    postgres_port = usable_port(access.postgres_port)
    valkey_port = usable_port(access.valkey_port, avoid=postgres_port)
    access = dataclasses.replace(access, postgres_port=postgres_port, valkey_port=valkey_port)
    _write_private_here(state_dir / "services.json", json.dumps(dataclasses.asdict(access), indent=2) + "\n")
    return access


def _read_access(state_dir: Path) -> Access | None:
    path = state_dir / "services.json"
    try:
        return Access(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ServiceError(
            f"{path} is damaged ({error}). It holds the passwords of the embedded servers: restore it from a backup, "
            f"or move {state_dir} away to start with an empty database."
        ) from error


def _write_addresses(state_dir: Path, postgres: Server, valkey: Server) -> None:
    lines = (f"export DATABASE_URL={postgres.url}\n", f"export REDIS_URL={valkey.url}\n")
    _write_private_here(state_dir / "services.env", "".join(lines))


def _write_private_here(path: Path, text: str) -> None:
    """Replace a file that only we ourselves can read, in one step."""
    partial = path.with_name(path.name + ".partial")
    write_private(partial, text, Account(os.geteuid(), os.getegid(), drop=False))
    partial.replace(path)


def _lock(state_dir: Path) -> IO[str]:
    """Take the folder's lock; the kernel gives it free when we die."""
    file = (state_dir / "services.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise ServiceError(
            f"Another Everbeat (process {owner}) already runs its servers on {state_dir}. Stop that one first, "
            f"or choose another folder with EVERBEAT_STATE_DIR."
        ) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
