"""Validation failures as a flat list, in the form of either dialect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.settings import api_settings

from config.common.wire.text import clean_text

# What existing clients call the usual failures; a code of our own stays.
CODES = {
    "required": "invalid_type",
    "null": "invalid_type",
    "not_a_list": "invalid_type",
    "not_a_dict": "invalid_type",
    "not_an_object": "invalid_type",
    "invalid": "invalid_type",
    "blank": "too_small",
    "empty": "too_small",
    "min_length": "too_small",
    "min_value": "too_small",
    "max_length": "too_big",
    "max_value": "too_big",
    "invalid_choice": "invalid_enum_value",
}


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with a body or query: where (names and list indexes, empty for the whole) and why."""

    path: tuple[str | int, ...]
    code: str
    message: str

    def as_detail(self) -> dict[str, Any]:
        """An entry of `details` in the `/api` dialect."""
        return {"code": self.code, "path": list(self.path), "message": self.message}

    def as_sentence(self) -> str:
        """`dotted.path: reason` of the agent dialect; the whole is called `body` (spec/1 B)."""
        return f"{'.'.join(map(str, self.path)) or 'body'}: {self.message}"


def issues_of(refused: ValidationError) -> list[Issue]:
    """Every issue in a refusal, in the order of the fields."""
    return list(_walk(refused.detail, ()))


def _walk(detail: Any, path: tuple[str | int, ...]) -> Iterator[Issue]:  # noqa: ANN401
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _walk(inner, path if name == api_settings.NON_FIELD_ERRORS_KEY else (*path, name))
    elif isinstance(detail, ErrorDetail):
        code = detail.code or "invalid"
        yield Issue(path, CODES.get(code, code), clean_text(str(detail)))
    else:
        for index, inner in enumerate(detail):
            yield from _walk(inner, path if isinstance(inner, ErrorDetail) else (*path, index))
