from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.silence.level import Silence, SilenceLevel
from recovery.silence.texts import (
    EventLine,
    SilentRun,
    critical_comment,
    duration_text,
    evaluation_description,
    evaluation_title,
    fenced,
    log_tail_text,
    one_line,
)

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
SILENCE = Silence(SilenceLevel.SUSPICIOUS, NOW - timedelta(minutes=75), timedelta(minutes=75))
RUN = SilentRun(
    run_id="run-1",
    agent_id="agent-1",
    agent_name="Ada",
    prefix="ABC",
    invocation="assignment/system",
    source_identifier="ABC-12",
    started_at=NOW - timedelta(hours=2),
    last_output_at=NOW - timedelta(minutes=75),
    process=(("pid", 4711), ("host", "alpha")),
    log_tail=b"compiling\nlinking\n",
    events=(EventLine(1, "lifecycle", "started"),),
    children=("ABC-13",),
    blockers=("ABC-14",),
)


def redact(text: str) -> str:
    return re.sub(r"sk-\w+", "[REDACTED]", text)


def describe(run: SilentRun) -> str:
    return evaluation_description(run, SILENCE, redact=redact)


def test_the_title_names_the_agent_on_one_line() -> None:
    assert evaluation_title("Ada") == "Review silent active run for Ada"
    assert len(evaluation_title("A\n" * 500)) < 160


@pytest.mark.parametrize("phrase", [
    "(/ABC/agents/agent-1/runs/run-1)", "- Agent: Ada", "`assignment/system`", "[ABC-12](/ABC/issues/ABC-12)",
    "silent for 1 h 15 m (suspicious)", "suspicious after 1 h 0 m, critical after 4 h 0 m", "2026-04-20T10:45:00+00:00",
    "pid: `4711`", "linking", "1 lifecycle: `started`", "[ABC-13]", "[ABC-14]", "- [ ]", "dismissed_false_positive",
])  # fmt: skip
def test_the_description_holds_what_a_reviewer_needs(phrase: str) -> None:
    assert phrase in describe(RUN)


def test_a_run_without_anything_still_has_a_description() -> None:
    bare = SilentRun("run-1", "agent-1", "Ada", "ABC", "timer")
    text = describe(bare)
    assert "No output was recorded." in text
    assert "Source issue: none" in text
    assert "## Blockers" not in text


def test_secrets_are_redacted_in_output_and_events() -> None:
    text = describe(replace(RUN, log_tail=b"key sk-abc123\n", events=(EventLine(1, "error", "with sk-def456"),)))
    assert "sk-" not in text
    assert text.count("[REDACTED]") == 2


@pytest.mark.parametrize("glue", [b"\n", b" "])
def test_a_cut_never_leaves_half_a_secret(glue: bytes) -> None:
    secret = b"sk-" + b"x" * 100
    tail = secret + glue + b"y" * (8192 - 60 - len(glue))
    assert "x" not in log_tail_text(tail, redact)
    assert "x" not in log_tail_text(tail[-8192:], redact, whole=len(tail))


def test_a_credential_in_one_long_line_does_not_lose_its_prefix() -> None:
    tail = b"Bearer hunter2 " + b"word " * 1636
    kept = log_tail_text(tail, lambda text: re.sub(r"Bearer \S+", "[REDACTED]", text))
    assert "hunter2" not in kept
    assert kept.startswith("word word")


def test_a_tail_of_a_longer_log_starts_with_a_whole_line() -> None:
    assert log_tail_text(b"half a secret\nhello", redact, whole=100) == "hello"
    assert log_tail_text(b"a whole line\nhello", redact, whole=18) == "a whole line\nhello"


def test_one_endless_word_that_was_cut_is_not_shown() -> None:
    assert log_tail_text(b"z" * 9000, redact) == ""


def test_the_newest_eight_events_are_shown_three_hundred_characters_each() -> None:
    text = describe(replace(RUN, events=tuple(EventLine(seq, "log", "m" * 999) for seq in range(20))))
    shown = re.findall(r"^- (\d+) log: `(.*)`$", text, flags=re.MULTILINE)
    assert [int(seq) for seq, _ in shown] == list(range(12, 20))
    assert all(len(message) == 300 for _, message in shown)


def test_eight_children_and_blockers_are_shown() -> None:
    many = tuple(f"ABC-{number}" for number in range(100, 120))
    text = describe(replace(RUN, children=many, blockers=many))
    assert text.count("and 12 more") == 2
    assert "ABC-107" in text
    assert "ABC-108" not in text


def test_the_critical_comment_says_that_the_process_was_not_touched() -> None:
    silence = Silence(SilenceLevel.CRITICAL, NOW, timedelta(hours=4))
    text = critical_comment(silence, source_identifier="ABC-12")
    assert "4 h 0 m" in text
    assert "[ABC-12](/ABC/issues/ABC-12) is blocked by this issue" in text
    assert "not touched" in text
    assert "blocked" not in critical_comment(silence, source_identifier=None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 m 0 s"), (3599, "59 m 59 s"), (3600, "1 h 0 m"), (90_000, "25 h 0 m")],
)
def test_durations_are_for_people(seconds: int, text: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == text


@given(st.binary(max_size=20_000), st.integers(0, 40_000))
def test_the_tail_is_bounded_and_storable(tail: bytes, whole: int) -> None:
    text = log_tail_text(tail, redact, whole=whole)
    assert len(text) <= 4_000
    assert "\x00" not in text


@given(st.text(alphabet="`~ab\n", max_size=60))
def test_output_can_never_end_its_fence(text: str) -> None:
    block = fenced(text)
    if text.strip():
        fence = block.split("text\n", 1)[0]
        assert fence not in block[len(fence) : -len(fence)]


@given(st.text(max_size=200), st.integers(1, 50))
def test_one_line_is_one_bounded_line(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
