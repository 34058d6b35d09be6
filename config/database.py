"""The one PostgreSQL, for connections that Django does not manage: LISTEN, advisory locks."""

from __future__ import annotations

from typing import Any

from psycopg.conninfo import make_conninfo


def conninfo(database: dict[str, Any]) -> str:
    """A libpq connection string for an entry of DATABASES."""
    return make_conninfo(
        dbname=database["NAME"],
        user=database["USER"] or None,
        password=database["PASSWORD"] or None,
        host=database["HOST"] or None,
        port=database["PORT"] or None,
    )
