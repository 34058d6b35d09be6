"""Fixtures of the whole suite. The servers come from `tests.plugin_services`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest
import pytest_django
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

# A busy machine is slow, not wrong: no deadline for one example, and no complaint that drawing them took long.
settings.register_profile("everbeat", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("everbeat")


def _empty_every_table(self: TransactionTestCase) -> None:
    """Delete what a test committed. Far faster than Django's TRUNCATE: the tables are many and nearly empty."""
    tables = [table for table in connection.introspection.table_names() if table != "django_migrations"]
    deletes = "; ".join(f"delete from {connection.ops.quote_name(table)}" for table in tables if table not in _KEPT)
    with connection.cursor() as cursor:
        cursor.execute(f"set session_replication_role = replica; {deletes}; set session_replication_role = default")


_KEPT = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> None:
    """Tables come straight from the models (tests/config proves the migrations make the same); triggers from theirs."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(import_module("agents.migrations.0003_live_event_doorbell").FORWARD)


@pytest.fixture(autouse=True, scope="session")
def _fast_flush() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", _empty_every_table)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def _look_for_static_files_once() -> Iterator[None]:
    """Every test client loads the middleware anew; the files that it serves are the same each time."""
    find, found = WhiteNoiseMiddleware.add_files_from_finders, dict[str, StaticFile]()

    def remembered(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    patch = pytest.MonkeyPatch()
    patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", remembered)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()
