"""Text that comes in: nothing that cannot be stored, typed newlines become real, caps count what was received."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.common.wire.text import MAX_DEPTH, TooDeep, clean_json, clean_text, compact_length, real_newlines

ANY_TEXT = st.text(st.characters(), max_size=50)
WILD_TEXT = st.text(st.sampled_from(["\x00", "\ud800", "\udfff", "a", "é", "😀", "\n"]), max_size=30)


@given(ANY_TEXT | WILD_TEXT)
def test_cleaned_text_can_be_stored_and_keeps_its_length(text: str) -> None:
    clean = clean_text(text)
    clean.encode("utf-8")
    assert "\x00" not in clean
    assert len(clean) == len(text)


def test_nul_and_lone_surrogates_become_the_replacement_character_and_pairs_stay() -> None:
    assert clean_text("a\x00b\ud800c😀") == "a\ufffdb\ufffdc😀"


def test_cleaning_reaches_keys_lists_and_objects() -> None:
    assert clean_json({"k\x00": ["\x00", {"x": "\udc00"}], "n": 1, "t": True}) == {
        "k\ufffd": ["\ufffd", {"x": "\ufffd"}],
        "n": 1,
        "t": True,
    }


def test_cleaning_copies_and_bounds_depth() -> None:
    value: Any = {"a": [1]}
    assert clean_json(value)["a"] is not value["a"]
    for _ in range(MAX_DEPTH - 2):
        value = [value]
    clean_json(value)
    with pytest.raises(TooDeep):
        clean_json([[value]])


@pytest.mark.parametrize(
    ("typed", "real"),
    [
        (r"a\nb", "a\nb"),
        (r"a\r\nb", "a\nb"),
        (r"a\rb", "a\nb"),
        (r"a\n\nb\r\n", "a\n\nb\n"),
        ("a\nb", "a\nb"),
        (r"a\tb", r"a\tb"),
        ("", ""),
    ],
)
def test_typed_newlines_become_real(typed: str, real: str) -> None:
    assert real_newlines(typed) == real


def test_compact_length_has_no_spaces_and_keeps_non_ascii() -> None:
    assert compact_length({"a": [1, 2], "é": "😀"}) == len('{"a":[1,2],"é":"😀"}')
    assert compact_length("\x00") == len(json.dumps("\x00"))
