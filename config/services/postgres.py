"""An embedded PostgreSQL: make its cluster once, then describe how to run it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from config.services.accounts import Account
from config.services.binaries import PostgresBinaries
from config.services.errors import ServiceError
from config.services.server import Server, ServerSpec

DATABASE = "everbeat"
USER = "everbeat"
BUILTIN_LOCALES_SINCE = 17
INITDB_SETTINGS_SINCE = 16

COMMON_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
DURABLE_SETTINGS = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",  # the folder may be in memory
}


def postgres_server(
    home: Path, port: int, password: str, binaries: PostgresBinaries, account: Account, *, durable: bool
) -> Server:
    """A handle on the cluster `home`/postgres/data, which must exist (`make_cluster`). Starts nothing."""
    data = home / "postgres" / "data"
    settings = COMMON_SETTINGS | (DURABLE_SETTINGS if durable else THROWAWAY_SETTINGS) | {"port": str(port)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    pid_file = data / "postmaster.pid"
    spec = ServerSpec(
        name="PostgreSQL",
        argv=(str(binaries.postgres), "-D", str(data), *options),
        folder=data,
        log=home / "postgres.log",
        pid_file=pid_file,
        port=port,
        account=account,
        stop_signal=signal.SIGINT,  # fast shutdown; SIGTERM would wait for every client to leave
        immediate_signal=signal.SIGQUIT,
        is_ready=lambda pid: _is_ready(pid_file, pid),
    )
    return Server(spec, f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}")


def make_cluster(folder: Path, password: str, binaries: PostgresBinaries, account: Account, *, durable: bool) -> None:
    """Create the cluster `folder`/data with our database in it, unless it exists.

    It is made beside its place and renamed, so that a crash half-way leaves nothing that looks complete.
    Raises ServiceError with the output of initdb.
    """
    account.private_dir(folder)
    partial = folder / "data.partial"
    shutil.rmtree(partial, ignore_errors=True)
    password_file = folder / "initdb-password"
    write_private(password_file, password, account)
    try:
        _run([str(part) for part in _initdb(binaries, partial, password_file, durable=durable)], folder, account)
    finally:
        password_file.unlink()
    # Single-user mode: the database exists before anybody can connect, and nobody has to wait for a server.
    create = [str(binaries.postgres), "--single", "-D", str(partial), "-c", f"fsync={'on' if durable else 'off'}"]
    _run([*create, "postgres"], folder, account, f"CREATE DATABASE {DATABASE}\n")
    partial.rename(folder / "data")


def check_version(folder: Path, binaries: PostgresBinaries) -> None:
    """Raise ServiceError when the existing cluster was made by another major version."""
    made_by = (folder / "data" / "PG_VERSION").read_text().strip()
    if made_by != str(binaries.version):
        raise ServiceError(
            f"The data in {folder / 'data'} was made by PostgreSQL {made_by}; the one found here is "
            f"{binaries.version} ({binaries.bin_dir}). Install PostgreSQL {made_by} (`apt-get install "
            f"postgresql-{made_by}`), or dump and restore it, or move that folder away to start with an empty database."
        )


def write_private(path: Path, text: str, account: Account) -> None:
    """Write a file that only `account` can read; it never exists with wider permissions."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    account.own(path)


def _initdb(binaries: PostgresBinaries, data: Path, password_file: Path, *, durable: bool) -> list[str | Path]:
    argv: list[str | Path] = [binaries.initdb, "-D", data, "-U", USER, "--pwfile", password_file]
    argv += ["--encoding=UTF8", "--auth=scram-sha-256"]
    if binaries.version >= BUILTIN_LOCALES_SINCE:
        argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    else:
        argv += ["--locale=C.UTF-8"]
    if binaries.version >= INITDB_SETTINGS_SINCE:
        # The password is 256 random bits: stretching it would only slow every connection down.
        argv += ["-c", "scram_iterations=1"]
    return argv if durable else [*argv, "--no-sync", "--no-instructions"]


def _run(argv: list[str], folder: Path, account: Account, given: str = "") -> None:
    done = subprocess.run(  # type: ignore[call-overload]
        argv,
        cwd=folder,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
        **account.popen_identity(),
    )
    if done.returncode != 0:
        output = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise ServiceError(f"{Path(argv[0]).name} could not make a PostgreSQL cluster in {folder}:\n{output}")


def _is_ready(pid_file: Path, pid: int) -> bool:
    """The postmaster writes its own pid on line 1 and its state on line 8; other pids are stale."""
    with contextlib.suppress(OSError):
        lines = pid_file.read_text().splitlines()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
    return False
