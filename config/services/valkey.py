"""An embedded Valkey (the open Redis): write its configuration, then describe how to run it."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from config.services.accounts import Account
from config.services.postgres import write_private
from config.services.server import Server, ServerSpec

DATABASES = 64  # one for each parallel test worker, with room

COMMON_SETTINGS = {
    "bind": "127.0.0.1",
    "databases": str(DATABASES),
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",  # a full Redis refuses a message; it must not forget one silently
    "save": '""',
    "daemonize": "no",
    "dir": "./",
    "pidfile": "./valkey.pid",
}
DURABLE_SETTINGS = {"appendonly": "yes", "appendfsync": "everysec"}
THROWAWAY_SETTINGS = {"appendonly": "no"}


def valkey_server(home: Path, port: int, password: str, program: Path, account: Account, *, durable: bool) -> Server:
    """A handle on the Valkey in `home`/valkey. Writes its configuration and starts nothing."""
    folder = account.private_dir(home / "valkey")
    secret = {"port": str(port), "requirepass": password}
    settings = COMMON_SETTINGS | (DURABLE_SETTINGS if durable else THROWAWAY_SETTINGS) | secret
    # In a file, because the arguments of a process are public.
    write_private(folder / "valkey.conf", "".join(f"{k} {v}\n" for k, v in settings.items()), account)
    spec = ServerSpec(
        name="Valkey",
        argv=(str(program), str(folder / "valkey.conf")),
        folder=folder,
        log=home / "valkey.log",
        pid_file=folder / "valkey.pid",
        port=port,
        account=account,
        stop_signal=signal.SIGTERM,
        immediate_signal=signal.SIGKILL,
        is_ready=lambda _pid: _answers(port, password),
    )
    return Server(spec, f"redis://:{password}@127.0.0.1:{port}/0")


def _answers(port: int, password: str) -> bool:
    """Whether a PING with our password is answered; a server that still loads its data answers with an error."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (piece := connection.recv(256)):
                answer += piece
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"
