"""Hearing PostgreSQL say that this host should look: LISTEN on a connection of its own, read without waiting."""

from __future__ import annotations

import psycopg
import structlog
from django.conf import settings

from config.database import conninfo

CHANNEL = "everbeat_host"
_CONNECT_SEC = 3

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Listener:
    """A connection that listens. After any trouble `fileno` is -1 until it is replaced."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection

    @property
    def fileno(self) -> int:
        """The socket to watch; -1 when the connection is gone."""
        return -1 if self._connection.closed else self._connection.fileno()

    def hear(self) -> list[str]:
        """The payloads that have arrived; never waits. A lost connection is closed, and `fileno` says so."""
        heard: list[str] = []
        try:
            self._connection.pgconn.consume_input()
            while notice := self._connection.pgconn.notifies():
                heard.append(notice.extra.decode("utf-8", "replace"))
        except psycopg.OperationalError as error:
            log.warning("listener_lost", error=str(error))
            self.close()
        return heard

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def listen() -> Listener:
    """Connect and listen; waits a few seconds at most, so it is for the desk. Raises psycopg.OperationalError."""
    connection = psycopg.connect(
        conninfo(settings.DATABASES["default"]),
        autocommit=True,
        connect_timeout=_CONNECT_SEC,
        application_name="everbeat supervise listen",
    )
    connection.execute(f"listen {CHANNEL}")
    return Listener(connection)
