"""Secrets at rest: sealed, opened, rotated; references to them recognised."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.secret_box import CannotOpen, SecretBox, reference_name

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BOX = SecretBox(["first key"])


@given(st.text(max_size=100))
def test_what_was_sealed_opens_and_is_not_readable_in_between(text: str) -> None:
    sealed = BOX.seal(text, now=NOW)
    assert BOX.open(sealed) == text
    assert BOX.open(memoryview(sealed)) == text
    assert not text or len(text) < 4 or text.encode() not in sealed


def test_the_same_text_is_never_sealed_alike() -> None:
    assert BOX.seal("x", now=NOW) != BOX.seal("x", now=NOW)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(CannotOpen):
        SecretBox(["other"]).open(BOX.seal("x", now=NOW))


def test_a_damaged_secret_does_not_open_and_the_error_tells_nothing() -> None:
    sealed = bytearray(BOX.seal("hunter2", now=NOW))
    sealed[20] ^= 1
    for use in (BOX.open, BOX.reseal):
        with pytest.raises(CannotOpen) as refused:
            use(bytes(sealed))
        assert "hunter2" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_keys_rotate_new_first_reseal_drop_old() -> None:
    old = BOX.seal("x", now=NOW)
    both = SecretBox(["second key", "first key"])
    assert both.open(old) == "x"
    assert SecretBox(["second key"]).open(both.reseal(old)) == "x"
    with pytest.raises(CannotOpen):
        BOX.open(both.seal("x", now=NOW))


@pytest.mark.parametrize("keys", [[], [""], ["a", ""]])
def test_a_box_without_a_key_is_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="at least one key"):
        SecretBox(keys)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"type": "secret_ref", "name": "OPENAI"}, "OPENAI"),
        ({"type": "secret_ref", "name": "OPENAI", "version": 2}, "OPENAI"),
        ({"type": "secret_ref", "name": ""}, None),
        ({"type": "secret_ref", "name": 5}, None),
        ({"type": "secret_ref"}, None),
        ({"type": "plain", "name": "OPENAI"}, None),
        ("secret_ref", None),
        (None, None),
    ],
)
def test_references_are_recognised(value: Any, name: str | None) -> None:
    assert reference_name(value) == name
