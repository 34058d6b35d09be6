"""Sweeps when beat or the workers are dead (spec/6 fault 8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from config.env import Timings
from recovery.models import SweepState
from recovery.sweeps.backstop import Backstop, overdue
from recovery.sweeps.catalogue import START_ORDER
from recovery.sweeps.run import switch_sweep
from recovery.vocabulary import SweepName

NOW = datetime(2026, 3, 19, 12, 0, tzinfo=UTC)
TIMINGS = Timings(
    lease=60, renew_every=15, self_stop_before=15, sweep_every=5, reconcile_every=30, watch_every=60, silence_after=300
)


def late(seconds: float, *, watching_for: float = 1000) -> list[SweepName]:
    begun = dict.fromkeys(SweepName, NOW - timedelta(seconds=seconds))
    return overdue(begun, now=NOW, since=NOW - timedelta(seconds=watching_for), timings=TIMINGS)


def test_a_sweep_is_overdue_after_nearly_two_of_its_periods_the_reaper_first() -> None:
    assert late(8) == []
    assert late(10) == [SweepName.REAP_ORPHANS, SweepName.PROMOTE_RETRIES, SweepName.DISPATCH_QUEUED, "tick_timers"]
    assert SweepName.RECONCILE_STRANDED in late(55)


def test_who_has_only_begun_to_watch_calls_nothing_overdue() -> None:
    assert late(5_000, watching_for=8) == []
    assert overdue({}, now=NOW, since=NOW, timings=TIMINGS) == []


def test_what_never_began_is_overdue_in_the_order_of_a_start() -> None:
    assert overdue({}, now=NOW, since=NOW - timedelta(days=1), timings=TIMINGS) == list(START_ORDER)


@pytest.mark.django_db
def test_the_backstop_makes_what_is_overdue_and_leaves_what_an_operator_switched_off() -> None:
    ago = timezone.now() - timedelta(days=1)
    switch_sweep(SweepName.PRUNE, enabled=False)
    assert Backstop(ago)() == [name for name in START_ORDER if name != SweepName.PRUNE]
    assert set(SweepState.objects.filter(last_succeeded_at__gt=ago).values_list("sweep", flat=True)) == {
        name for name in SweepName if name != SweepName.PRUNE
    }
    assert Backstop(ago)() == []
