"""Lists: bare arrays, limit and offset as given, a Link where more rows follow."""

from __future__ import annotations

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from config.common.wire.pages import MOST_ROWS, Page, list_response, read_page


def asked(query: str) -> Request:
    return Request(APIRequestFactory().get(f"/api/runs?{query}"))


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", Page(MOST_ROWS, 0)),
        ("limit=5&offset=7", Page(5, 7)),
        ("limit=1000", Page(1000, 0)),
        ("limit=5000", Page(1000, 0)),
        ("limit=&offset=", Page(MOST_ROWS, 0)),
    ],
)
def test_limit_and_offset_are_taken_as_given_and_capped(query: str, page: Page) -> None:
    assert read_page(asked(query)) == page


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "offset=-1", "offset=1.5", "limit=²", "offset=99999999999999999999"]
)
def test_bad_values_are_refused(query: str) -> None:
    with pytest.raises(ValidationError):
        read_page(asked(query))


def test_a_route_may_have_its_own_default_and_cap() -> None:
    assert read_page(asked(""), default=100, most=500) == Page(100, 0)
    assert read_page(asked("limit=900"), default=100, most=500) == Page(500, 0)


def test_a_page_reads_one_row_too_many_to_know_whether_more_follow() -> None:
    assert Page(3, 2).cut(range(6)).rows == [2, 3, 4]
    assert Page(3, 2).cut(range(6)).more
    assert not Page(3, 2).cut(range(5)).more


def test_more_rows_are_said_in_a_link_that_keeps_the_other_parameters() -> None:
    request = asked("agentId=a&limit=2")
    response = list_response(request, read_page(request).cut(range(5)))
    assert response.data == [0, 1]
    assert response["Link"] == '<http://testserver/api/runs?agentId=a&limit=2&offset=2>; rel="next"'


def test_the_last_page_has_no_link_and_rows_take_their_wire_form() -> None:
    request = asked("offset=3&limit=2")
    response = list_response(request, read_page(request).cut(range(5)), lambda rows: [{"n": row} for row in rows])
    assert response.data == [{"n": 3}, {"n": 4}]
    assert "Link" not in response
