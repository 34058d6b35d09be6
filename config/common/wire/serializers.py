"""The base of every serializer of the two APIs: camelCase names outside, snake_case inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Never

from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import SkipField
from rest_framework.settings import api_settings

from config.common.wire.camel import camel
from config.common.wire.fields import UserJSONField
from config.common.wire.text import TooDeep, clean_json

WHOLE = api_settings.NON_FIELD_ERRORS_KEY


class WireSerializer(serializers.Serializer[Any]):
    """Takes and gives wire names; `validated_data` has snake_case keys.

    - An absent optional field is absent from `validated_data`; `null` is a 400 unless the field has `allow_null`.
    - Unknown names are ignored; a class with `strict = True` refuses them (`unrecognized_keys`).
    - Every string that comes in is made storable; the keys of a UserJSONField are its own.
    - Errors carry wire names. `wire_names` holds the few names that are not just the camelCase of the field's.
    """

    strict: ClassVar[bool] = False
    wire_names: ClassVar[Mapping[str, str]] = {}

    default_error_messages = {
        "invalid": "Expected an object",
        "too_deep": "Nested too deeply",
    }

    @classmethod
    def wire_name(cls, field_name: str) -> str:
        """What a field is called outside."""
        return cls.wire_names.get(field_name) or camel(field_name)

    def run_validation(self, data: Any = serializers.empty) -> Any:  # noqa: ANN401
        """As the base, with the names of this level in the errors as the client wrote them."""
        try:
            return super().run_validation(data)
        except serializers.ValidationError as refused:
            if not isinstance(refused.detail, dict):
                raise
            detail = {self._error_name(name): reason for name, reason in refused.detail.items()}
            raise serializers.ValidationError(detail) from refused

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401
        """Snake-case names and storable strings, then the fields' own rules."""
        if not isinstance(data, Mapping):
            self._refuse("invalid", "invalid_type")
        inside = {}
        for name, field in self.fields.items():
            wire_name = self.wire_name(name)
            if wire_name in data:
                inside[name] = self._storable(field, data[wire_name])
        if self.strict:
            self._refuse_strangers(data)
        return super().to_internal_value(inside)

    def to_representation(self, instance: Any) -> dict[str, Any]:  # noqa: ANN401
        """The row with wire names."""
        answer: dict[str, Any] = {}
        for wire_name, field in self._outgoing:
            try:
                value = field.get_attribute(instance)
            except SkipField:
                continue
            answer[wire_name] = None if value is None else field.to_representation(value)
        return answer

    @cached_property
    def _outgoing(self) -> list[tuple[str, serializers.Field[Any, Any, Any, Any]]]:
        for field in self._readable_fields:
            if isinstance(field, serializers.DateTimeField):
                field.format = None  # the renderer writes moments in the contract's form, with milliseconds
        return [(self.wire_name(field.field_name or ""), field) for field in self._readable_fields]

    def _storable(self, field: serializers.Field[Any, Any, Any, Any], value: Any) -> Any:  # noqa: ANN401
        if isinstance(field, (UserJSONField, serializers.BaseSerializer)):
            return value
        try:
            return clean_json(value)
        except TooDeep:
            self._refuse("too_deep", "too_deep")

    def _refuse_strangers(self, data: Mapping[str, Any]) -> None:
        strangers = sorted(str(name) for name in data.keys() - set(map(self.wire_name, self.fields.keys())))
        if strangers:
            text = f"Unrecognized key(s) in object: {', '.join(strangers)}"
            raise serializers.ValidationError({WHOLE: [ErrorDetail(text, "unrecognized_keys")]})

    def _refuse(self, message: str, code: str) -> Never:
        raise serializers.ValidationError({WHOLE: [ErrorDetail(str(self.error_messages[message]), code)]})

    def _error_name(self, name: Any) -> Any:  # noqa: ANN401
        return self.wire_name(name) if name in self.fields else name
