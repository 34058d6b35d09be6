from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.results import WHOLE_MAX_BYTES, full_view, issue_list_view, json_bytes, list_view

STOP = {
    "stopReason": "timeout",
    "effectiveTimeoutSec": 90,
    "timeoutConfigured": True,
    "timeoutSource": "config",
    "timeoutFired": True,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)


def sized(size: int) -> dict[str, Any]:
    """A result whose compact JSON has exactly so many bytes."""
    return {"blob": "x" * (size - len('{"blob":""}'))}


def test_a_result_of_exactly_the_limit_is_whole_and_one_byte_more_is_cut() -> None:
    whole = sized(WHOLE_MAX_BYTES)
    assert full_view(whole) == whole
    cut = full_view(sized(WHOLE_MAX_BYTES + 1))
    assert cut == {
        "truncated": True,
        "truncationReason": "oversized_result_json",
        "originalSizeBytes": WHOLE_MAX_BYTES + 1,
    }


def test_bytes_count_not_characters() -> None:
    assert json_bytes({"a": "é"}) == len('{"a":"é"}') + 1
    assert full_view({"a": "é" * (WHOLE_MAX_BYTES // 2)})["truncated"] is True  # type: ignore[index]


def test_the_cut_keeps_texts_outputs_costs_and_stop_metadata() -> None:
    view = full_view(
        {
            **sized(WHOLE_MAX_BYTES),
            **STOP,
            "summary": "s" * 600,
            "message": "m",
            "stdout": "o" * 5000,
            "stderr": "e",
            "cost_usd": 0.5,
            "errorFamily": "transient_upstream",
            "retryNotBefore": "2026-05-01T00:00:00Z",
        }
    )
    assert view is not None
    assert view["summary"] == "s" * 500
    assert view["message"] == "m"
    assert (view["stdout"], view["stdoutTruncated"]) == ("o" * 4096, True)
    assert view["stderr"] == "e"
    assert "stderrTruncated" not in view
    assert view["costUsd"] == view["cost_usd"] == view["total_cost_usd"] == 0.5
    assert {key: view[key] for key in STOP} == STOP
    assert view["errorFamily"] == "transient_upstream"
    assert view["retryNotBefore"]
    assert "blob" not in view


def test_no_result_stays_none() -> None:
    assert full_view(None) is None
    assert list_view(None) is None
    assert issue_list_view({}) is None


def test_lists_show_only_the_short_summary() -> None:
    result = {"summary": "s" * 600, "result": " ", "error": "e", "costUsd": "0.25", "cost_usd": "x", "other": 1, **STOP}
    assert list_view(result) == {"summary": "s" * 500, "error": "e", "costUsd": 0.25}


def test_the_runs_of_an_issue_also_show_why_they_stopped() -> None:
    assert issue_list_view({"summary": "s", **STOP}) == {"summary": "s", **STOP}


@pytest.mark.parametrize("cost", [True, [], None, "nan", "inf", 10**400, ""])
def test_a_cost_that_is_no_number_is_left_out(cost: Any) -> None:
    assert list_view({"costUsd": cost}) is None


@given(st.dictionaries(st.sampled_from(["summary", "stdout", "stopReason", "costUsd", "x"]), JSON), st.booleans())
def test_every_view_is_small_json(result: dict[str, Any], big: bool) -> None:
    if big:
        result["filler"] = "z" * (WHOLE_MAX_BYTES + 1)
    for view in (full_view(result), list_view(result), issue_list_view(result)):
        assert json_bytes(view) <= WHOLE_MAX_BYTES
        json.dumps(view)


def test_lone_surrogates_are_measured_without_raising() -> None:
    assert json_bytes({"a": "\ud800"}) > 0
