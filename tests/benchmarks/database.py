"""Real servers and every table, for measurements that call the verbs themselves and not the API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import django

from config.services import throwaway_services

_KEPT = {"django_content_type", "auth_permission", "django_migrations"}


@contextmanager
def bare_installation() -> Iterator[None]:
    """Throw-away servers with every table, and Django set up on them. Once per process."""
    with throwaway_services() as services:
        os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = services.database_url, services.redis_url
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        os.environ["EVERBEAT_LOG_LEVEL"] = "ERROR"
        django.setup()
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
        yield


def empty_tables() -> None:
    """Remove every row of ours."""
    from django.db import connection

    tables = [name for name in connection.introspection.table_names() if name not in _KEPT]
    with connection.cursor() as cursor:
        cursor.execute(f"truncate {', '.join(map(connection.ops.quote_name, tables))}")


def analyse() -> None:
    """Let the planner know what is there."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("analyze")
