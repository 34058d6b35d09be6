"""Which errors say the same, and which is the worst (spec/1 I)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from agents.vocabulary import ErrorSeverity

MAX_MESSAGE = 500

_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
# Order matters: a URL holds paths, an id holds numbers. Ids and numbers fold alike, since an id may be all digits.
_FOLDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s\"'<>)\]]+"), "<url>"),
    (re.compile(r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"), "#"),
    (re.compile(r"(?<![\w<.#])(?:[A-Za-z]:\\|~?/|\.{1,2}/)[^\s\"'<>:;,()\[\]]+"), "<path>"),
    (re.compile(r"(?<![\w.<#-])[\w.-]+(?:/[\w.-]+)+"), "<path>"),
    (re.compile(r"\b0x[0-9A-Fa-f]+\b"), "#"),
    (re.compile(r"\b(?=[A-Za-z]{0,63}\d)[0-9A-Fa-f]{8,64}\b"), "#"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "#"),
    (re.compile(r"\s+"), " "),
)


def normalise(message: str) -> str:
    """The message with URLs, ids, paths and numbers folded, on one line, at most MAX_MESSAGE characters."""
    text = _COLOUR.sub("", message[: 8 * MAX_MESSAGE])
    for pattern, fold in _FOLDS:
        text = pattern.sub(fold, text)
    return text.strip()[:MAX_MESSAGE].rstrip()


def fingerprint(message: str) -> str:
    """64 hex characters, equal for messages that differ only in what `normalise` folds."""
    return hashlib.sha256(normalise(message).encode("utf-8", "replace")).hexdigest()


_RANKS = {
    "fatal": ErrorSeverity.FATAL,
    "critical": ErrorSeverity.FATAL,
    "error": ErrorSeverity.FATAL,
    "warning": ErrorSeverity.WARNING,
}


def worst_severity(severities: Iterable[str]) -> ErrorSeverity | None:
    """`fatal` if any counts as fatal (fatal, critical, error), else `warning` if any is one, else None.

    Upper and lower case are the same; other words are ignored.
    """
    ranks = {_RANKS.get(severity.strip().lower()) for severity in severities}
    return next((rank for rank in (ErrorSeverity.FATAL, ErrorSeverity.WARNING) if rank in ranks), None)
