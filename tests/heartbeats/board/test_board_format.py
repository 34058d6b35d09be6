"""Faces, icons, stamps and sparklines."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.template import Context

from heartbeats import vocabulary
from heartbeats.board.status_faces import FACES, TONE_ICONS, face
from heartbeats.board.view_models import HourCount
from heartbeats.templatetags import board_format as tags
from tests.heartbeats.board.board_samples import NOW, running

SPRITE = Path(__file__).resolve().parents[3] / "static" / "icons.svg"


def test_every_icon_that_a_face_names_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', SPRITE.read_text()))
    named = {shown.icon for family in FACES.values() for shown in family.values()} | set(TONE_ICONS.values())
    assert named <= drawn


@pytest.mark.parametrize("family", sorted(FACES))
def test_no_two_values_of_a_family_look_the_same(family: str) -> None:
    looks = [(shown.icon, shown.word) for shown in FACES[family].values()]
    assert len(looks) == len(set(looks))


@pytest.mark.parametrize(("family", "values"), [("run", vocabulary.RunStatus), ("wakeup", vocabulary.WakeupStatus)])
def test_every_status_of_the_vocabulary_has_a_face(family: str, values: type) -> None:
    assert {str(value.value) for value in values} <= set(FACES[family])  # type: ignore[attr-defined]


def test_a_status_that_nobody_drew_keeps_its_own_name() -> None:
    assert face("run", "half_done").word == "Half done"
    assert face("run", "").word == "Unknown"


def test_a_status_is_icon_word_and_tone() -> None:
    html = tags.status("run", "failed")
    assert "#cross" in html
    assert "Failed" in html
    assert "tone-bad" in html


def test_a_stamp_says_the_age_and_keeps_the_moment_for_hover_and_ticking() -> None:
    html = tags.ago(Context({"now": NOW}), NOW - timedelta(minutes=3))
    assert ">3 m ago<" in html
    assert 'title="2026-11-21 14:29:05 UTC"' in html
    assert 'data-since="2026-11-21T14:29:05.000Z"' in html


def test_a_missing_moment_is_a_word() -> None:
    assert tags.ago(Context({"now": NOW}), None) == "never"


def test_a_silent_run_shows_its_level_unless_it_is_snoozed() -> None:
    row = running().rows[0]
    assert 'data-level="critical"' in tags.silence(Context({"now": NOW}), row)
    snoozed = dataclasses.replace(row, snoozed_until=NOW + timedelta(minutes=1))
    html = tags.silence(Context({"now": NOW}), snoozed)
    assert 'data-level="snoozed"' in html
    assert 'data-thresholds=""' in html


def test_a_run_that_never_spoke_says_so() -> None:
    assert "No output yet" in tags.silence(Context({"now": NOW}), running().rows[3])


def test_a_sparkline_speaks_its_sums_and_stacks_errors_at_the_foot() -> None:
    html = tags.sparkline([HourCount(4, 1), HourCount(0), HourCount(2)])
    assert 'aria-label="6 runs, 1 error in 3 hours"' in html
    assert html.count("bar-bad") == 1
    assert '<path class="bar-bad" d="M0 15.5h4v4.5h-4z"/>' in html
    assert '<path class="bar-good" d="M0 2.0h4v13.5h-4zM10 11.0h4v9.0h-4z"/>' in html
    assert '<path class="bar-none" d="M5 19.0h4v1.0h-4z"/>' in html


def test_a_sparkline_without_hours_is_a_sentence() -> None:
    assert "No history yet" in tags.sparkline([])


def test_a_bar_never_leaves_the_picture() -> None:
    html = tags.sparkline([HourCount(900, 900), HourCount(1, 1)])
    heights = [float(height) for height in re.findall(r"h4v([\d.]+)h-4z", html)]
    assert max(heights) <= tags.SPARK_HEIGHT
