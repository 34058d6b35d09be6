"""The text pipeline: the result must not depend on where the reads cut the stream (spec/2 D, logs)."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.execution.shim_parts import wire
from heartbeats.execution.shim_parts.sanitise import (
    ImageRemover,
    LongLineCutter,
    Redactor,
    StreamText,
    secret_forms,
)

SECRETS = ["abcabd", "abca", "xyz\nsecond line", "ab"]
IMAGE = "data:image/png;base64,"


def fed(step: Redactor | ImageRemover | LongLineCutter, pieces: list[str]) -> str:
    return "".join(step.feed(piece) for piece in pieces) + step.feed("", final=True)


def cut(text: str, positions: list[int]) -> list[str]:
    marks = [0, *sorted(position % (len(text) + 1) for position in positions), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(marks)]


cuts = st.lists(st.integers(min_value=0, max_value=10_000), max_size=8)


@given(st.text(alphabet="abcdxyz\n* "), cuts)
def test_no_secret_survives_however_the_stream_is_cut(text: str, positions: list[int]) -> None:
    forms = secret_forms(["abcabd", "xyz"])
    shown = fed(Redactor(forms), cut(text, positions))
    assert shown == fed(Redactor(forms), [text])
    assert not any(form in shown for form in forms)


@given(st.text(alphabet="abcd"), cuts)
def test_secrets_that_overlap_are_redacted_longest_first(text: str, positions: list[int]) -> None:
    forms = secret_forms(SECRETS)
    shown = fed(Redactor(forms), cut(text, positions))
    assert shown == fed(Redactor(forms), [text])
    assert "ab" not in shown


@pytest.mark.parametrize("spelling", ["xyz\nsecond line", "xyz\\nsecond line"])
def test_a_secret_is_found_also_as_it_looks_inside_json(spelling: str) -> None:
    assert fed(Redactor(secret_forms(SECRETS)), [f"<{spelling}>"]) == "<***REDACTED***>"


def test_empty_secrets_redact_nothing() -> None:
    assert fed(Redactor(secret_forms(["", "  "])), ["a b"]) == "a b"


@given(st.integers(1, 3000), cuts, st.sampled_from(["", '"', "\n", " and more"]))
def test_images_are_replaced_from_1024_characters_on(count: int, positions: list[int], end: str) -> None:
    text = f'<img src="{IMAGE}{"QUJD" * 800}'[: len(f'<img src="{IMAGE}') + count] + end
    shown = fed(ImageRemover(), cut(text, positions))
    if count < 1024:
        assert shown == text
    else:
        assert shown == f'<img src="{IMAGE}[image of {count} characters left out]{end}'


@given(st.text(alphabet="data:image/png;base64,Q\n "), cuts)
def test_text_that_only_resembles_an_image_is_kept(text: str, positions: list[int]) -> None:
    assert fed(ImageRemover(), cut(text, positions)) == text


@given(st.lists(st.integers(0, 250), max_size=8), cuts, st.sampled_from(["\n", "\r"]))
def test_long_lines_keep_60_percent_head_and_25_percent_tail(sizes: list[int], positions: list[int], end: str) -> None:
    lines = ["".join(chr(97 + at % 26) for at in range(size)) for size in sizes]
    shown = fed(LongLineCutter(100), cut(end.join(lines), positions))
    expected = []
    for line in lines:
        marker = f"\n[... {len(line) - 85} characters of a long line left out ...]\n"
        expected.append(line if len(line) <= 100 else line[:60] + marker + line[-25:])
    assert shown == end.join(expected)


@given(st.binary(max_size=300), cuts)
def test_any_bytes_become_storable_text(data: bytes, positions: list[int]) -> None:
    stream = StreamText([])
    marks = [0, *sorted(position % (len(data) + 1) for position in positions), len(data)]
    shown = "".join(stream.feed(data[a:b]) for a, b in itertools.pairwise(marks)) + stream.feed(b"", final=True)
    assert shown == data.decode("utf-8", "replace").replace("\0", "\ufffd")
    shown.encode("utf-8")


@given(st.text(max_size=400), st.integers(40, 200))
def test_pieces_fit_their_budget_and_split_no_character(text: str, budget: int) -> None:
    clean = text.encode("utf-8", "replace").decode()
    pieces = list(wire.encoded_pieces(clean, budget))
    assert all(len(piece) <= budget for piece in pieces)
    assert "".join(json.loads(piece) for piece in pieces) == clean


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_the_shim_s_json_is_everybody_s_json(value: dict[str, object]) -> None:
    assert json.loads(wire.dumps(value)) == value
    assert wire.loads_object(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "[1]", "null", '{"a":', "nonsense"])
def test_what_is_not_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        wire.loads_object(text)
