"""Run once before the processes start: migrate the database and make the first operator.

One process does both, because starting Django is most of the cost. What it writes to standard output is for the
person at the terminal and is shown again when everything is ready.
"""

from __future__ import annotations

import os
import sys

import django
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

MIGRATION_LOCK = 0x6576_6572_6265_6174  # "everbeat": two hosts that start together migrate one after the other


def main() -> None:
    """Bring the database up to date and bootstrap an empty one."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            _migrate()
            call_command("bootstrap")
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
    connection.close()


def _migrate() -> None:
    """Apply what is missing. Asking first spares the permission and content-type work of an empty migration."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        print(f"applying {len(missing)} migrations", file=sys.stderr)
        call_command("migrate", interactive=False, verbosity=0)


if __name__ == "__main__":
    main()
