"""JSON on the wire: names of the contract change, keys of data never do, times and numbers have one form."""

from __future__ import annotations

import enum
import io
import json
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils.functional import lazystr
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

from config.common.wire.camel import (
    CamelCaseJSONParser,
    CamelCaseJSONRenderer,
    camel,
    camel_keys,
    from_json,
    opaque,
    to_json,
    wire_rows,
)
from config.common.wire.errors import BodyTooLarge
from config.common.wire.serializers import WireSerializer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Colour(enum.Enum):
    RED = "red"


def rendered(value: Any) -> Any:
    return json.loads(CamelCaseJSONRenderer().render(value))


def parsed(raw: bytes, **view: int) -> Any:
    return CamelCaseJSONParser().parse(io.BytesIO(raw), "application/json", {"view": SimpleNamespace(**view)})


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("id", "id"),
        ("last_used_at", "lastUsedAt"),
        ("runId", "runId"),
        ("budget_monthly_cents", "budgetMonthlyCents"),
        ("errors_24h", "errors24h"),
        ("a_b_c", "aBC"),
    ],
)
def test_names_become_camel_case_once(inside: str, outside: str) -> None:
    assert camel(inside) == outside
    assert camel(camel(inside)) == outside


def test_names_of_the_contract_change_at_every_level() -> None:
    nothing = WireSerializer()
    row = ReturnDict({"agent_id": 1, "active_run": {"run_id": 2}}, serializer=nothing)
    assert rendered(ReturnList([row], serializer=nothing)) == [{"agentId": 1, "activeRun": {"runId": 2}}]
    assert rendered({"wake_ids": ({"a_b": 1},)}) == {"wakeIds": [{"aB": 1}]}


def test_keys_of_data_never_change() -> None:
    context = {"stack_trace": [{"file_name": "a_b"}], "in_progress": 3}
    assert rendered({"run_context": opaque(context)}) == {"runContext": context}
    assert rendered([opaque([context])]) == [[context]]


@given(JSON)
def test_opaque_json_passes_through_whole(value: Any) -> None:
    assert camel_keys({"the_data": opaque(value)})["theData"] == value


def test_opaque_values_are_not_copied() -> None:
    context = opaque({"a_b": {}})
    assert camel_keys({"x": context})["x"] is context


def test_long_lists_are_renamed_once_and_keep_their_json() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    rows = wire_rows([(1, moment, {"a_b": 1})], ["run_id", "created_at", "result_json"])
    assert rendered(rows) == [{"runId": 1, "createdAt": "2026-01-02T00:00:00.000Z", "resultJson": {"a_b": 1}}]


def test_rows_and_names_of_unequal_length_are_a_fault() -> None:
    with pytest.raises(ValueError, match="shorter"):
        wire_rows([(1,)], ["a", "b"])


def test_every_kind_of_value_has_its_wire_form() -> None:
    key = uuid.uuid4()
    value = {
        "moment": datetime(2026, 1, 2, 3, 4, 5, 678999, tzinfo=UTC),
        "day": date(2026, 1, 2),
        "key": key,
        "cost": Decimal("1.25"),
        "colour": Colour.RED,
        "words": frozenset({"b", "a"}),
        "lazy": lazystr("later"),
        "nan": float("nan"),
        "nothing": None,
    }
    assert rendered(opaque(value)) == {
        "moment": "2026-01-02T03:04:05.678Z",
        "day": "2026-01-02",
        "key": str(key),
        "cost": 1.25,
        "colour": "red",
        "words": ["a", "b"],
        "lazy": "later",
        "nan": None,
        "nothing": None,
    }


def test_no_answer_is_no_bytes() -> None:
    assert CamelCaseJSONRenderer().render(None) == b""


@pytest.mark.parametrize("value", [10**30, "\ud800", {"deep": [[[]]]}])
def test_what_the_fast_encoder_refuses_is_still_written(value: Any) -> None:
    assert json.loads(to_json({"value": value})) == {"value": value}


def test_a_deeply_nested_stored_value_is_still_written() -> None:
    value: Any = []
    for _ in range(400):
        value = [value]
    assert to_json(value).startswith(b"[[[")


def test_an_unknown_kind_of_value_is_a_fault_not_a_string() -> None:
    with pytest.raises(TypeError, match="object has no wire form"):
        to_json({"value": object()})


@given(JSON)
def test_json_reads_back_as_written(value: Any) -> None:
    small = json.loads(json.dumps(value), parse_int=lambda text: int(text) % 2**53)
    assert from_json(to_json(small)) == small


def test_a_lone_surrogate_does_not_cost_the_body() -> None:
    assert parsed(b'{"message": "a\\ud800b", "n": 1}') == {"message": "a\ud800b", "n": 1}


def test_broken_utf8_does_not_cost_the_body() -> None:
    assert parsed(b'{"message": "a\xffb"}') == {"message": "a\ufffdb"}


def test_names_come_in_as_they_were_sent() -> None:
    assert parsed(b'{"runId": {"a_b": 1}}') == {"runId": {"a_b": 1}}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[1,]",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b'["\\ud800", 1e999]',
        b'["\\ud800", NaN]',
        b"[" * 5000 + b"]" * 5000,
        b'["\\ud800", ' + b"9" * 5000 + b"]",
    ],
)
def test_what_is_not_json_is_a_parse_error(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parsed(raw)


def test_a_body_over_the_limit_of_its_view_is_refused_and_one_at_it_is_read() -> None:
    assert parsed(b'"12345678"', max_body_bytes=10) == "12345678"
    with pytest.raises(BodyTooLarge, match="10 bytes"):
        parsed(b'"123456789"', max_body_bytes=10)
