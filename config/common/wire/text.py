"""What is done to text that comes in: characters that cannot be stored, and newlines that were typed as `\\n`."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 100
REPLACEMENT = "\ufffd"

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_TYPED_NEWLINE = re.compile(r"\\r\\n|\\n|\\r")


class TooDeep(ValueError):
    """A JSON value is nested more than MAX_DEPTH levels."""


def clean_text(text: str) -> str:
    """The text with NUL and lone surrogates replaced by U+FFFD, one for one (spec/1 B): PostgreSQL stores neither."""
    return _UNSTORABLE.sub(REPLACEMENT, text)


def clean_json(value: Any, *, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    """A copy of a JSON value with every string in it, keys too, made storable. Raises TooDeep."""
    if depth > MAX_DEPTH:
        raise TooDeep(f"nested more than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean_json(item, depth=depth + 1) for item in value]
    return value


def real_newlines(text: str) -> str:
    """The text with the two characters backslash-n (and `\\r\\n`, `\\r`) turned into newlines (spec/4 0)."""
    return _TYPED_NEWLINE.sub("\n", text)


def compact_length(value: Any) -> int:  # noqa: ANN401
    """How many characters the value has as JSON without spaces, non-ASCII kept (spec/1 C, the cap of a context)."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
