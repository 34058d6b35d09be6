"""The database itself refuses what the code must never do (DESIGN 3)."""

from __future__ import annotations

import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_database_is_a_real_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select version()")
        assert "PostgreSQL 18" in cursor.fetchone()[0]


def test_after_an_outage_of_any_length_a_process_tries_to_connect_again_within_seconds() -> None:
    """The pool doubles its pauses up to this limit; five minutes, as it would have them, is as long an outage again."""
    assert connection.settings_dict["OPTIONS"]["pool"]["reconnect_timeout"] <= 5
