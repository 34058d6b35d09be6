"""Somebody else's transaction that holds rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet


@contextmanager
def held(rows: QuerySet[Any]) -> Iterator[None]:
    """Another connection holds these rows locked for the length of the block."""
    holding, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(rows.select_for_update().values_list("pk"))
            holding.set()
            enough.wait(60)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert holding.wait(20)
        yield
    finally:
        enough.set()
        thread.join(10)
