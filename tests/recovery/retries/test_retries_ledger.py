from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.vocabulary import RetryReason
from recovery.retries.ledger import AutomaticRun, Ledger, read_ledger

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)


def run(cause: RetryReason, minutes_ago: int) -> AutomaticRun:
    return AutomaticRun(cause, NOW - timedelta(minutes=minutes_ago))


def test_every_mechanism_pays_into_the_same_ledger() -> None:
    ledger = read_ledger([run(cause, 1) for cause in RetryReason], last_action_at=None)
    assert ledger.spent == len(RetryReason)
    assert not ledger.exhausted


def test_the_default_cap_is_eight() -> None:
    assert not read_ledger([run(RetryReason.PROCESS_LOST, 1)] * 7, last_action_at=None).exhausted
    assert read_ledger([run(RetryReason.PROCESS_LOST, 1)] * 8, last_action_at=None).exhausted


def test_an_action_of_a_person_or_the_assignee_starts_a_new_page() -> None:
    runs = [run(RetryReason.PROCESS_LOST, minutes) for minutes in (30, 20, 10, 5)]
    assert read_ledger(runs, last_action_at=NOW - timedelta(minutes=10)).spent == 1


def test_the_ledger_speaks_with_its_most_frequent_cause_first() -> None:
    runs = [run(RetryReason.PROCESS_LOST, 1), *[run(RetryReason.TRANSIENT_FAILURE, 2)] * 2]
    text = read_ledger(runs, last_action_at=None).text
    assert text == "3 of 8 automatic runs spent (2 transient_failure, 1 process_lost)"
    assert Ledger(0).text == "0 of 8 automatic runs spent"


def test_a_cap_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        read_ledger([], last_action_at=None, cap=0)


@given(st.lists(st.tuples(st.sampled_from(list(RetryReason)), st.integers(0, 100))), st.integers(0, 100))
def test_the_sum_is_the_number_of_runs_since_the_last_action(
    entries: list[tuple[RetryReason, int]], since: int
) -> None:
    ledger = read_ledger([run(*entry) for entry in entries], last_action_at=NOW - timedelta(minutes=since))
    assert ledger.spent == sum(1 for _, minutes in entries if minutes < since)
    assert ledger.spent == sum(count for _, count in ledger.by_cause)
