"""How often the database hears that a run prints (spec/2 D: at most every 60 s, and at the end)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from heartbeats.execution.supervisor import output
from heartbeats.execution.supervisor.output import OutputWatch


def test_growth_is_told_every_quarter_second_and_stored_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stored, told = [1_000.0], list[Any](), list[Any]()
    monkeypatch.setattr(output, "since_boot", lambda: clock[0])
    monkeypatch.setattr(output, "last_stream", lambda _directory: "stdout")
    size = [0]
    directory = SimpleNamespace(log_size=lambda: size[0], last_output_at=lambda: 1.0)
    orders = SimpleNamespace(company_id="c", agent_id="a")
    attempt: Any = SimpleNamespace(
        name="run-1", directory=directory, orders=orders, run_id="r", epoch=1, seen_bytes=0, told_at=0.0, flushed_at=0.0
    )
    desk: Any = SimpleNamespace(ask=stored.append)
    announcer: Any = SimpleNamespace(say=told.append)
    watch = OutputWatch(desk, announcer)
    for _step in range(4 * 121):
        size[0] += 10
        watch.stir(attempt)
        watch.tell({attempt.name: attempt})
        watch.tell({attempt.name: attempt})
        clock[0] += 0.25
    assert (len(told), len(stored)) == (4 * 121, 3)
    assert told[-1].total_bytes == size[0]
