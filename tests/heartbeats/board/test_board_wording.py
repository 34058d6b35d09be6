"""Durations, ages, sizes and money as UI.md wants them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.board import wording
from tests.heartbeats.board.board_samples import NOW, uid


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "0 s"),
        (-5, "0 s"),
        (0.0004, "1 ms"),
        (0.04, "40 ms"),
        (1.49, "1.4 s"),
        (13, "13 s"),
        (133, "2 m 13 s"),
        (3_600, "1 h 00 m"),
        (11_100, "3 h 05 m"),
        (352_800, "4 d 2 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float | None, words: str) -> None:
    assert wording.duration_words(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (1, "now"), (2, "2 s ago"), (180, "3 m ago"), (-14_400, "in 4 h"), (200_000, "2 d ago")],
)
def test_ages_have_one_unit(seconds: float, words: str) -> None:
    assert wording.relative_words(NOW - timedelta(seconds=seconds), NOW) == words


@given(st.floats(min_value=0, max_value=10**8, allow_nan=False))
def test_a_duration_never_shows_sixty_of_anything(seconds: float) -> None:
    assert "60 s" not in wording.duration_words(seconds)
    assert "60 m" not in wording.duration_words(seconds)


@given(st.integers(min_value=0, max_value=10**6), st.integers(min_value=0, max_value=10**6))
def test_a_longer_silence_is_never_a_lower_level(one: int, more: int) -> None:
    levels = ("ok", "quiet", "suspicious", "critical")
    before, after = (wording.silence_level(age, (600, 3_600, 14_400)) for age in (one, one + more))
    assert levels.index(before) <= levels.index(after)


@pytest.mark.parametrize(
    ("seconds", "level"),
    [
        (599, "ok"),
        (600, "quiet"),
        (3_599, "quiet"),
        (3_600, "suspicious"),
        (14_399, "suspicious"),
        (14_400, "critical"),
    ],
)
def test_silence_changes_its_face_exactly_at_the_thresholds(seconds: int, level: str) -> None:
    assert wording.silence_level(seconds, (600, 3_600, 14_400)) == level


@pytest.mark.parametrize(
    ("size", "words"),
    [(None, "0 B"), (812, "812 B"), (4_300, "4.2 KiB"), (125_829_120, "120 MiB"), (2**40, "1.0 TiB")],
)
def test_sizes(size: int | None, words: str) -> None:
    assert wording.bytes_words(size) == words


@pytest.mark.parametrize(
    ("cents", "words"), [(None, "–"), (42, "$0.42"), (120_400, "$1,204.00"), (-5, "−$0.05"), (0, "$0.00")]
)
def test_money(cents: int | None, words: str) -> None:
    assert wording.cents_words(cents) == words


def test_short_identifiers_come_from_the_end_where_time_ordered_ones_differ() -> None:
    assert wording.short_id_words(uid(1)) != wording.short_id_words(uid(2))
    assert str(uid(1)).endswith(wording.short_id_words(uid(1)))
    assert wording.short_id_words(None) == ""
