"""Bearer keys (spec/1 B): 192 random bits, stored as a hash, told to nobody."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.key_material import hash_key, new_agent_key, new_board_key, same_hash
from agents.scrubbing import REDACTED, scrub_text


def counting(size: int) -> bytes:
    return bytes(range(size))


def test_an_agent_key_is_pcp_and_48_hex_characters() -> None:
    key = new_agent_key(counting)
    assert key.token == "pcp_" + bytes(range(24)).hex()
    assert key.key_hash == hashlib.sha256(key.token.encode()).hexdigest()
    assert key.prefix == "pcp_000102"


def test_a_board_key_has_its_own_prefix_that_fits_its_column() -> None:
    key = new_board_key(counting)
    assert re.fullmatch(r"pcp_board_[0-9a-f]{48}", key.token)
    assert key.prefix == "pcp_board_000102"
    assert len(key.prefix) == 16


def test_keys_differ() -> None:
    assert len({new_agent_key().token for _ in range(100)}) == 100


def test_a_key_does_not_print_itself_and_is_scrubbed_from_text() -> None:
    for key in (new_agent_key(), new_board_key()):
        assert key.token not in repr(key)
        assert scrub_text(f"used {key.token}.") == f"used {REDACTED}."


@given(st.text(st.characters()))
def test_any_text_has_a_hash(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", hash_key(text))


def test_a_lone_surrogate_has_a_hash() -> None:
    assert len(hash_key("\ud800")) == 64


@pytest.mark.parametrize(("one", "other", "same"), [("ab", "ab", True), ("ab", "ac", False), ("ab", "é", False)])
def test_hashes_are_compared_whole(one: str, other: str, same: bool) -> None:
    assert same_hash(one, other) is same
