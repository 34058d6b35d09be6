"""What a command may say about itself, and that nothing it says can break the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.execution.adapters.base import RESULT_NAME, Report
from heartbeats.execution.adapters.results import read_result, report_of


def test_the_file_wins_over_the_output(tmp_path: Path) -> None:
    (tmp_path / RESULT_NAME).write_text('{"summary": "from the file"}')
    assert read_result(tmp_path, 'EVERBEAT_RESULT {"summary": "from the output"}') == {"summary": "from the file"}


@pytest.mark.parametrize(
    ("stdout", "found"),
    [
        ('working\nEVERBEAT_RESULT {"summary": "x"}\nbye\n', {"summary": "x"}),
        ('EVERBEAT_RESULT={"summary": "x"}', {"summary": "x"}),
        ('working\n{"summary": "last line"}\n\n', {"summary": "last line"}),
        ('{"summary": "not the last line"}\nbye\n', None),
        ('{"some": "json of another kind"}\n', None),
        ("EVERBEAT_RESULT [1, 2]", None),
        ("EVERBEAT_RESULT {broken", None),
        ("", None),
    ],
)
def test_a_marked_line_or_a_last_line_of_json_is_a_result(tmp_path: Path, stdout: str, found: object) -> None:
    assert read_result(tmp_path, stdout) == found


def test_every_field_of_the_contract_is_read() -> None:
    report = report_of(
        {
            "summary": "did it",
            "result": {"files": 3},
            "usage": {"inputTokens": 5},
            "costUsd": 0.25,
            "sessionId": "s-1",
            "model": "m",
            "provider": "p",
            "errorFamily": "transient_upstream",
            "errorCode": "overloaded",
            "retryNotBefore": "2030-01-01T00:00:00Z",
        }
    )
    assert report == Report(
        summary="did it",
        result={"files": 3},
        usage={"inputTokens": 5},
        cost_usd=0.25,
        session_id="s-1",
        session_params={"sessionId": "s-1"},
        session_display_id="s-1",
        model="m",
        provider="p",
        error_family="transient_upstream",
        error_code="overloaded",
        retry_not_before="2030-01-01T00:00:00Z",
    )


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["summary", "result", "usage", "costUsd", "sessionId", "sessionParams", "errorCode", "errorMessage", "model"]
)


@given(st.dictionaries(FIELDS, JSON))
def test_no_value_of_the_wrong_kind_breaks_the_reader(result: dict[str, Any]) -> None:
    report = report_of(result)
    assert report.summary is None or isinstance(report.summary, str)
    assert report.cost_usd is None or report.cost_usd >= 0


@given(st.text())
def test_no_output_breaks_the_reader(stdout: str) -> None:
    found = read_result(Path("/nonexistent"), stdout)
    assert found is None or json.dumps(found)
