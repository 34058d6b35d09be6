"""The tests build their tables from the models: here is why that proves something about a migrated database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection

from config.env import BASE_DIR

# Of our own apps. Names that Django derives from a hash of the columns' order count as equal.
_OURS = "~ '^(agents|issues|heartbeats|recovery)_'"
_COLUMNS = f"""
select table_name, column_name, data_type, is_nullable, column_default, character_maximum_length
from information_schema.columns where table_schema = 'public' and table_name {_OURS}
"""
_CONSTRAINTS = f"""
select conrelid::regclass::text, regexp_replace(conname, '_[0-9a-f]{{8}}(_|$)', '_#\\1'), pg_get_constraintdef(oid)
from pg_constraint where connamespace = 'public'::regnamespace and conrelid::regclass::text {_OURS}
"""
_INDEXES = f"""
select tablename, regexp_replace(indexdef, '_[0-9a-f]{{8}}(_|\\y)', '_#\\1')
from pg_indexes where schemaname = 'public' and tablename {_OURS}
"""
_TRIGGERS = "select tgrelid::regclass::text, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal"


@contextmanager
def _migrated() -> Iterator[str]:
    """The address of a database beside the test's own, made by the migrations alone."""
    own = os.environ["DATABASE_URL"]
    name = f"migrated_{os.getpid()}"
    with psycopg.connect(own, autocommit=True) as link:
        link.execute(f"create database {name}")
        url = urlunsplit(urlsplit(own)._replace(path=f"/{name}"))
        try:
            migrate = [sys.executable, "-W", "ignore", "manage.py", "migrate", "-v", "0"]
            subprocess.run(migrate, cwd=BASE_DIR, check=True, env={**os.environ, "DATABASE_URL": url})
            yield url
        finally:
            link.execute(f"drop database {name} with (force)")


@pytest.mark.django_db
def test_the_migrations_make_what_the_models_say() -> None:
    with _migrated() as url, psycopg.connect(url) as migrated, connection.cursor() as ours:
        for question in (_COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS):
            ours.execute(question)
            made, said = set(migrated.execute(question).fetchall()), set(ours.fetchall())
            assert made - said == set()
            assert said - made == set()
