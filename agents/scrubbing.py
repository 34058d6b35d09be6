"""One scrubber for everything an agent sends that is kept: errors, results, run events, metadata (spec/1 H)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

REDACTED = "[REDACTED]"
ALREADY_MASKED = (REDACTED, "***REDACTED***")  # the second masks configurations and environments (spec/4 12)
MAX_DEPTH = 6

SECRET_NAMES = frozenset(
    {
        *("token", "tokens", "password", "passwords", "passwd", "pwd", "passphrase", "secret", "secrets"),
        *("api_key", "api_keys", "apikey", "apikeys", "private_key", "secret_key", "access_key", "ssh_key"),
        *("authorization", "auth", "cookie", "cookies", "set_cookie", "bearer", "credential", "credentials", "jwt"),
        *("access_token", "refresh_token", "id_token", "session_token"),
        *("x_auth_token", "x_api_key", "x_access_token"),
    }
)

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[^a-z0-9]+")

# Each pattern runs only over text that holds one of its marks (lower case), and none can take more than linear time:
# every repeat is bounded, or cannot start again inside what it just read.
_WORDS_AFTER_SCHEME = r"(?!(?:tokens?|auth\w*|scheme|headers?|credentials?|realm|access|format|type)\b)"
_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (
        ("private key-----",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        REDACTED,
    ),
    (
        ("://",),
        re.compile(r"(?<=://)([^\s/:@]{0,256}):[^\s/]{1,512}@"),
        rf"\1:{REDACTED}@",
    ),
    (
        ("eyj",),
        re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?"),
        REDACTED,
    ),
    (
        ("bearer",),
        re.compile(rf"\b(bearer)(\s{{1,8}}|%20|\+){_WORDS_AFTER_SCHEME}[A-Za-z0-9._~+/=-]{{6,}}", re.IGNORECASE),
        rf"\1\2{REDACTED}",
    ),
    (
        ("basic",),
        # A capital, digit or sign past the first letter: base64, not the next word of a sentence.
        re.compile(r"\b([Bb]asic|BASIC)(\s{1,8}|%20)(?=[A-Za-z0-9][a-z]*[A-Z0-9+/=])[A-Za-z0-9+/_-]{6,}={0,2}"),
        rf"\1\2{REDACTED}",
    ),
    (
        ("sk-", "pk-", "rk-", "sk_", "pk_", "rk_"),
        re.compile(r"(?<![A-Za-z0-9])[spr]k[-_](?:(?=[A-Za-z_-]{0,64}\d)[A-Za-z0-9_-]{8,}|[A-Za-z0-9_-]{20,})"),
        REDACTED,
    ),
    (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"),
        re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|glpat-)[A-Za-z0-9_-]{6,}"),
        REDACTED,
    ),
    (("xox", "xapp-"), re.compile(r"(?<![A-Za-z0-9])(?:xox[a-z]|xapp)-[A-Za-z0-9-]{6,}"), REDACTED),
    (("akia", "asia"), re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,}"), REDACTED),
    (("aiza",), re.compile(r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{30,}"), REDACTED),
    (("pcp_",), re.compile(r"(?<![A-Za-z0-9])pcp_(?:board_)?[0-9a-f]{16,}"), REDACTED),
)


def scrub(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A copy with every secret replaced by `[REDACTED]`; lists keep length and order.

    The root is depth 0 and everything beyond depth 6 is redacted, which also ends cycles. Scalars other than strings
    come back as they are. Never raises for a value that JSON can hold.
    """
    return _scrub(value, 0)


def scrub_object(value: Mapping[str, Any]) -> dict[str, Any]:
    """`scrub` for an object."""
    return {key: _member(key, item, 1) for key, item in value.items()}


def scrub_text(text: str) -> str:
    """The text with credentials inside it replaced in place: bearer and basic credentials, well-known key forms,
    JSON web tokens, PEM private keys, and the password part of URLs.
    """
    lowered = text.lower()
    for marks, pattern, replacement in _PATTERNS:
        if any(mark in lowered for mark in marks):
            text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=4096)
def is_secret_name(key: str) -> bool:
    """Whether a key, its last word or its last two words name a secret, in any naming style."""
    name = _SEPARATORS.sub("_", _HUMP.sub("_", key).lower()).strip("_")
    words = name.split("_")
    return not SECRET_NAMES.isdisjoint((name, words[-1], "_".join(words[-2:])))


def _scrub(value: Any, depth: int) -> Any:  # noqa: ANN401
    if depth > MAX_DEPTH:
        return REDACTED
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, Mapping):
        return {key: _member(key, item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_scrub(item, depth + 1) for item in value]
    return value


def _member(key: object, value: Any, depth: int) -> Any:  # noqa: ANN401
    if not is_secret_name(str(key)):
        return _scrub(value, depth)
    return value if value in ALREADY_MASKED else REDACTED
