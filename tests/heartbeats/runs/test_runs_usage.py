from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.usage import (
    SessionUse,
    Tokens,
    billed_cents,
    billing_type_of,
    recorded_raw_tokens,
    reported_tokens,
    settle_usage,
    tokens_used,
)

SESSION = SessionUse(persisted_session_id="s1", session_reused=True, task_session_reused=True, rotated=False)
COUNTS = st.integers(0, 10**9)
TOKENS = st.builds(Tokens, COUNTS, COUNTS, COUNTS)


@pytest.mark.parametrize(
    ("word", "billing"),
    [
        ("api", "metered_api"),
        ("metered_api", "metered_api"),
        ("subscription", "subscription_included"),
        ("subscription_included", "subscription_included"),
        ("subscription_overage", "subscription_overage"),
        ("credits", "credits"),
        ("fixed", "fixed"),
        ("unknown", "unknown"),
        ("other", "unknown"),
        (None, "unknown"),
        (["api"], "unknown"),
    ],
)
def test_billing_types(word: Any, billing: str) -> None:
    assert billing_type_of(word) == billing


@pytest.mark.parametrize(
    ("cost", "cents"),
    [
        (0.1, 10), (1.005, 101), (0.125, 13), (0.004, 0), (0.005, 1), (-3, 0), (None, 0), ("2", 0), (True, 0),
        (float("nan"), 0), (float("inf"), 0), (12, 1200), (40_000_000, 4_000_000_000),
    ],
)  # fmt: skip
def test_cents_are_rounded_and_never_negative(cost: Any, cents: int) -> None:
    assert billed_cents(cost, billing_type_of("api")) == cents


def test_what_a_subscription_includes_costs_nothing() -> None:
    assert billed_cents(5, billing_type_of("subscription")) == 0
    assert billed_cents(5, billing_type_of("subscription_overage")) == 500


def test_reported_tokens_are_whole_and_never_negative() -> None:
    assert reported_tokens({"inputTokens": 3.9, "cachedInputTokens": -4, "outputTokens": "7"}) == Tokens(3, 0, 0)
    assert reported_tokens(None) is None


def test_the_raw_totals_of_a_record_come_before_its_normalised_counts() -> None:
    assert recorded_raw_tokens({"inputTokens": 5, "rawInputTokens": 50, "outputTokens": 2}) == Tokens(50, 0, 2)
    assert recorded_raw_tokens({"inputTokens": 0}) is None
    assert recorded_raw_tokens(None) is None


def test_a_counter_that_fell_counts_whole_and_only_that_one() -> None:
    assert tokens_used(Tokens(150, 10, 30), Tokens(100, 20, 30)) == Tokens(50, 10, 0)


def test_a_run_in_a_reused_session_uses_the_difference() -> None:
    usage = settle_usage(
        {
            "usage": {"inputTokens": 150, "outputTokens": 30},
            "costUsd": 0.5,
            "provider": "p",
            "model": "m",
            "billingType": "api",
        },
        previous_record={"rawInputTokens": 100, "rawOutputTokens": 10, "inputTokens": 7},
        session=SESSION,
    )
    assert usage.tokens == Tokens(50, 0, 20)
    assert (usage.billed_cents, usage.biller, usage.is_cost) == (50, "p", True)
    assert usage.record == {
        "inputTokens": 50,
        "cachedInputTokens": 0,
        "outputTokens": 20,
        "rawInputTokens": 150,
        "rawCachedInputTokens": 0,
        "rawOutputTokens": 30,
        "usageSource": "session_delta",
        "persistedSessionId": "s1",
        "costUsd": 0.5,
        "sessionReused": True,
        "taskSessionReused": True,
        "freshSession": False,
        "sessionRotated": False,
        "sessionRotationReason": None,
        "provider": "p",
        "biller": "p",
        "model": "m",
        "billingType": "metered_api",
    }


def test_without_a_session_the_totals_are_the_runs_own() -> None:
    fresh = SessionUse(persisted_session_id=None, session_reused=False, task_session_reused=False, rotated=False)
    usage = settle_usage({"usage": {"inputTokens": 9}}, previous_record={"rawInputTokens": 5}, session=fresh)
    assert usage.tokens == Tokens(9)
    assert usage.record is not None
    assert "usageSource" not in usage.record
    assert usage.record["freshSession"] is True


def test_an_adapter_that_reports_nothing_leaves_no_record_and_no_cost() -> None:
    usage = settle_usage({}, previous_record=None, session=SESSION)
    assert (usage.record, usage.tokens, usage.is_cost) == (None, None, False)
    assert (usage.provider, usage.biller, usage.model, usage.billing_type) == ("unknown",) * 4


def test_money_without_tokens_is_a_cost_and_free_tokens_too() -> None:
    assert settle_usage({"costUsd": 1}, previous_record=None, session=SESSION).is_cost
    assert settle_usage({"usage": {"outputTokens": 1}}, previous_record=None, session=SESSION).is_cost
    assert not settle_usage({"usage": {}, "costUsd": 0}, previous_record=None, session=SESSION).is_cost


@given(st.lists(TOKENS, min_size=1, max_size=6))
def test_the_runs_of_a_growing_session_add_up_to_its_total(steps: list[Tokens]) -> None:
    total, previous, used = Tokens(), None, Tokens()
    for step in steps:
        total = Tokens(total.input + step.input, total.cached_input + step.cached_input, total.output + step.output)
        delta = tokens_used(total, previous)
        assert delta is not None
        used = Tokens(used.input + delta.input, used.cached_input + delta.cached_input, used.output + delta.output)
        previous = total
    assert used == total


@given(TOKENS, st.one_of(st.none(), TOKENS))
def test_no_run_uses_less_than_nothing_or_more_than_the_total(current: Tokens, previous: Tokens | None) -> None:
    used = tokens_used(current, previous)
    assert used is not None
    assert 0 <= used.input <= current.input
    assert 0 <= used.cached_input <= current.cached_input
    assert 0 <= used.output <= current.output


def test_counters_that_begin_anew_in_each_run_are_this_run_s_whole() -> None:
    told = {"usage": {"inputTokens": 150, "outputTokens": 20}, "usageBasis": "per_run"}
    usage = settle_usage(told, previous_record={"rawInputTokens": 100, "rawOutputTokens": 10}, session=SESSION)
    assert usage.tokens == Tokens(150, 0, 20)
    assert usage.record is not None
    assert (usage.record["rawInputTokens"], "usageSource" in usage.record) == (150, False)


@pytest.mark.parametrize("word", [None, "session", 7])
def test_without_that_word_counters_are_the_session_s(word: Any) -> None:
    told = {"usage": {"inputTokens": 150}, "usageBasis": word}
    usage = settle_usage(told, previous_record={"rawInputTokens": 100}, session=SESSION)
    assert usage.tokens == Tokens(50, 0, 0)
