"""Questions to a starting process: does it answer yet? And to a port: who has it?"""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable

import psutil

from config.services.ports import is_free
from config.up.errors import UpError

PROBE_SECONDS = 2.0


def answers_ok(url: str) -> Callable[[], bool]:
    """A probe that is true when a GET of `url` is answered with 200."""

    def probe() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as answer:  # noqa: S310 (our own address)
                return bool(answer.status == 200)
        except OSError:
            return False

    return probe


def accepts_connections(host: str, port: int) -> Callable[[], bool]:
    """A probe that is true when somebody listens on `port`."""

    def probe() -> bool:
        try:
            socket.create_connection((host, port), timeout=PROBE_SECONDS).close()
        except OSError:
            return False
        return True

    return probe


def refuse_port_in_use(variable: str, host: str, port: int) -> None:
    """Raise UpError, naming the port and where possible the process that has it, unless `port` is free."""
    if not is_free(port, host):
        raise UpError(
            f"Port {port} is already in use{_by_whom(port)}. Is Everbeat running already? "
            f"Stop that process, or choose another port: {variable}={port + 10} make up"
        )


def _by_whom(port: int) -> str:
    """ " by NAME (process PID)", or nothing where the system does not tell us."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and port in connection.laddr
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        return ""  # an ordinary user may not see whose socket it is
    return ""
