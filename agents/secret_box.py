"""Secrets at rest: sealed with the installation's keys, opened only when a run starts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from config.common.clock import require_aware


class CannotOpen(Exception):
    """No key of this box opens the sealed value: it is damaged, or its key is gone."""


class SecretBox:
    """Seals with the first key, opens with any: put a new key first, `reseal` everything, then drop the old one."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or not all(keys):
            raise ValueError("a secret box needs at least one key, and no empty one")
        self._fernet = MultiFernet([Fernet(_fernet_key(key)) for key in keys])

    def seal(self, text: str, *, now: datetime) -> bytes:
        """The sealed form, different on every call."""
        return self._fernet.encrypt_at_time(text.encode(), int(require_aware(now).timestamp()))

    def open(self, sealed: bytes | memoryview) -> str:
        """The text; raises CannotOpen."""
        try:
            return self._fernet.decrypt(bytes(sealed)).decode()
        except InvalidToken:
            raise CannotOpen("a stored secret cannot be opened with the present keys") from None

    def reseal(self, sealed: bytes | memoryview) -> bytes:
        """The same text sealed with the first key, its time kept; raises CannotOpen."""
        try:
            return self._fernet.rotate(bytes(sealed))
        except InvalidToken:
            raise CannotOpen("a stored secret cannot be opened with the present keys") from None


def reference_name(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """The name in a secret reference `{"type": "secret_ref", "name": ...}`; None for any other value."""
    if not isinstance(value, Mapping) or value.get("type") != "secret_ref":
        return None
    name = value.get("name")
    return name if isinstance(name, str) and name else None


def _fernet_key(key: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"everbeat secret box 1\0" + key.encode()).digest())
