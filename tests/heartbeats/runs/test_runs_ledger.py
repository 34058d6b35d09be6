from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.ledger import LedgerAction, LedgerRun, read_ledger
from heartbeats.vocabulary import RetryReason

T0 = datetime(2026, 5, 1, tzinfo=UTC)


def at(minute: int) -> datetime:
    return T0 + timedelta(minutes=minute)


def test_every_cause_counts_towards_one_sum() -> None:
    runs = [LedgerRun(at(n), reason.value) for n, reason in enumerate(RetryReason)]
    ledger = read_ledger(runs, [], assignee_agent_id="a1")
    assert ledger.spent == len(RetryReason)
    assert set(ledger.by_cause.values()) == {1}


def test_a_liveness_continuation_counts_although_it_has_no_retry_reason() -> None:
    ledger = read_ledger([LedgerRun(at(1), None, "run_liveness_continuation")], [], assignee_agent_id="a1")
    assert ledger.by_cause == {"run_liveness_continuation": 1}


def test_runs_that_somebody_asked_for_do_not_count() -> None:
    assert read_ledger([LedgerRun(at(1), None, "issue_assigned")], [], assignee_agent_id="a1").spent == 0


def test_an_action_of_a_person_or_of_the_assignee_starts_anew() -> None:
    runs = [LedgerRun(at(1), "process_lost"), LedgerRun(at(3), "process_lost"), LedgerRun(at(5), "transient_failure")]
    by_person = [LedgerAction(at(2), by_person=True)]
    by_assignee = [LedgerAction(at(4), by_person=False, agent_id="a1")]
    by_another = [LedgerAction(at(4), by_person=False, agent_id="a2"), LedgerAction(at(4), by_person=False)]
    assert read_ledger(runs, by_person, assignee_agent_id="a1").spent == 2
    assert read_ledger(runs, by_assignee, assignee_agent_id="a1").by_cause == {"transient_failure": 1}
    assert read_ledger(runs, by_another, assignee_agent_id="a1").spent == 3
    assert read_ledger(runs, by_another, assignee_agent_id=None).spent == 3


def test_the_eighth_automatic_run_is_the_last() -> None:
    runs = [LedgerRun(at(n), "process_lost") for n in range(8)]
    assert read_ledger(runs[:7], [], assignee_agent_id="a1").allows
    assert not read_ledger(runs, [], assignee_agent_id="a1").allows
    assert not read_ledger(runs[:2], [], assignee_agent_id="a1", cap=2).allows


@given(st.lists(st.sampled_from(list(RetryReason)), max_size=30), st.integers(0, 12))
def test_no_mix_of_causes_outlives_the_cap(causes: list[RetryReason], cap: int) -> None:
    started: list[LedgerRun] = []
    for minute, cause in enumerate(causes):
        if read_ledger(started, [], assignee_agent_id="a1", cap=cap).allows:
            started.append(LedgerRun(at(minute), cause))
    assert len(started) == min(cap, len(causes))
