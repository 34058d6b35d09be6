from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.bounds import MAX_STRING_CHARS, bound_payload

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=4),
    lambda children: (
        st.lists(children, max_size=60)
        | st.dictionaries(st.text(max_size=4), children, max_size=5)
        | st.tuples(children)
    ),
    max_leaves=40,
)


def test_what_is_within_bounds_stays_as_it_is() -> None:
    payload = {"a": [1, 2.5, True, None, "x"], "b": {"c": {"d": {"e": {"f": 1}}}}}
    assert bound_payload(payload) == payload


def test_a_string_is_cut_at_16_kib_and_says_how_much_is_missing() -> None:
    exact = "x" * MAX_STRING_CHARS
    assert bound_payload({"a": exact}) == {"a": exact}
    assert bound_payload({"a": exact + "yz"}) == {"a": f"{exact}\n[truncated 2 chars]"}


def test_a_list_keeps_50_items_and_a_mark() -> None:
    assert bound_payload({"a": list(range(50))})["a"] == list(range(50))
    assert bound_payload({"a": list(range(53))})["a"] == [*range(50), {"_truncated": True, "omittedItems": 3}]


def test_an_object_keeps_100_keys_and_a_mark() -> None:
    exact = {f"k{n}": n for n in range(100)}
    assert bound_payload(exact) == exact
    cut = bound_payload({**exact, "more": 1, "most": 2})
    assert cut == {**exact, "_truncated": True, "_omittedKeys": 2}


def test_nesting_is_cut_at_depth_6_and_says_what_was_there() -> None:
    deep: dict[str, Any] = {"list": [1, 2], "object": {"x": 1}}
    for _ in range(5):
        deep = {"in": deep}
    bounded: Any = bound_payload(deep)
    for _ in range(5):
        bounded = bounded["in"]
    assert bounded == {
        "list": {"_truncated": True, "type": "array", "originalLength": 2},
        "object": {"_truncated": True, "type": "object", "keys": ["x"]},
    }


def test_a_cycle_is_cut_where_it_closes_but_a_repeated_value_is_not() -> None:
    loop: dict[str, Any] = {"n": 1}
    loop["self"] = loop
    loop["list"] = [loop]
    assert bound_payload(loop) == {"n": 1, "self": "[Circular]", "list": ["[Circular]"]}
    shared = {"x": 1}
    assert bound_payload({"a": shared, "b": shared}) == {"a": shared, "b": shared}


def test_what_json_cannot_hold_is_replaced() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    payload: dict[Any, Any] = {"nan": float("nan"), "nul": "a\x00b", "half": "\ud800", "when": now, "b": b"x", 7: 1}
    bounded = bound_payload(payload)
    assert bounded == {
        "nan": None,
        "nul": "a\ufffdb",
        "half": "\ufffd",
        "when": "2026-05-01T00:00:00+00:00",
        "b": "b'x'",
        "7": 1,
    }


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((_depth(child) for child in children), default=0)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    children = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    for child in children:
        yield from _strings(child)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=5))
def test_any_payload_becomes_storable_json_within_bounds(payload: dict[str, Any]) -> None:
    bounded = bound_payload(payload)
    assert json.loads(json.dumps(bounded, allow_nan=False)) == bounded
    for text in _strings(bounded):
        assert "\x00" not in text
        text.encode()
    assert _depth(bounded) <= 9


def test_bounding_leaves_its_argument_alone() -> None:
    payload = {"a": list(range(60))}
    bound_payload(payload)
    assert len(payload["a"]) == 60
