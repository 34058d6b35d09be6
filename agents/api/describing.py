"""How a view tells the OpenAPI document what it takes and answers.

Bodies and queries are the serializers that read them. Answers are the serializers that write them, or, where rows are
written column by column, the columns themselves with the types of their model (`row_of`): neither can drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from drf_spectacular.utils import OpenApiParameter, extend_schema

from config.common.wire.camel import camel
from config.common.wire.serializers import WireSerializer

Method = TypeVar("Method", bound=Callable[..., Any])
Shape = type[WireSerializer]
Schema = dict[str, Any]
OBJECT: Schema = {"type": "object", "additionalProperties": {}}
OBJECTS: Schema = {"type": "array", "items": OBJECT}
OK: Schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
ANYTHING: Schema = {}
PAGE = ("limit", "offset")

_TYPES: tuple[tuple[type[models.Field[Any, Any]], Schema], ...] = (
    (models.UUIDField, {"type": "string", "format": "uuid"}),
    (models.ForeignKey, {"type": "string", "format": "uuid"}),
    (models.DateTimeField, {"type": "string", "format": "date-time"}),
    (models.DateField, {"type": "string", "format": "date"}),
    (models.BooleanField, {"type": "boolean"}),
    (models.IntegerField, {"type": "integer"}),
    (models.FloatField, {"type": "number"}),
    (models.DecimalField, {"type": "number"}),
    (models.CharField, {"type": "string"}),
    (models.TextField, {"type": "string"}),
)


def answers(
    shape: Shape | Schema,
    *,
    body: Shape | None = None,
    query: Shape | None = None,
    named: Sequence[str] = (),
    status: int | Sequence[int] = 200,
    many: bool = False,
    media: str = "application/json",
) -> Callable[[Method], Method]:
    """Say that a method answers `status` with this shape (a list of it when `many`), and what it reads.

    `named` are query parameters that the view reads as text. What it may refuse with is added to every operation.
    """
    if isinstance(shape, dict):
        answer: Any = list_of(shape) if many else shape
    else:
        answer = shape(many=many)
    statuses = [status] if isinstance(status, int) else status
    parameters: list[Any] = [OpenApiParameter(name, str, OpenApiParameter.QUERY) for name in named]
    described: Callable[[Method], Method] = extend_schema(
        request=body,
        responses={(code, media): answer for code in statuses},
        parameters=([query] if query else []) + parameters or None,
    )
    return described


def list_of(schema: Schema) -> Schema:
    """A bare array of it."""
    return {"type": "array", "items": schema}


def or_null(schema: Schema) -> Schema:
    """It, or null."""
    return {"oneOf": [schema, {"nullable": True, "enum": [None]}]}


def object_of(title: str, /, **properties: Schema) -> Schema:
    """An object with a name of its own and these properties, by wire name; it may have more."""
    return {"type": "object", "title": title, "properties": properties, "additionalProperties": {}}


def row_of(
    title: str, model: type[models.Model], columns: Iterable[str] | Mapping[str, str], /, **more: Schema
) -> Schema:
    """The object that a row becomes: its columns by wire name (a mapping: wire name to column), and what is added."""
    pairs = columns.items() if isinstance(columns, Mapping) else ((camel(name), name) for name in columns)
    return object_of(title, **{wire: _type_of(model, name) for wire, name in pairs}, **more)


def _type_of(model: type[models.Model], column: str) -> Schema:
    try:
        field = model._meta.get_field(column.removesuffix("_id") if _is_key(model, column) else column)
    except FieldDoesNotExist:
        return {}  # not the row's own: read along
    schema: Schema = next((dict(schema) for kind, schema in _TYPES if isinstance(field, kind)), {})
    choices = getattr(field, "choices", None)
    if choices:
        schema["enum"] = [value for value, _ in choices] + ([None] if field.null else [])
    if schema and field.null:
        schema["nullable"] = True
    return schema


def _is_key(model: type[models.Model], column: str) -> bool:
    return column.endswith("_id") and any(field.name == column.removesuffix("_id") for field in model._meta.fields)
