"""The doorbell's rhythm, by a clock of our own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from heartbeats.execution.shim_parts.bell import Bell


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.bind(str(tmp_path / "bell"))
        bell.setblocking(False)
        yield bell


def rings(listener: socket.socket) -> list[str]:
    heard = []
    try:
        while True:
            heard.append(listener.recv(200).decode())
    except BlockingIOError:
        return heard


def test_output_rings_once_in_100_ms_and_the_last_output_is_never_unrung(listener: socket.socket) -> None:
    bell = Bell(listener.getsockname(), "run-1")
    bell.output_seen(10.0)
    bell.ring_if_due(10.0)
    assert rings(listener) == ["output run-1"]
    for now in (10.01, 10.02, 10.09):
        bell.output_seen(now)
        bell.ring_if_due(now)
    assert rings(listener) == []
    assert bell.due == pytest.approx(10.1)
    bell.ring_if_due(10.11)
    assert rings(listener) == ["output run-1"]
    assert bell.due is None


def test_a_full_or_missing_listener_never_blocks(listener: socket.socket) -> None:
    bell = Bell(listener.getsockname(), "run-1")
    for _ in range(5000):
        bell.ring("output")
    assert rings(listener)
    Bell("/no/such/bell", "run-1").ring("output")
    Bell(None, "run-1").ring("output")
