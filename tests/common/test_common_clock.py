"""The clock: wire form of a moment, refusal of naive times, the database's time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from config.common.clock import database_now, require_aware, utc_now, wire_time

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def test_wire_time_is_utc_with_three_decimals_and_z() -> None:
    moment = datetime(2026, 3, 4, 7, 8, 9, 123999, tzinfo=timezone(timedelta(hours=2)))
    assert wire_time(moment) == "2026-03-04T05:08:09.123Z"


def test_wire_time_writes_zero_milliseconds_and_early_years_in_full() -> None:
    assert wire_time(datetime(5, 1, 1, tzinfo=UTC)) == "0005-01-01T00:00:00.000Z"


@given(st.datetimes(datetime(1900, 1, 2), datetime(9999, 12, 30), timezones=ZONES))  # noqa: DTZ001
def test_wire_time_reads_back_as_the_same_millisecond(moment: datetime) -> None:
    lost = moment - datetime.fromisoformat(wire_time(moment))
    assert timedelta(0) <= lost < timedelta(milliseconds=1)


@pytest.mark.parametrize("use", [require_aware, wire_time])
def test_a_naive_time_is_refused(use: object) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        use(datetime(2026, 1, 1))  # type: ignore[operator] # noqa: DTZ001


def test_utc_now_is_aware_and_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


@pytest.mark.django_db
def test_database_now_moves_inside_a_transaction() -> None:
    with transaction.atomic():
        first, second = database_now(), database_now()
    assert first.utcoffset() == timedelta(0)
    assert first < second
