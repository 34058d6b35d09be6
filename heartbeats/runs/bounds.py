"""Event payloads of bounded size, safe to store as JSON (spec/2 D "Event payloads")."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from itertools import islice
from typing import Any

from heartbeats.readings import JsonObject

MAX_STRING_CHARS = 16 * 1024
MAX_ITEMS = 50
MAX_KEYS = 100
MAX_DEPTH = 6
_KEYS_NAMED = 20

_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


def bound_payload(payload: Mapping[str, Any]) -> JsonObject:
    """A copy within all bounds; every cut is marked in its place.

    Strings are cut at 16 KiB characters, lists at 50 items, objects at 100 keys, nesting at depth 6, cycles where they
    close. What JSON or the database cannot hold is replaced; nothing raises.
    """
    return _bound_object(payload, 0, frozenset({id(payload)}))


def bound_string(text: str) -> str:
    """The text, cut with a mark that says how much is missing; NUL and lone surrogates replaced."""
    if len(text) <= MAX_STRING_CHARS:
        return storable(text)
    return f"{storable(text[:MAX_STRING_CHARS])}\n[truncated {len(text) - MAX_STRING_CHARS} chars]"


def storable(text: str) -> str:
    """The text without NUL and lone surrogates, which neither the database nor an environment can hold."""
    return text.translate(_UNSTORABLE)


def _bound(value: object, depth: int, seen: frozenset[int]) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return bound_string(value)
    if isinstance(value, Mapping | Sequence | AbstractSet) and not isinstance(value, bytes | bytearray | memoryview):
        return _bound_container(value, depth, seen)
    return _scalar(value)


def _bound_container(
    value: Mapping[Any, Any] | Sequence[Any] | AbstractSet[Any], depth: int, seen: frozenset[int]
) -> Any:  # noqa: ANN401 - any JSON value
    if id(value) in seen:
        return "[Circular]"
    within = seen | {id(value)}
    if isinstance(value, Mapping):
        return _bound_object(value, depth, within)
    return _bound_list(value, depth, within)


def _bound_list(value: Sequence[Any] | AbstractSet[Any], depth: int, seen: frozenset[int]) -> Any:  # noqa: ANN401
    if depth >= MAX_DEPTH:
        return {"_truncated": True, "type": "array", "originalLength": len(value)}
    bounded = [_bound(item, depth + 1, seen) for item in islice(value, MAX_ITEMS)]
    if len(value) > MAX_ITEMS:
        bounded.append({"_truncated": True, "omittedItems": len(value) - MAX_ITEMS})
    return bounded


def _bound_object(value: Mapping[Any, Any], depth: int, seen: frozenset[int]) -> JsonObject:
    if depth >= MAX_DEPTH:
        names = [bound_string(str(key)) for key in islice(value, _KEYS_NAMED)]
        return {"_truncated": True, "type": "object", "keys": names}
    bounded = {bound_string(str(key)): _bound(item, depth + 1, seen) for key, item in islice(value.items(), MAX_KEYS)}
    if len(value) > MAX_KEYS:
        bounded.update({"_truncated": True, "_omittedKeys": len(value) - MAX_KEYS})
    return bounded


def _scalar(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else bound_string(str(value))
