"""Bearer keys: what they look like, and what of them is stored (spec/1 B, spec/4 0)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

AGENT_SCHEME = "pcp_"
BOARD_SCHEME = "pcp_board_"
RANDOM_BYTES = 24
SHOWN_CHARACTERS = 6


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the moment of its making. `token` is shown once and never stored; `repr` does not tell it."""

    token: str
    key_hash: str
    prefix: str

    def __repr__(self) -> str:
        return f"NewKey({self.prefix}…)"


def new_agent_key(random: Callable[[int], bytes] = secrets.token_bytes) -> NewKey:
    """A key of an agent: `pcp_` and 48 hex characters, 192 random bits."""
    return _new_key(AGENT_SCHEME, random)


def new_board_key(random: Callable[[int], bytes] = secrets.token_bytes) -> NewKey:
    """A key of an operator: `pcp_board_` and 48 hex characters. Clients treat keys as opaque."""
    return _new_key(BOARD_SCHEME, random)


def hash_key(token: str) -> str:
    """What is stored and looked up: SHA-256, 64 hex characters. Any text has one, so that no input is told apart."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def same_hash(one: str, other: str) -> bool:
    """Equality in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _new_key(scheme: str, random: Callable[[int], bytes]) -> NewKey:
    body = random(RANDOM_BYTES).hex()
    token = scheme + body
    return NewKey(token, hash_key(token), scheme + body[:SHOWN_CHARACTERS])
