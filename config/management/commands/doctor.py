"""`manage.py doctor`: is this installation well, and if not, what to do about it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core import checks as system_checks
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from config.common.clock import database_now, utc_now
from config.health import Check, checks

CLOCK_SLACK_SEC = 2.0
DISK_FREE_BYTES = 2**30
PACKAGES = ("django", "celery", "channels", "psycopg", "redis")


class Command(BaseCommand):
    """Prints one line per check with a hint where something is wrong; exit code 1 when anything is."""

    help = "Checks settings, services, versions, clock, disk and the freshness of every sweep."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--json` for programs."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Run every check."""
        found = list(diagnose())
        if options["json"]:
            self.stdout.write(json.dumps({check.name: check.problem or "ok" for check in found}))
        else:
            for check in found:
                mark = self.style.SUCCESS("ok  ") if check.ok else self.style.ERROR("FAIL")
                self.stdout.write(f"{mark} {check.name}{'' if check.ok else ': ' + str(check.problem)}")
        if not all(check.ok for check in found):
            sys.exit(1)


def diagnose() -> Iterator[Check]:
    """Every check of the installation: first what needs no service, then the services, then what runs on them."""
    yield Check(
        f"versions: python {sys.version.split()[0]}, " + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    )
    yield from _settings()
    for name in ("STATE_DIR", "RUNS_DIR"):
        yield _disk(name, Path(getattr(settings, name)))
    services = checks()
    yield from services
    if services[0].ok:
        yield _server_version()
        yield _clock(database_now(), utc_now())
        yield _migrations()
    yield _broker_policy()


def _settings() -> Iterator[Check]:
    problems = system_checks.run_checks(include_deployment_checks=not settings.DEBUG)
    for problem in problems:
        hint = f" {problem.hint}" if problem.hint else ""
        yield Check(f"settings {problem.id}", f"{problem.msg}{hint}")
    if not problems:
        yield Check("settings")


def _disk(name: str, path: Path) -> Check:
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    problem = f"only {free // 2**20} MiB free at {name}: make room, or runs will lose their logs"
    return Check(f"disk {name}", problem if free < DISK_FREE_BYTES else None)


def _server_version() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("show synchronous_commit")
        durable = cursor.fetchone()[0]
    number = connection.pg_version  # type: ignore[attr-defined]
    problem = (
        None if durable != "off" else "synchronous_commit is off: an acknowledged heartbeat can be lost in a crash"
    )
    return Check(f"postgresql {number // 10_000}", problem)


def _clock(theirs: datetime, ours: datetime) -> Check:
    skew = abs((theirs - ours).total_seconds())
    problem = f"this host's clock is {skew:.1f} s off the database's: run a time service on both"
    return Check("clock", problem if skew > CLOCK_SLACK_SEC else None)


def _migrations() -> Check:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as problem:
        return Check("migrations", f"cannot be read ({problem}): run `manage.py migrate`")
    return Check("migrations", f"{len(missing)} are missing: run `manage.py migrate`" if missing else None)


def _broker_policy() -> Check:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    try:
        policy = str(client.info("memory").get("maxmemory_policy", ""))
    except (redis.RedisError, OSError):
        return Check("broker memory policy", "unknown: the broker does not answer")
    finally:
        client.close()
    problem = f"is {policy}: set `maxmemory-policy noeviction`, or messages vanish when memory is full"
    return Check("broker memory policy", None if policy == "noeviction" else problem)
