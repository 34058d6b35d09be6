"""Making one real row refuse every write, by a trigger that the test's end removes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection


@contextmanager
def poisoned(table: str, row_id: UUID) -> Iterator[None]:
    """Inside the block an UPDATE of this row raises, as a corrupt row or a bug would."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"create function poison() returns trigger language plpgsql as $$ begin if old.id = '{row_id}' then "
            f"raise exception 'poison row'; end if; return new; end $$; "
            f"create trigger poison before update on {table} for each row execute function poison()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"drop trigger poison on {table}; drop function poison()")
