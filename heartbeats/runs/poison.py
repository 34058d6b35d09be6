"""A run that ends those who execute it is not given to them for ever (spec/3 K.16, spec/6 fault 28)."""

from __future__ import annotations

# Executions that died together with their supervisor, counted over a run and the runs that repeat it.
MOST_KILLS = 3


def is_poison(kills: int) -> bool:
    """Whether the run has had the last execution that may die unwatched: it is parked for people."""
    return kills >= MOST_KILLS
