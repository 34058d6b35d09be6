"""How soon the next heartbeat is due, and how long a remote run may go without one (spec/1 C)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from config.env import Timings
from heartbeats.intake.pacing import COMFORTABLE_SECONDS, MOST_STRETCH, Load, next_pause, remote_lease_seconds

DRAWS = st.floats(0, 1)


@given(DRAWS)
def test_an_idle_server_asks_for_fifteen_seconds_give_or_take_a_tenth(draw: float) -> None:
    assert 13.5 <= next_pause(15, draw=draw, seconds_each=0.0) <= 16.5


@given(DRAWS, st.floats(0, 1e6), st.floats(0, 1e6))
def test_slower_heartbeats_are_asked_for_less_often_within_bounds(draw: float, one: float, other: float) -> None:
    quick, slow = sorted((one, other))
    assert next_pause(15, draw=draw, seconds_each=quick) <= next_pause(15, draw=draw, seconds_each=slow)
    assert next_pause(15, draw=draw, seconds_each=slow) <= 15 * MOST_STRETCH * 1.1


@given(DRAWS, st.floats(0, 100), st.floats(1, 600))
def test_a_run_outlives_one_lost_heartbeat_at_any_load(draw: float, seconds_each: float, lease: float) -> None:
    timings = Timings(lease, lease / 4, lease / 4, 5, 30, 60, 300)
    longest = next_pause(timings.renew_every, draw=draw, seconds_each=seconds_each)
    assert remote_lease_seconds(timings) + 0.01 >= 2 * longest
    assert remote_lease_seconds(timings) >= lease


def test_the_load_follows_what_heartbeats_take() -> None:
    load = Load()
    for _ in range(200):
        load.note(10 * COMFORTABLE_SECONDS)
    assert load.seconds > 9 * COMFORTABLE_SECONDS
    for _ in range(200):
        load.note(0.001)
    assert load.seconds < COMFORTABLE_SECONDS


def test_a_heartbeat_that_raises_is_measured_too() -> None:
    ticks = iter([0.0, 2.0])
    load = Load(clock=lambda: next(ticks))
    try:
        with load.measured():
            raise RuntimeError
    except RuntimeError:
        pass
    assert load.seconds > 0
