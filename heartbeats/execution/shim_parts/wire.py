"""Just enough JSON for the shim: the C scanner and the C string encoder, without the modules around them."""

from __future__ import annotations

import os
from _json import encode_basestring, make_scanner

TYPE_CHECKING = False  # the typing module would cost more than all the rest of the start
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class _ScannerContext:
    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # the scanner asks for it and clears it


def loads_object(text: str) -> dict[str, Any]:
    """Parse one JSON object. Raises ValueError on anything else."""
    try:
        value, _end = make_scanner(_ScannerContext())(text, 0)  # type: ignore[arg-type]
    except StopIteration:
        raise ValueError("not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def dumps(value: object) -> str:
    """Write None, booleans, numbers, strings, lists and dicts with string keys as compact JSON."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return str(encode_basestring(value))
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode_basestring(key)}:{dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    raise TypeError(f"cannot write {type(value).__name__}")


def encoded_pieces(text: str, budget: int) -> Iterator[bytes]:
    """The text as JSON strings in UTF-8, each at most `budget` bytes with its quotes; no character is ever split."""
    step = max(1, budget * 15 // 16)
    for start in range(0, len(text), step):
        yield from _fitted(text[start : start + step], budget)


def _fitted(piece: str, budget: int) -> Iterator[bytes]:
    encoded = encode_basestring(piece).encode()
    if len(encoded) <= budget or len(piece) == 1:
        yield encoded
        return
    half = len(piece) // 2
    yield from _fitted(piece[:half], budget)
    yield from _fitted(piece[half:], budget)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte or raise OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
