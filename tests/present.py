"""Values that may be absent and must not be."""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """The value, asserted to be there."""
    assert value is not None
    return value
