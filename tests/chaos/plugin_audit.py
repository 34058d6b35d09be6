"""Pytest plugin: the audit after every test that uses the database, for tests that stand for a row of the table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _audited(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set up after the database and torn down before it, when the test's processes have ended."""
    database = {"db", "transactional_db"} & set(request.fixturenames)
    marked = request.node.get_closest_marker("django_db")
    if not database and marked is None:
        yield
        return
    whole = "transactional_db" in database or (marked is not None and marked.kwargs.get("transaction"))
    request.getfixturevalue("transactional_db" if whole else "db")
    yield
    from recovery.audit.run import audit

    assert [violation.text for violation in audit()] == []
