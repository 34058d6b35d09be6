"""Status changes: a table that says which moves exist, and the one conditional update that makes them.

The update names the status that the caller saw, so of two callers who saw the same one, one wins. DESIGN 4: allowed
moves are data, a status without moves is terminal and never changes, losing is normal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Model, QuerySet


class ForbiddenMove(ValueError):
    """The table has no such move. A fault of the calling code, never of the data."""


class Transitions:
    """Allowed moves `{from: {to, ...}}` of one status column. Every status that is a target also has a row."""

    def __init__(self, table: Mapping[str, Collection[str]], *, field: str = "status") -> None:
        self._table = {str(before): frozenset(map(str, after)) for before, after in table.items()}
        self._field = field
        strangers = frozenset().union(*self._table.values()) - self._table.keys()
        if strangers:
            raise ValueError(f"targets without a row of their own: {sorted(strangers)}")

    @property
    def states(self) -> frozenset[str]:
        """Every status of the table."""
        return frozenset(self._table)

    @property
    def terminal(self) -> frozenset[str]:
        """The statuses that nothing leaves."""
        return frozenset(state for state, after in self._table.items() if not after)

    def allows(self, before: str, after: str) -> bool:
        """Whether the table has this move. Unknown statuses have none; staying put is a move only if listed."""
        return str(after) in self._table.get(str(before), frozenset())

    def sources(self, after: str) -> frozenset[str]:
        """The statuses from which `after` can be reached in one move."""
        return frozenset(before for before in self._table if self.allows(before, after))

    def move(
        self,
        queryset: QuerySet[Any],
        *,
        to: str,
        expected: Collection[str],
        held_epoch: int | None = None,
        **columns: Any,  # noqa: ANN401 - column values, expressions included
    ) -> bool:
        """Move the one row of `queryset` to `to` if it still has an `expected` status; True when this call won.

        With `held_epoch` the row must also carry that `epoch` (a late writer of a reaped attempt loses). `columns`
        are written in the same statement and may hold expressions. Raises ForbiddenMove when the table lacks a move
        from any expected status, and RuntimeError when more than one row moved, which rolls the transaction back.
        """
        moved = self.move_all(queryset, to=to, expected=expected, held_epoch=held_epoch, **columns)
        if moved > 1:
            raise RuntimeError(f"move() is for one row of {queryset.model.__name__}, but {moved} went to {to!r}")
        return moved == 1

    def move_all(
        self,
        queryset: QuerySet[Any],
        *,
        to: str,
        expected: Collection[str],
        held_epoch: int | None = None,
        **columns: Any,  # noqa: ANN401
    ) -> int:
        """As `move`, for every matching row; returns how many moved."""
        self._check(queryset.model, to, expected, columns)
        conditions: dict[str, object] = {f"{self._field}__in": sorted(map(str, expected))}
        if held_epoch is not None:
            conditions["epoch"] = held_epoch
        return queryset.filter(**conditions).update(**{self._field: str(to)}, **columns)

    def _check(self, model: type[Model], to: str, expected: Collection[str], columns: Mapping[str, object]) -> None:
        if isinstance(expected, str) or not expected:
            raise TypeError("expected takes a non-empty collection of statuses, such as {RunStatus.QUEUED}")
        if self._field in columns:
            raise TypeError(f"{self._field} is set by to=, not as a column")
        refused = sorted(str(before) for before in expected if not self.allows(before, to))
        if refused:
            raise ForbiddenMove(f"{model.__name__}.{self._field}: no move from {', '.join(refused)} to {to}")
