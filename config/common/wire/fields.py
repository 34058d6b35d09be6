"""Serializer fields that take exactly the JSON type they name: `"5"` is not a number and `1` is not true."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from rest_framework import serializers

from config.common.clock import wire_time
from config.common.wire.camel import opaque
from config.common.wire.text import TooDeep, clean_json, clean_text, compact_length, real_newlines

BIGGEST = 2**63 - 1


class TextField(serializers.CharField):
    """A string, kept as typed but for characters that cannot be stored. `max_length` counts characters received."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(**kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:  # noqa: ANN401
        """As the base; cleans first, since the base refuses what we replace."""
        return super().run_validation(clean_text(data) if isinstance(data, str) else data)

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401
        """The string; anything else is `invalid`."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class IssueTextField(TextField):
    """Text of issues, comments, documents, approvals: a typed backslash-n is a newline (spec/4 0)."""

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401
        """The string with real newlines."""
        return real_newlines(super().to_internal_value(data))


class WholeField(serializers.IntegerField):
    """A whole number that fits a bigint; `5.0` is one, true and `"5"` are not."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        kwargs.setdefault("max_value", BIGGEST)
        kwargs.setdefault("min_value", -BIGGEST)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:  # noqa: ANN401
        """The number; anything else is `invalid`."""
        if isinstance(data, bool) or not isinstance(data, (int, float)) or data != int(data):
            self.fail("invalid")
        return int(data)


class NumberField(serializers.FloatField):
    """A finite number; true and `"5"` are not."""

    def to_internal_value(self, data: Any) -> float:  # noqa: ANN401
        """The number; anything else is `invalid`."""
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            self.fail("invalid")
        return float(data)


class FlagField(serializers.BooleanField):
    """true or false; neither `"true"` nor 1."""

    def to_internal_value(self, data: Any) -> bool:  # noqa: ANN401
        """The truth value; anything else is `invalid`."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class MomentField(serializers.Field[datetime, Any, str, Any]):
    """A moment: ISO-8601 with a zone in, `wire_time` out."""

    default_error_messages = {"invalid": "Expected an ISO-8601 date and time with a time zone"}

    def to_internal_value(self, data: Any) -> datetime:  # noqa: ANN401
        """An aware datetime; anything else is `invalid`."""
        try:
            moment = parse_datetime(data) if isinstance(data, str) else None
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail("invalid")
        return moment

    def to_representation(self, value: datetime) -> str:
        """The wire form."""
        return wire_time(value)


class UserJSONField(serializers.Field[Any, Any, Any, Any]):
    """Somebody's own JSON: an object unless `any_type`, keys never renamed, strings made storable.

    `max_characters` caps its compact JSON as received (spec/1 C).
    """

    default_error_messages = {
        "not_an_object": "Expected an object",
        "too_deep": "Nested too deeply",
        "max_length": "Must be at most {most} characters of JSON",
    }

    def __init__(self, *, any_type: bool = False, max_characters: int | None = None, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self._any_type = any_type
        self._max_characters = max_characters

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401
        """A clean copy."""
        if not self._any_type and not isinstance(data, dict):
            self.fail("not_an_object")
        try:
            clean = clean_json(data)
        except TooDeep:
            self.fail("too_deep")
        if self._max_characters is not None and compact_length(data) > self._max_characters:
            self.fail("max_length", most=self._max_characters)
        return clean

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401
        """The value as stored, marked opaque."""
        return opaque(value)
