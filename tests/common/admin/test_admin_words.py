"""How the admin writes things down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from config.common.admin import cells, faces, words
from config.common.admin.deeds import Tally

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=13), "13 s ago"),
        (timedelta(minutes=3, seconds=59), "3 m ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=2, hours=23), "2 d ago"),
        (timedelta(minutes=-4), "in 4 m"),
    ],
)
def test_times_are_relative_in_the_largest_unit_that_fits(ago: timedelta, text: str) -> None:
    assert words.relative(NOW - ago, NOW) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.42, "0.4 s"), (13, "13 s"), (133, "2 m 13 s"), (11_100, "3 h 05 m")])
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_json_is_cut_at_two_thousand_characters_and_says_so() -> None:
    short, nothing = words.pretty({"a": 1})
    assert (short, nothing) == ('{\n  "a": 1\n}', None)
    text, left_out = words.pretty({"a": "x" * 5_000})
    assert len(text) == 2_000
    assert left_out == "first 2,000 of 5,013 characters"


def test_every_status_has_an_icon_and_a_word() -> None:
    shown = faces.badge("deferred_issue_execution")
    assert "#clock" in shown
    assert "Deferred" in shown
    assert "Never drawn" in faces.badge("never_drawn")


def test_what_agents_say_is_never_markup() -> None:
    row = SimpleNamespace(message="<script>alert(1)</script>", context={"<b>": "</pre><script>"})
    for cell in (
        cells.line("message"),
        cells.prose("message"),
        cells.pretty_json("context"),
        cells.identifier("message"),
    ):
        assert "<script>" not in cell(row)


def test_a_time_carries_the_absolute_one_on_hover() -> None:
    row = SimpleNamespace(at=NOW)
    assert 'title="2026-03-01 12:00:00 UTC"' in cells.when("at")(row)


def test_the_sentence_after_an_action_counts_what_was_done_and_why_not() -> None:
    tally = Tally(done=12)
    tally.skipped["already resolved"] = 3
    assert tally.sentence("acknowledged") == "12 acknowledged, 3 skipped because already resolved."
    assert Tally(failed=2).sentence("cancelled") == "none cancelled, 2 failed: see the server's log."
