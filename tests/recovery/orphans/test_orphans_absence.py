from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.orphans.absence import AbsencePolicy, Presence, Present, WasAway, ask_whether_away

NOW = datetime(2026, 3, 19, 12, 0, tzinfo=UTC)
POLICY = AbsencePolicy()


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_a_judge_that_was_here_may_condemn() -> None:
    assert ask_whether_away(Presence(ago(5)), now=NOW, policy=POLICY) == Present(Presence(NOW))


@pytest.mark.parametrize("gap", [15, 40, 60, 600])
def test_its_own_gap_grants_everybody_one_more_lease(gap: float) -> None:
    answer = ask_whether_away(Presence(ago(gap)), now=NOW, policy=POLICY)
    assert isinstance(answer, WasAway)
    assert answer.extend_to == NOW + timedelta(seconds=60)
    assert str(gap) in answer.text


def test_a_stalled_database_counts_as_an_absence() -> None:
    answer = ask_whether_away(Presence(ago(5)), now=NOW, database_stall=timedelta(seconds=20), policy=POLICY)
    assert isinstance(answer, WasAway)
    assert "database" in answer.text


def test_a_judge_without_memory_was_away() -> None:
    assert isinstance(ask_whether_away(Presence(), now=NOW, policy=POLICY), WasAway)


def test_a_clock_that_went_backwards_condemns_nobody() -> None:
    assert isinstance(ask_whether_away(Presence(ago(-30)), now=NOW, policy=POLICY), WasAway)


def test_a_slow_cadence_does_not_excuse_the_dead_for_ever() -> None:
    presence, now = Presence(ago(20)), NOW
    answers = []
    for _ in range(5):
        answer = ask_whether_away(presence, now=now, policy=POLICY)
        answers.append(type(answer))
        presence, now = answer.presence, now + timedelta(seconds=20)
    assert answers == [WasAway, WasAway, WasAway, Present, Present]


def test_a_gap_of_a_whole_lease_is_always_excused() -> None:
    assert isinstance(ask_whether_away(Presence(ago(60), late_in_a_row=99), now=NOW, policy=POLICY), WasAway)


def test_one_timely_pass_ends_the_count_of_late_ones() -> None:
    answer = ask_whether_away(Presence(ago(5), late_in_a_row=3), now=NOW, policy=POLICY)
    assert answer.presence == Presence(NOW, 0)


@pytest.mark.parametrize(("lease", "noticed", "passes"), [(60, 0, 3), (60, 60, 3), (60, 90, 3), (60, 15, 0)])
def test_a_policy_that_cannot_work_is_refused(lease: int, noticed: int, passes: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        AbsencePolicy(timedelta(seconds=lease), timedelta(seconds=noticed), passes)


@given(gap=st.floats(-1000, 10_000), stall=st.floats(0, 1000), late=st.integers(0, 10))
def test_the_memory_always_moves_to_this_pass(gap: float, stall: float, late: int) -> None:
    presence = Presence(ago(gap), late)
    answer = ask_whether_away(presence, now=NOW, database_stall=timedelta(seconds=stall), policy=POLICY)
    assert answer.presence.last_pass_at == NOW
    if isinstance(answer, WasAway):
        assert answer.extend_to == NOW + POLICY.lease
