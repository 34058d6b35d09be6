"""From raw output bytes to text that may be stored: decoded, redacted, without inline images, with bounded lines.

Every step keeps what it cannot judge yet until the next bytes arrive, so that a secret, an image or a character that
is torn between two reads is treated as if it had come whole (spec/2 D, logs).
"""

from __future__ import annotations

import codecs
from _json import encode_basestring, encode_basestring_ascii

TYPE_CHECKING = False  # the typing module would cost more than all the rest of the start
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REDACTED = "***REDACTED***"
IMAGE_MIN_CHARS = 1024
LINE_LIMIT_CHARS = 64 * 1024
_SECRET_WINDOW = 4096
_IMAGE_HEAD = "data:image/"
_IMAGE_SEPARATOR = ";base64,"
_IMAGE_TYPE_MAX = 64
_IMAGE_TYPE_ENDS = frozenset(" \t\r\n\"'<>()\\,")
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="


def secret_forms(secrets: Iterable[str]) -> list[str]:
    """The spellings in which secrets show up (as given, trimmed, escaped inside JSON), longest first."""
    forms: set[str] = set()
    for secret in secrets:
        for form in (secret, secret.strip()):
            forms.update((form, encode_basestring(form)[1:-1], encode_basestring_ascii(form)[1:-1]))
    forms.discard("")
    return sorted(forms, key=len, reverse=True)


class Redactor:
    """Replaces secrets in a stream; text that may be the beginning of a secret waits for its continuation."""

    def __init__(self, forms: list[str]) -> None:
        self._forms = forms
        self._held = ""

    def feed(self, text: str, *, final: bool = False) -> str:
        """The text that is safe to show so far. With `final`, everything."""
        if not self._forms:
            return text
        text = self._held + text
        holds = [] if final else self._possible_beginnings(text)
        out: list[str] = []
        position = 0
        found: dict[str, int] = {}
        while True:
            start, end = self._next_match(text, position, found)
            hold = next((at for at in holds if at >= position), len(text))
            if start < 0 or start >= hold:
                out.append(text[position:hold])
                self._held = text[hold:]
                return "".join(out)
            out.append(text[position:start] + REDACTED)
            position = end

    def _next_match(self, text: str, position: int, found: dict[str, int]) -> tuple[int, int]:
        best = (-1, -1)
        for form in self._forms:
            at = found.get(form, -2)
            if at == -2 or 0 <= at < position:
                at = found[form] = text.find(form, position)
            if at >= 0 and (best[0] < 0 or at < best[0]):
                best = (at, at + len(form))
        return best

    def _possible_beginnings(self, text: str) -> list[int]:
        starts: set[int] = set()
        for form in self._forms:
            at = text.find(form[0], max(0, len(text) - min(len(form) - 1, _SECRET_WINDOW)))
            while at >= 0:
                if form.startswith(text[at:]):
                    starts.add(at)
                at = text.find(form[0], at + 1)
        return sorted(starts)


class ImageRemover:
    """Replaces inline base64 images of at least 1,024 characters by a note of their length, in constant memory."""

    def __init__(self) -> None:
        self._held = ""
        self._head: str | None = None
        self._data = ""
        self._count = 0

    def feed(self, text: str, *, final: bool = False) -> str:
        """The text so far. An image that is still arriving is counted, not kept."""
        text = self._held + text
        self._held = ""
        out: list[str] = []
        while text:
            text = self._outside(text, out, final) if self._head is None else self._inside(text, out)
        if final and self._head is not None:
            out.append(self._end_of_image())
        return "".join(out)

    def _outside(self, text: str, out: list[str], final: bool) -> str:
        at = text.find(_IMAGE_HEAD)
        if at < 0:
            keep = 0 if final else _length_of_torn_head(text)
            out.append(text[: len(text) - keep])
            self._held = text[len(text) - keep :]
            return ""
        out.append(text[:at])
        text = text[at:]
        name_at = len(_IMAGE_HEAD)
        separator = text.find(_IMAGE_SEPARATOR, name_at, name_at + _IMAGE_TYPE_MAX)
        name = text[name_at : separator if separator >= 0 else name_at + _IMAGE_TYPE_MAX]
        plausible = _IMAGE_TYPE_ENDS.isdisjoint(name.removesuffix(","))
        if separator >= 0 and plausible:
            data_at = separator + len(_IMAGE_SEPARATOR)
            self._head, self._data, self._count = text[:data_at], "", 0
            return text[data_at:]
        if plausible and not final and len(name) < _IMAGE_TYPE_MAX:
            self._held = text
            return ""
        out.append(text[:name_at])
        return text[name_at:]

    def _inside(self, text: str, out: list[str]) -> str:
        rest = text.lstrip(_BASE64)
        length = len(text) - len(rest)
        if self._count < IMAGE_MIN_CHARS:
            self._data += text[: min(length, IMAGE_MIN_CHARS)]
        self._count += length
        if rest:
            out.append(self._end_of_image())
        return rest

    def _end_of_image(self) -> str:
        head, self._head = self._head or "", None
        if self._count < IMAGE_MIN_CHARS:
            return head + self._data
        return f"{head}[image of {self._count} characters left out]"


def _length_of_torn_head(text: str) -> int:
    for length in range(min(len(_IMAGE_HEAD) - 1, len(text)), 0, -1):
        if text.endswith(_IMAGE_HEAD[:length]):
            return length
    return 0


class LongLineCutter:
    """Cuts a line of more than `limit` characters to its first 60 % and last 25 % of the limit, with a marker between.

    A line is what ends in a line feed or carriage return, so the cut does not depend on how the reads fell.
    """

    def __init__(self, limit: int = LINE_LIMIT_CHARS) -> None:
        self._limit = limit
        self._head = limit * 60 // 100
        self._tail = limit * 25 // 100
        self._seen = 0
        self._held = ""
        self._cut = False

    def feed(self, text: str, *, final: bool = False) -> str:
        """The text to store now. The middle of a long line waits until it is known whether it survives."""
        out = [part for at in range(0, len(text), self._limit) for part in self._parts(text[at : at + self._limit])]
        if final:
            out.append(self._close())
        return "".join(out)

    def _parts(self, text: str) -> Iterator[str]:
        first = _first_line_end(text)
        if first == 0:
            yield self._grow(text)
            return
        yield self._grow(text[: first - 1])
        yield self._close()
        last = max(text.rfind("\n"), text.rfind("\r")) + 1
        # Whole lines inside one slice cannot exceed the limit.
        yield text[first - 1 : last]
        yield self._grow(text[last:])

    def _grow(self, text: str) -> str:
        room = max(0, self._head - self._seen)
        self._seen += len(text)
        if self._seen <= self._head:
            return text
        self._held += text[room:]
        if self._cut or self._seen > self._limit:
            self._cut = True
            self._held = self._held[-self._tail :]
        return text[:room]

    def _close(self) -> str:
        held, omitted = self._held, self._seen - self._head - len(self._held)
        was_cut, self._cut, self._held, self._seen = self._cut, False, "", 0
        return f"\n[... {omitted} characters of a long line left out ...]\n{held}" if was_cut else held


def _first_line_end(text: str) -> int:
    """The position behind the first line end, or 0 when there is none."""
    ends = [at for at in (text.find("\n"), text.find("\r")) if at >= 0]
    return min(ends) + 1 if ends else 0


class StreamText:
    """One output stream through all the steps."""

    def __init__(self, forms: list[str], line_limit: int = LINE_LIMIT_CHARS) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._redactor = Redactor(forms)
        self._images = ImageRemover()
        self._lines = LongLineCutter(line_limit)

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """The storable text that these bytes complete. Never holds NUL or lone surrogates."""
        text = self._decoder.decode(data, final).replace("\0", "\ufffd")
        text = self._redactor.feed(text, final=final)
        text = self._images.feed(text, final=final)
        return self._lines.feed(text, final=final)
