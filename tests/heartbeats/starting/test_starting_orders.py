"""What a starter leaves for the supervisor, and the lock that tells a living starter from a dead one."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from heartbeats.execution import rundir
from heartbeats.execution.bell_socket import answer, doorbell_path, open_doorbell, ring_doorbell
from heartbeats.execution.orders import Orders, attempt_name, parse_attempt_name, read_orders, write_orders
from heartbeats.execution.start_lock import is_starting, seize, starting


def test_orders_are_read_as_they_were_written(tmp_path: Path) -> None:
    directory = rundir.create(tmp_path, "attempt")
    assert read_orders(directory) is None
    orders = Orders(
        run_id=uuid.uuid4(),
        epoch=3,
        agent_id=uuid.uuid4(),
        company_id=uuid.uuid4(),
        adapter_type="process",
        timeout_sec=1.5,
        timeout_configured=True,
        grace_sec=2.0,
        lease_until=99.0,
        session={"session": {"params": {"a": 1}, "display_id": "d", "session_id": "s"}, "rotated": True},
    )
    write_orders(directory, orders)
    assert read_orders(directory) == orders
    assert (orders.started_with.rotated, orders.started_with.session.session_id) == (True, "s")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_id": 1}', '{"run_id": "x", "epoch": 1}'])
def test_damaged_orders_are_no_orders(tmp_path: Path, text: str) -> None:
    directory = rundir.create(tmp_path, "attempt")
    (directory.path / "orders.json").write_text(text)
    assert read_orders(directory) is None


def test_the_name_of_an_attempt_can_be_read_back() -> None:
    run_id = uuid.uuid4()
    assert parse_attempt_name(attempt_name(run_id, 12)) == (run_id, 12)
    assert parse_attempt_name("something-else") is None


def test_the_lock_of_a_start_is_held_as_long_as_its_block(tmp_path: Path) -> None:
    directory = rundir.create(tmp_path, "attempt")
    assert not is_starting(directory)
    with starting(directory):
        assert is_starting(directory)
        with pytest.raises(BlockingIOError), starting(directory):
            raise AssertionError("two starters")
    assert not is_starting(directory)


def test_a_seized_directory_stays_seized_and_a_launched_one_cannot_be(tmp_path: Path) -> None:
    free, launched = rundir.create(tmp_path, "free"), rundir.create(tmp_path, "launched")
    launched.log_path.touch()
    assert [seize(free), seize(free), seize(launched)] == [True, True, False]


@pytest.mark.parametrize("depth", [1, 20])
def test_the_doorbell_is_heard_wherever_the_run_directories_are(tmp_path: Path, depth: int) -> None:
    runs_dir = tmp_path.joinpath(*["a-long-folder-name"] * depth)
    runs_dir.mkdir(parents=True)
    ring_doorbell(runs_dir, "nobody", "there")
    with open_doorbell(runs_dir) as bell:
        for event in ("output", "output", "exited"):
            ring_doorbell(runs_dir, event, "run-1")
        assert answer(bell) == [("output", "run-1"), ("exited", "run-1")]
    doorbell_path(runs_dir).unlink()
