"""Grouping errors (spec/1 I): what is folded, what is told apart, which is worst."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.error_fingerprint import MAX_MESSAGE, fingerprint, normalise, worst_severity
from agents.vocabulary import ErrorSeverity

FATAL, WARNING = ErrorSeverity.FATAL, ErrorSeverity.WARNING


@pytest.mark.parametrize(
    ("message", "folded"),
    [
        ("timeout after 31.5 s, attempt 3", "timeout after # s, attempt #"),
        ("run 0190a1b2-0000-7000-8000-00000000000f lost", "run # lost"),
        ("commit deadbeef01 at 0xFF00", "commit # at #"),
        ("cannot open /var/lib/x/y.log", "cannot open <path>"),
        (r"cannot open C:\work\y.log", "cannot open <path>"),
        ("cannot open ./a/b.py:12", "cannot open <path>:#"),
        ("cannot open src/app/main.py", "cannot open <path>"),
        ("GET https://api.example.org/v1/x?y=1 failed", "GET <url> failed"),
        ("two\n  lines\t here ", "two lines here"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("facade failed", "facade failed"),
        ("", ""),
    ],
)
def test_numbers_ids_paths_and_addresses_are_folded(message: str, folded: str) -> None:
    assert normalise(message) == folded


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.uuids(), st.uuids())
def test_messages_that_differ_in_numbers_and_ids_only_are_one_group(
    first: int, second: int, one: object, two: object
) -> None:
    assert fingerprint(f"task {one} failed after {first} ms") == fingerprint(f"task {two} failed after {second} ms")


@pytest.mark.parametrize("other", ["task lost after 5 s", "Task failed after 5 ms", "task failed after 5 ms in queue"])
def test_messages_that_differ_in_words_are_two_groups(other: str) -> None:
    assert fingerprint("task failed after 5 ms") != fingerprint(other)


@given(st.text(max_size=2000))
def test_a_fingerprint_is_64_hex_characters_and_the_message_is_bounded(message: str) -> None:
    assert len(fingerprint(message)) == 64
    assert len(normalise(message)) <= MAX_MESSAGE


@pytest.mark.parametrize("attack", ["a-", "a.", "/a", "0x", "a/", "1.", "C:\\", "ab://", " "])
def test_no_message_takes_long(attack: str) -> None:
    began = time.process_time()
    normalise(attack * 100_000)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("severities", "worst"),
    [
        (["warning", "fatal"], FATAL),
        (["critical"], FATAL),
        (["Error", "warning"], FATAL),
        (["WARNING"], WARNING),
        (["info", "debug", ""], None),
        ([], None),
    ],
)
def test_the_worst_severity(severities: list[str], worst: ErrorSeverity | None) -> None:
    assert worst_severity(severities) is worst


@given(st.lists(st.sampled_from(["fatal", "critical", "error", "warning", "info", "x"])))
def test_the_worst_severity_does_not_depend_on_order(severities: list[str]) -> None:
    assert worst_severity(severities) is worst_severity(reversed(severities))
