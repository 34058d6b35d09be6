"""Free TCP ports on the loopback address."""

from __future__ import annotations

import socket


def usable_port(preferred: int = 0, *, avoid: int = 0) -> int:
    """`preferred` when nobody listens there, else any free port other than `avoid`.

    Another process may take the port before it is used: whoever binds it must be ready to try again.
    """
    if preferred and preferred != avoid and is_free(preferred):
        return preferred
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port != avoid:
            return port


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could bind `port` now. Connections in TIME_WAIT do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
