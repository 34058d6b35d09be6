"""Leases, processes and output are written under the claimed epoch, or not at all (DESIGN 5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.vocabulary import AgentStatus
from config.common.clock import database_now
from heartbeats.models import HeartbeatRun
from heartbeats.runs.leases import HeldRun, clear_detached, may_start, record_output, record_process, renew_leases
from heartbeats.vocabulary import ErrorCode, RunStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import BOOT, HOST, finished_run, running_run
from tests.statements import counted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def test_renewing_tells_which_runs_are_still_ours() -> None:
    ours, other_epoch = running_run(), running_run(epoch=2)
    other_boot, over = running_run(executor_boot_id="older"), finished_run()
    held = [HeldRun(run.pk, 1) for run in (ours, other_epoch, other_boot, over)]
    with counted() as statements:
        renewal = renew_leases(HOST, BOOT, held, 60)
    assert len(statements) == 1
    assert renewal.lost == {other_epoch.pk, other_boot.pk, over.pk}
    assert abs(renewal.kept[ours.pk] - database_now() - timedelta(seconds=60)) < timedelta(seconds=5)
    ours.refresh_from_db()
    assert ours.lease_expires_at == renewal.kept[ours.pk]


def test_renewing_nothing_asks_nothing() -> None:
    with counted() as statements:
        renew_leases(HOST, BOOT, [], 60)
    assert len(statements) == 0


def test_a_process_is_recorded_only_under_the_current_epoch() -> None:
    run = running_run()
    identity = {"pid": 11, "group_id": 11, "start_ticks": 99, "started_at": NOW}
    assert not record_process(run.pk, epoch=2, **identity)  # type: ignore[arg-type]
    assert record_process(run.pk, epoch=1, **identity)  # type: ignore[arg-type]
    run.refresh_from_db()
    assert (run.process_pid, run.process_group_id, run.process_start_ticks) == (11, 11, 99)


def test_output_never_goes_back() -> None:
    run = running_run()
    later = {"at": NOW, "seq": 9, "stream": "stdout", "total_bytes": 900}
    assert record_output(run.pk, epoch=1, **later)  # type: ignore[arg-type]
    assert record_output(run.pk, epoch=1, at=NOW - timedelta(seconds=5), seq=4, stream="stdout", total_bytes=900)
    run.refresh_from_db()
    assert (run.last_output_seq, run.last_output_at) == (9, NOW)
    assert not record_output(run.pk, epoch=7, **later)  # type: ignore[arg-type]


def test_a_run_may_start_only_while_it_runs_and_its_agent_is_invokable() -> None:
    run = running_run()
    assert may_start(run.pk, epoch=1)
    assert not may_start(run.pk, epoch=2)
    assert not may_start(running_run(agent=AgentFactory(status=AgentStatus.PAUSED)).pk, epoch=1)
    HeartbeatRun.objects.filter(pk=run.pk).update(status=RunStatus.CANCELLED, finished_at=NOW)
    assert not may_start(run.pk, epoch=1)


def test_activity_clears_the_mark_of_a_detached_process_once() -> None:
    run = running_run(error="lost sight", error_code=ErrorCode.PROCESS_DETACHED)
    assert clear_detached(run.pk, epoch=1)
    run.refresh_from_db()
    assert (run.error, run.error_code) == (None, None)
    assert run.events.get().level == "info"
    assert not clear_detached(run.pk, epoch=1)
