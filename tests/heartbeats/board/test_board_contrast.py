"""WCAG AA of the colours in static/css/tokens.css, measured in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[3] / "static" / "css"
SURFACES = ("bg", "surface", "raised")
WASHED = {"ok": "ok-wash", "warn": "warn-wash", "bad": "bad-wash", "accent": "accent-wash"}
WASHES = tuple(WASHED.values())


def colours(theme: int) -> dict[str, str]:
    """Name → hex, of the light (0) or dark (1) half."""
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", (CSS / "tokens.css").read_text())
    return {name: both[theme] for name, *both in pairs}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def text_pairs() -> list[tuple[str, str]]:
    """Every text colour on every ground it stands on."""
    inks = ("text", "muted", "accent", "ok", "warn", "bad")
    pairs = [(ink, ground) for ink in inks for ground in (*SURFACES, "log-bg")]
    pairs += WASHED.items()
    pairs += [(ink, ground) for ink in ("text", "muted", "warn", "ok") for ground in ("warn-wash", "bad-wash")]
    return [*pairs, ("on-accent", "accent"), ("text", "flash"), ("text", "log-mark")]


def test_the_measure_knows_its_ends() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), text_pairs())
def test_text_reaches_aa(theme: int, ink: str, ground: str) -> None:
    palette = colours(theme)
    assert contrast(palette[ink], palette[ground]) >= 4.5, f"--{ink} on --{ground}"


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("mark", "ground"), [("line-strong", "surface"), *[("focus", ground) for ground in (*SURFACES, *WASHES)]]
)
def test_borders_of_controls_and_focus_reach_three_to_one(theme: int, mark: str, ground: str) -> None:
    palette = colours(theme)
    assert contrast(palette[mark], palette[ground]) >= 3.0


def test_no_stylesheet_names_a_colour_of_its_own_except_the_terminal_hues() -> None:
    stray = {
        (sheet.name, colour)
        for sheet in CSS.glob("*.css")
        if sheet.name not in {"tokens.css", "admin.css"}
        for line in sheet.read_text().splitlines()
        if not line.startswith(".a-f")
        for colour in re.findall(r"#[0-9a-fA-F]{3,8}\b", line)
    }
    assert stray == set()
