from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.orphans.mass_loss import (
    Admission,
    Breaker,
    BreakerPolicy,
    IncidentMove,
    admit_losses,
    confirm_losses,
)
from recovery.vocabulary import MassLossStatus

NOW = datetime(2026, 3, 19, 12, 0, tzinfo=UTC)
POLICY = BreakerPolicy()
OPEN = Breaker(MassLossStatus.OPEN, opened_at=NOW)


def admit(breaker: Breaker, live: int, due: int, after: float = 0) -> Admission:
    return admit_losses(breaker, live=live, due=due, now=NOW + timedelta(seconds=after), policy=POLICY)


@pytest.mark.parametrize(
    ("live", "limit"), [(0, 5), (1, 5), (16, 5), (17, 5), (20, 6), (100, 30), (101, 30), (1000, 300)]
)
def test_the_limit_is_five_or_thirty_percent_whichever_is_more(live: int, limit: int) -> None:
    assert POLICY.limit(live) == limit


@pytest.mark.parametrize(("live", "due"), [(100, 1), (100, 30), (5, 5), (0, 0)])
def test_losses_within_the_limit_act_at_once(live: int, due: int) -> None:
    admission = admit(Breaker(), live, due)
    assert (admission.allowed, admission.withheld, admission.incident) == (due, 0, IncidentMove.NONE)


@pytest.mark.parametrize(("live", "due"), [(100, 31), (100, 90), (6, 6)])
def test_mass_loss_withholds_all_and_raises_one_incident(live: int, due: int) -> None:
    first = admit(Breaker(), live, due)
    assert (first.allowed, first.withheld, first.incident) == (0, due, IncidentMove.RAISE)
    second = admit(first.breaker, live, due, after=5)
    assert (second.allowed, second.incident) == (0, IncidentMove.NONE)
    assert second.breaker == first.breaker


def test_agents_that_come_back_close_the_breaker_and_leave_the_truly_dead() -> None:
    admission = admit(OPEN, 100, 2, after=5)
    assert admission.breaker == Breaker()
    assert (admission.allowed, admission.incident) == (2, IncidentMove.RESOLVE)


def test_confirmation_releases_at_a_limited_rate() -> None:
    first = admit(confirm_losses(OPEN), 100, 90, after=5)
    assert (first.allowed, first.withheld) == (POLICY.release_batch, 85)
    assert admit(first.breaker, 95, 85, after=10).allowed == 0
    assert admit(first.breaker, 95, 85, after=20).allowed == POLICY.release_batch


def test_an_incident_that_nobody_confirms_releases_after_the_time_limit() -> None:
    assert admit(OPEN, 100, 90, after=599).allowed == 0
    released = admit(OPEN, 100, 90, after=600)
    assert released.allowed == POLICY.release_batch
    assert released.breaker.state is MassLossStatus.CONFIRMED


def test_confirming_what_is_not_open_changes_nothing() -> None:
    assert confirm_losses(Breaker()) == Breaker()


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        admit(Breaker(), 1, -1)


@pytest.mark.parametrize(
    "change",
    [
        {"floor": 0},
        {"percent": 0},
        {"percent": 100},
        {"release_batch": 0},
        {"release_every": timedelta(0)},
        {"give_up_after": timedelta(0)},
    ],
)
def test_a_policy_that_cannot_work_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        BreakerPolicy(**change)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200), st.booleans()), max_size=30))
def test_any_history_keeps_the_breaker_honest(history: list[tuple[int, int, bool]]) -> None:
    breaker, now, open_incidents = Breaker(), NOW, 0
    for live, due, confirmed in history:
        now += timedelta(seconds=5)
        breaker = confirm_losses(breaker) if confirmed else breaker
        admission = admit_losses(breaker, live=live, due=due, now=now, policy=POLICY)
        assert admission.allowed + admission.withheld <= due
        assert admission.allowed <= POLICY.limit(max(live, due))
        open_incidents += (admission.incident is IncidentMove.RAISE) - (admission.incident is IncidentMove.RESOLVE)
        assert open_incidents == (admission.breaker.state is not MassLossStatus.CLOSED)
        assert (admission.breaker.opened_at is None) == (admission.breaker.state is MassLossStatus.CLOSED)
        breaker = admission.breaker


@given(st.integers(6, 400))
def test_a_confirmed_mass_loss_is_drained_in_the_end(due: int) -> None:
    breaker, now = confirm_losses(OPEN), NOW
    for _ in range(due):
        now += POLICY.release_every
        admission = admit_losses(breaker, live=due, due=due, now=now, policy=POLICY)
        breaker, due = admission.breaker, due - admission.allowed
        if due == 0:
            break
    assert due == 0
