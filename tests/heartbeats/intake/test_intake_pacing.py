"""How soon the next heartbeat is due, and how long a remote run may go without one (spec/1 C)."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent
from config.env import Timings
from heartbeats.intake.pacing import (
    COMFORTABLE_AT_ONCE,
    COMFORTABLE_PER_CORE,
    COMFORTABLE_SECONDS,
    MOST_STRETCH,
    WEIGHT,
    Load,
    Strain,
    heartbeat_load,
    longest_pause,
    next_pause,
    remote_lease_seconds,
    strain_now,
)
from tests.heartbeats.intake.conftest import calling
from tests.racing import somebody_waits_for_a_lock
from tests.waiting import wait_for

DRAWS = st.floats(0, 1)
STRAINS = st.builds(Strain, st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
EASE = st.builds(
    Strain, st.floats(0, COMFORTABLE_SECONDS), st.floats(0, COMFORTABLE_PER_CORE), st.floats(0, COMFORTABLE_AT_ONCE)
)


@given(DRAWS, EASE)
def test_a_server_at_ease_asks_for_fifteen_seconds_give_or_take_a_tenth(draw: float, strain: Strain) -> None:
    assert 13.5 <= next_pause(15, draw=draw, strain=strain) <= 16.5


@given(DRAWS, STRAINS, STRAINS)
def test_a_busier_server_asks_for_fewer_heartbeats_within_bounds(draw: float, one: Strain, other: Strain) -> None:
    busier = Strain(
        max(one.seconds_each, other.seconds_each),
        max(one.wanting_per_core, other.wanting_per_core),
        max(one.at_once, other.at_once),
    )
    for less in (one, other):
        assert next_pause(15, draw=draw, strain=less) <= next_pause(15, draw=draw, strain=busier)
    assert next_pause(15, draw=draw, strain=busier) <= 15 * MOST_STRETCH * 1.1


@pytest.mark.parametrize(
    "strain",
    [
        Strain(seconds_each=2 * COMFORTABLE_SECONDS),
        Strain(wanting_per_core=2 * COMFORTABLE_PER_CORE),
        Strain(at_once=2 * COMFORTABLE_AT_ONCE),
    ],
)
def test_each_kind_of_strain_stretches_alone(strain: Strain) -> None:
    assert next_pause(15, draw=0.5, strain=strain) == 30


@given(DRAWS, STRAINS, st.floats(1, 600))
def test_a_run_outlives_one_lost_heartbeat_at_any_load(draw: float, strain: Strain, lease: float) -> None:
    timings = Timings(lease, lease / 4, lease / 4, 5, 30, 60, 300)
    asked = next_pause(timings.renew_every, draw=draw, strain=strain)
    assert asked <= longest_pause(timings) + 0.01
    assert remote_lease_seconds(timings) + 0.01 >= 2 * asked
    assert remote_lease_seconds(timings) >= lease


def test_the_load_of_the_whole_machine_counts_not_only_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = os.cpu_count() or 1
    monkeypatch.setattr(heartbeat_load, "seconds", 0.0)
    monkeypatch.setattr(heartbeat_load, "at_once", 0.0)
    monkeypatch.setattr(os, "getloadavg", lambda: (2 * COMFORTABLE_PER_CORE * cores, 0.0, 0.0))
    assert strain_now().stretch == 2


@pytest.mark.django_db(transaction=True)
def test_what_somebody_else_does_to_the_database_stretches_the_pause_here() -> None:
    """Another connection holds the row; the heartbeat that waits for it is a slow one of this process."""
    caller = calling()
    before = heartbeat_load.seconds

    def beat() -> None:
        caller.beat()
        connection.close()

    thread = threading.Thread(target=beat)
    with transaction.atomic():
        Agent.objects.select_for_update().get(id=caller.agent.id)
        thread.start()
        wait_for(lambda: somebody_waits_for_a_lock(seconds=0.1), what="the heartbeat to wait for the agent's row")
    thread.join(10)
    assert heartbeat_load.seconds - before * (1 - WEIGHT) >= WEIGHT * 0.1


def test_the_load_follows_what_heartbeats_take() -> None:
    load = Load()
    for _ in range(200):
        load.note(10 * COMFORTABLE_SECONDS)
    assert load.seconds > 9 * COMFORTABLE_SECONDS
    for _ in range(200):
        load.note(0.001)
    assert load.seconds < COMFORTABLE_SECONDS


def test_four_threads_that_are_never_without_a_heartbeat_stretch_the_pause_however_short_each_is() -> None:
    load = Load(clock=lambda: 0.0)
    with ExitStack() as three_others:
        for _ in range(3):
            three_others.enter_context(load.measured())
        for _ in range(200):
            with load.measured():
                pass
        assert Strain(load.seconds, 0, load.at_once).stretch == pytest.approx(2, abs=0.01)
    for _ in range(200):
        with load.measured():
            pass
    assert Strain(load.seconds, 0, load.at_once).stretch == 1


def test_a_heartbeat_that_raises_is_measured_too() -> None:
    ticks = iter([0.0, 2.0])
    load = Load(clock=lambda: next(ticks))
    try:
        with load.measured():
            raise RuntimeError
    except RuntimeError:
        pass
    assert load.seconds > 0
