"""Lists: bare arrays, `limit` and `offset` as given, at most 1,000 rows, and a `Link` header when there is more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

MOST_ROWS = 1_000
MOST_DIGITS = 10


class Sliceable(Protocol):
    """A queryset or a sequence."""

    def __getitem__(self, cut: slice, /) -> Any: ...  # noqa: ANN401


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a list are asked for. `limit` is within 1..most."""

    limit: int
    offset: int = 0

    def cut(self, rows: Sliceable) -> Cut:
        """The rows of this page. Reads one row more than it returns, to know whether there are more."""
        found = list(rows[self.offset : self.offset + self.limit + 1])
        return Cut(self, found[: self.limit], more=len(found) > self.limit)


@dataclass(frozen=True, slots=True)
class Cut:
    """One page of rows, and whether rows follow it."""

    page: Page
    rows: Sequence[Any]
    more: bool


def read_page(request: Request, *, default: int = MOST_ROWS, most: int = MOST_ROWS) -> Page:
    """The page that a request asks for. A limit above `most` is cut to it; what is no whole number is a 400."""
    limit = _whole(request, "limit", default, least=1)
    return Page(min(limit, most), _whole(request, "offset", 0, least=0))


def list_response(request: Request, cut: Cut, write: Callable[[Sequence[Any]], Any] = list) -> Response:
    """The rows as a bare array; `write` turns them into their wire form. `Link: <...>; rel="next"` if more follow."""
    headers = {}
    if cut.more:
        url = replace_query_param(request.build_absolute_uri(), "limit", cut.page.limit)
        url = replace_query_param(url, "offset", cut.page.offset + cut.page.limit)
        headers["Link"] = f'<{url}>; rel="next"'
    return Response(write(cut.rows), headers=headers)


def _whole(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < MOST_DIGITS else -1
    if number < least:
        raise ValidationError({name: [f"Expected a whole number of at least {least}"]})
    return number
