"""How a view tells the OpenAPI document what it takes and answers, through the serializers that read and write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema

from config.common.wire.serializers import WireSerializer

Method = TypeVar("Method", bound=Callable[..., Any])
Shape = type[WireSerializer]
OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": {}}
OBJECTS: dict[str, Any] = {"type": "array", "items": OBJECT}
OK: dict[str, Any] = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


def answers(
    shape: Shape | dict[str, Any],
    *,
    body: Shape | None = None,
    query: Shape | None = None,
    status: int = 200,
    many: bool = False,
) -> Callable[[Method], Method]:
    """Say that a method answers `status` with this shape (a list of it when `many`), and what it reads."""
    answer = shape if isinstance(shape, dict) else shape(many=many)
    described: Callable[[Method], Method] = extend_schema(
        request=body, responses={status: answer}, parameters=[query] if query else None
    )
    return described
