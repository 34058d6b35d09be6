from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.retries.ladder import (
    MAX_ATTEMPTS,
    RETRY_DELAYS,
    CodexFallback,
    RetryExhausted,
    RetryScheduled,
    codex_fallback,
    plan_retry,
)

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("previous", "minutes"), [(0, 2), (1, 10), (2, 30), (3, 120)])
def test_the_middle_sample_gives_the_base_delay_exactly(previous: int, minutes: int) -> None:
    plan = plan_retry(previous, now=NOW, sample=0.5)
    delay = timedelta(minutes=minutes)
    assert plan == RetryScheduled(previous + 1, delay, delay, NOW + delay)


@pytest.mark.parametrize(("sample", "seconds"), [(0, 90), (1, 150), (-7, 90), (42, 150)])
def test_jitter_is_a_quarter_and_samples_are_clamped(sample: float, seconds: int) -> None:
    plan = plan_retry(0, now=NOW, sample=sample)
    assert isinstance(plan, RetryScheduled)
    assert plan.delay == timedelta(seconds=seconds)


@pytest.mark.parametrize("previous", [4, 5, 99])
def test_beyond_four_attempts_there_is_no_run(previous: int) -> None:
    plan = plan_retry(previous, now=NOW, sample=0.5)
    assert plan == RetryExhausted(previous + 1, 4)
    assert plan.message.startswith(f"Bounded retry exhausted after {previous} scheduled attempts")


def test_the_outcome_after_the_last_attempt_names_attempt_five_of_four() -> None:
    plan = plan_retry(MAX_ATTEMPTS, now=NOW, sample=0.5)
    assert (plan.attempt, plan.max_attempts) == (5, 4)


def test_a_later_not_before_is_the_due_time() -> None:
    later = NOW + timedelta(hours=1, minutes=2)
    plan = plan_retry(0, now=NOW, sample=0.5, not_before=later)
    assert isinstance(plan, RetryScheduled)
    assert (plan.due_at, plan.delay, plan.base_delay) == (later, later - NOW, RETRY_DELAYS[0])


@pytest.mark.parametrize("offset", [-3600, 0, 119, 120])
def test_an_earlier_not_before_changes_nothing(offset: int) -> None:
    plain = plan_retry(0, now=NOW, sample=0.5)
    assert plan_retry(0, now=NOW, sample=0.5, not_before=NOW + timedelta(seconds=offset)) == plain


def test_the_event_names_when() -> None:
    plan = plan_retry(1, now=NOW, sample=0.5)
    assert plan.message == "Scheduled bounded retry 2/4 for 2026-04-20T12:10:00+00:00"


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        plan_retry(-1, now=NOW, sample=0.5)
    with pytest.raises(ValueError, match="not a number"):
        plan_retry(0, now=NOW, sample=float("nan"))


def test_codex_climbs_its_fallback_ladder() -> None:
    assert [codex_fallback("codex_local", attempt) for attempt in (1, 2, 3, 4)] == list(CodexFallback)


@pytest.mark.parametrize("attempt", [5, 17])
def test_the_fallback_ladder_ends_at_its_most_careful_step(attempt: int) -> None:
    assert codex_fallback("codex_local", attempt) is CodexFallback.FRESH_SESSION_SAFER_INVOCATION


@pytest.mark.parametrize("adapter", ["claude_local", "gemini_local", "process", "remote", ""])
def test_no_other_adapter_has_a_fallback_ladder(adapter: str) -> None:
    assert codex_fallback(adapter, 1) is None


@given(previous=st.integers(0, 3), sample=st.floats(allow_nan=False))
def test_a_delay_stays_within_a_quarter_of_its_base(previous: int, sample: float) -> None:
    plan = plan_retry(previous, now=NOW, sample=sample)
    assert isinstance(plan, RetryScheduled)
    assert plan.base_delay * 0.75 <= plan.delay <= plan.base_delay * 1.25
    assert plan.due_at == NOW + plan.delay


@given(previous=st.integers(0, 3), low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_larger_sample_never_waits_less(previous: int, low: float, high: float) -> None:
    low, high = sorted((low, high))
    early, late = (plan_retry(previous, now=NOW, sample=sample) for sample in (low, high))
    assert isinstance(early, RetryScheduled)
    assert isinstance(late, RetryScheduled)
    assert early.due_at <= late.due_at


@given(previous=st.integers(0, 3), offset=st.integers(-100_000, 10_000_000))
def test_the_due_time_is_never_before_the_hint(previous: int, offset: int) -> None:
    hint = NOW + timedelta(seconds=offset)
    plan = plan_retry(previous, now=NOW, sample=0.5, not_before=hint)
    assert isinstance(plan, RetryScheduled)
    assert plan.due_at == max(hint, NOW + RETRY_DELAYS[previous])
