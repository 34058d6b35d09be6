from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.sweeps.cycle import (
    ERROR_CHARS,
    ERROR_LIMIT,
    ID_LIMIT,
    BatchCursor,
    RowTrouble,
    SweepConfig,
    SweepTally,
    push_forward,
)

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
CONFIG = SweepConfig("reap_orphans", timedelta(seconds=5), batch_size=3, max_batches=4)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": "Bad Name"}, "name"),
        ({"name": ""}, "name"),
        ({"period": timedelta(0)}, "period"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 10_001}, "batch_size"),
        ({"max_batches": 0}, "max_batches"),
        ({"push_first": timedelta(0)}, "push_first"),
        ({"push_longest": timedelta(seconds=1)}, "push_longest"),
    ],
)
def test_a_bad_setting_is_refused_by_name(change: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        SweepConfig(**{"name": "sweep", "period": timedelta(seconds=5), **change})  # type: ignore[arg-type]


def test_all_bad_settings_are_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"period.*batch_size.*max_batches"):
        SweepConfig("sweep", timedelta(0), batch_size=0, max_batches=0)


@pytest.mark.parametrize(("seconds", "stale"), [(0, False), (15, False), (16, True)])
def test_a_sweep_is_stale_after_three_periods_without_success(seconds: int, stale: bool) -> None:
    assert CONFIG.is_stale(NOW - timedelta(seconds=seconds), now=NOW) is stale


def test_a_sweep_that_never_ran_is_stale_unless_switched_off() -> None:
    assert CONFIG.is_stale(None, now=NOW)
    assert not SweepConfig("sweep", timedelta(seconds=5), enabled=False).is_stale(None, now=NOW)


def walk(rows: list[int], config: SweepConfig) -> tuple[list[int], BatchCursor[int]]:
    cursor: BatchCursor[int] = BatchCursor()
    seen: list[int] = []
    while cursor.more(config):
        batch = [row for row in rows if cursor.after is None or row > cursor.after][: config.batch_size]
        seen += batch
        cursor = cursor.past(batch, config)
    return seen, cursor


@given(st.sets(st.integers(0, 100), max_size=40))
def test_batches_visit_every_row_once_in_order_up_to_the_limit(rows: set[int]) -> None:
    seen, cursor = walk(sorted(rows), CONFIG)
    assert seen == sorted(rows)[:12]
    assert cursor.batches <= CONFIG.max_batches
    assert cursor.cut_short(CONFIG) or len(rows) <= 12


def test_an_empty_table_takes_one_look() -> None:
    seen, cursor = walk([], CONFIG)
    assert (seen, cursor.batches, cursor.cut_short(CONFIG)) == ([], 1, False)


def test_rows_that_cannot_be_acted_on_do_not_hide_later_ones() -> None:
    seen, _ = walk(list(range(12)), CONFIG)
    assert seen[-1] == 11


@given(st.lists(st.sampled_from(["act", "skip a", "skip b", "fail"])))
def test_every_row_is_counted_exactly_once(rows: list[str]) -> None:
    tally = SweepTally()
    for number, row in enumerate(rows):
        verb, _, reason = row.partition(" ")
        match verb:
            case "act":
                tally.act(str(number))
            case "skip":
                tally.skip(reason)
            case _:
                tally.fail(str(number), "boom")
    results = tally.results()
    assert results.looked_at == len(rows) == results.acted + sum(results.skipped.values()) + results.errors
    assert len(results.ids) == results.acted


def test_lists_are_capped_and_counts_are_not() -> None:
    tally = SweepTally()
    for number in range(ID_LIMIT + 5):
        tally.act(str(number))
    for number in range(ERROR_LIMIT + 5):
        tally.fail(str(number), "x" * (ERROR_CHARS + 5))
    results = tally.results(cut_short=True)
    assert (results.acted, len(results.ids)) == (ID_LIMIT + 5, ID_LIMIT)
    assert (results.errors, len(results.error_texts)) == (ERROR_LIMIT + 5, ERROR_LIMIT)
    assert len(results.error_texts[0][1]) == ERROR_CHARS
    assert results.cut_short


def test_results_become_plain_values() -> None:
    tally = SweepTally(dry_run=True)
    tally.act("a")
    tally.skip("resting")
    tally.fail("b", "boom")
    assert tally.results().as_dict() == {
        "looked_at": 3,
        "acted": 1,
        "skipped": {"resting": 1},
        "errors": 1,
        "ids": ["a"],
        "error_texts": [{"id": "b", "error": "boom"}],
        "cut_short": False,
        "dry_run": True,
    }


def test_a_poison_row_is_pushed_further_each_time_and_alarms_once() -> None:
    trouble, waits, alarms = RowTrouble(), [], []
    for _ in range(8):
        pushed = push_forward(trouble, now=NOW, config=CONFIG)
        trouble = pushed.trouble
        assert trouble.retry_at is not None
        waits.append((trouble.retry_at - NOW) / timedelta(minutes=1))
        alarms.append(pushed.alarm)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert alarms == [True] + [False] * 7
    assert trouble.flagged


def test_a_pushed_row_is_tried_again_when_its_time_comes() -> None:
    trouble = push_forward(RowTrouble(), now=NOW, config=CONFIG).trouble
    assert not trouble.may_try(NOW + timedelta(seconds=59))
    assert trouble.may_try(NOW + timedelta(seconds=60))
    assert RowTrouble().may_try(NOW)


@given(st.integers(0, 10_000))
def test_no_number_of_failures_breaks_the_push(failures: int) -> None:
    pushed = push_forward(RowTrouble(failures), now=NOW, config=CONFIG)
    assert pushed.trouble.retry_at is not None
    assert timedelta(0) < pushed.trouble.retry_at - NOW <= CONFIG.push_longest
