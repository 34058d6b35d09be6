"""Adapter configurations as they may be shown and kept: secrets masked, and masks taken back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.scrubbing import is_secret_name

MASK = "***REDACTED***"


def redacted(config: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A copy with every value under a secret-looking name masked; references to stored secrets stay readable."""
    if isinstance(config, Mapping):
        return {key: _member(str(key), value) for key, value in config.items()}
    if isinstance(config, list):
        return [redacted(item) for item in config]
    return config


def unmasked(config: Any, stored: Any) -> Any:  # noqa: ANN401
    """A copy with every mask replaced by what is stored at the same place, so that a round trip loses no secret."""
    if config == MASK:
        return stored if isinstance(stored, str) else MASK
    if isinstance(config, Mapping):
        below = stored if isinstance(stored, Mapping) else {}
        return {key: unmasked(value, below.get(key)) for key, value in config.items()}
    if isinstance(config, list):
        beside = stored if isinstance(stored, list) else []
        return [unmasked(item, beside[index] if index < len(beside) else None) for index, item in enumerate(config)]
    return config


def holds_mask(config: Any) -> bool:  # noqa: ANN401
    """Whether a mask is left in the value: something was hidden that nobody knows any more."""
    if isinstance(config, Mapping):
        return any(holds_mask(value) for value in config.values())
    if isinstance(config, list):
        return any(holds_mask(item) for item in config)
    return bool(config == MASK)


def _member(name: str, value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping) and value.get("type") == "secret_ref":
        return dict(value)
    if not is_secret_name(name):
        return redacted(value)
    if isinstance(value, Mapping):
        return {**value, "value": MASK} if "value" in value else redacted(value)
    return MASK if isinstance(value, str) and value else redacted(value)
