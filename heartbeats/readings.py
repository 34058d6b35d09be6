"""Reading single values out of JSON that other programs wrote. Nothing here raises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

JsonObject = dict[str, Any]


def text_of(value: object) -> str | None:
    """The string as it is, or None for anything else and for blank strings."""
    return value if isinstance(value, str) and value.strip() else None


def first_text(*values: object) -> str | None:
    """The first value that is a non-blank string."""
    return next((value for value in values if isinstance(value, str) and value.strip()), None)


def object_of(value: object) -> JsonObject:
    """A copy of the object, or an empty one for anything else."""
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def list_of(value: object) -> list[Any]:
    """A copy of the array, or an empty one for anything else."""
    return list(value) if isinstance(value, list | tuple) else []


def number_of(value: object, default: float) -> float:
    """The finite number, or the default. Booleans and numeric strings are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    try:
        number = float(value)
    except OverflowError:
        return default
    return number if math.isfinite(number) else default


def count_of(value: object, default: int = 0) -> int:
    """The number rounded down and never negative, or the default."""
    return max(0, math.floor(number_of(value, default)))


def flag_of(value: object, *, default: bool) -> bool:
    """The boolean, or the default for anything else."""
    return value if isinstance(value, bool) else default
