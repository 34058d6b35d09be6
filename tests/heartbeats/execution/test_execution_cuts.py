"""A log that lost output says so on its run, once, while the run goes on (spec/6 row 30)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from heartbeats.execution.adapters.base import Report
from heartbeats.execution.rundir import Truncation
from heartbeats.execution.supervisor import results
from heartbeats.execution.supervisor.cuts import note_cut
from heartbeats.models import RunEvent
from tests.factories.heartbeats import running_run


@pytest.mark.django_db
@pytest.mark.parametrize(("reason", "says"), [("log_limit", "reached its limit"), ("ENOSPC", "the disk refused it")])
def test_a_cut_is_noted_once_on_the_run_and_among_its_events(reason: str, says: str) -> None:
    run = running_run(epoch=1)
    assert note_cut(run.pk, 1, Truncation(70, reason, dropped_bytes=1, resumed=False))
    assert not note_cut(run.pk, 1, Truncation(90, reason, dropped_bytes=1, resumed=False))
    run.refresh_from_db()
    event = RunEvent.objects.get(run=run)
    assert (run.log_truncated_at, run.status) == (70, "running")
    assert (event.level, event.payload) == ("warn", {"atByte": 70, "reason": reason})
    assert says in str(event.message)


@pytest.mark.django_db
def test_a_late_note_of_an_execution_that_is_over_changes_nothing() -> None:
    run = running_run(epoch=2)
    assert not note_cut(run.pk, 1, Truncation(70, "ENOSPC", dropped_bytes=1, resumed=False))
    run.refresh_from_db()
    assert run.log_truncated_at is None


def test_the_exit_record_tells_the_end_of_the_run_where_its_log_was_cut(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_report", lambda *_args, **_more: Report())
    attempt: Any = SimpleNamespace(directory=SimpleNamespace(log_path=tmp_path / "log"), causes=set(), orders=None)
    for cut, told in ((Truncation(70, "ENOSPC", dropped_bytes=1, resumed=False), 70), (None, None)):
        record: Any = SimpleNamespace(exit_code=0, signal=None, log_bytes=100, log_sha256="x", truncated=cut)
        end = results.execution_result(attempt, record)
        assert end.log_truncated_at == told
        assert (end.result or {}).get("logTruncated") == ({"atByte": 70, "reason": "ENOSPC"} if cut else None)
