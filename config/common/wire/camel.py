"""JSON in and out: camelCase names on the wire, snake_case inside, other people's JSON left alone.

Only names of the contract are translated. A value whose keys are data (an agent's context, a map by status or by id)
is marked with `opaque()` and passes through as it is. Names come in untranslated: WireSerializer knows its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, NoReturn, cast
from uuid import UUID

import orjson
from django.utils.functional import Promise
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from config.common.clock import wire_time
from config.common.wire.errors import BodyTooLarge

MEBIBYTE = 2**20
_PLAIN = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
_KEPT = frozenset({str, int, float, bool, type(None), datetime, UUID})


class Opaque(dict[str, Any]):
    """An object whose keys are data, not names of the contract."""


class OpaqueList(list[Any]):
    """A list that holds such objects, or rows that already carry their wire names."""


def opaque(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value, marked so that no key inside is renamed. Scalars need no mark and come back as they are."""
    if isinstance(value, dict):
        return Opaque(value)
    return OpaqueList(value) if isinstance(value, (list, tuple)) else value


def wire_rows(rows: Iterable[Sequence[Any]], names: Sequence[str]) -> OpaqueList:
    """Rows of values under snake_case `names`, as objects ready for the wire: the fast way for long lists.

    The names are translated once, the values not at all, so a JSON column keeps its keys.
    """
    wire_names = [camel(name) for name in names]
    return OpaqueList([dict(zip(wire_names, row, strict=True)) for row in rows])


@lru_cache(maxsize=4096)
def camel(name: str) -> str:
    """`last_used_at` → `lastUsedAt`; a name that is camelCase already stays. For names of the contract only."""
    head, *rest = name.lstrip("_").split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def camel_keys(value: Any) -> Any:  # noqa: ANN401
    """A copy with every key of every plain object renamed; opaque values are the very same objects."""
    kind = type(value)
    if kind in _KEPT or kind is Opaque or kind is OpaqueList:
        return value
    if isinstance(value, Mapping):
        return {
            camel(key) if isinstance(key, str) else key: item if type(item) in _KEPT else camel_keys(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [camel_keys(item) for item in value]
    return value


def to_json(value: Any) -> bytes:  # noqa: ANN401
    """JSON as UTF-8: times as in `wire_time`, UUIDs and enums by value, decimals as numbers, not-a-number as null.

    Stored values that the fast encoder refuses (whole numbers beyond 64 bits, deep nesting) take the slow one.
    """
    try:
        return orjson.dumps(value, default=_plain_value, option=_PLAIN)
    except orjson.JSONEncodeError:
        return json.dumps(value, default=_plain_value, separators=(",", ":")).encode()


def from_json(raw: bytes) -> Any:  # noqa: ANN401
    """The value of a JSON text. Lone surrogates and broken UTF-8 come through, to be replaced; raises ValueError."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(
            raw.decode("utf-8", "replace"), parse_constant=_refuse_constant, parse_float=_finite, parse_int=_bounded
        )
    except RecursionError as problem:
        raise ValueError("nested too deeply") from problem


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is out of range")
    return number


def _bounded(text: str) -> int | float:
    return int(text) if len(text) < 19 else _finite(text)


def _plain_value(value: Any) -> Any:  # noqa: ANN401 - one line per kind
    if isinstance(value, datetime):
        return wire_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (Promise, UUID)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no wire form")


class CamelCaseJSONRenderer(BaseRenderer):
    """Answers as JSON with camelCase names."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,  # noqa: ANN401
        _accepted_media_type: str | None = None,
        _renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The bytes of an answer; nothing for an answer without a body."""
        return b"" if data is None else to_json(camel_keys(data))


class CamelCaseJSONParser(BaseParser):
    """Reads a JSON body, at most `max_bytes` of the view (or 10 MB), and leaves names to the serializer."""

    media_type = "application/json"
    max_bytes = 10 * MEBIBYTE

    def parse(
        self,
        stream: Any,  # noqa: ANN401
        _media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """The value of the body. Raises BodyTooLarge (413) without reading on, and ParseError (400)."""
        view = (parser_context or {}).get("view")
        most = getattr(view, "max_body_bytes", self.max_bytes)
        raw = cast("bytes", stream.read(most + 1))
        if len(raw) > most:
            raise BodyTooLarge(most)
        try:
            return from_json(raw)
        except (ValueError, RecursionError) as problem:
            raise ParseError("Malformed JSON") from problem
