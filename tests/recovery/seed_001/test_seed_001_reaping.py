"""The reaper's cases of the process-recovery seed (spec/3 A)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from heartbeats.execution.identity import identify
from heartbeats.execution.orders import attempt_name
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.leases import clear_detached
from heartbeats.vocabulary import RunStatus
from recovery.audit.run import audit
from tests.factories.heartbeats import EnvironmentLeaseFactory
from tests.present import present
from tests.recovery.seed_rows import DEAD_PID, lost_run, reap
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db

SLEEPER = "import time; time.sleep(60)"
LEADER = (
    "import subprocess, sys; "
    f"print(subprocess.Popen([sys.executable, '-c', {SLEEPER!r}], stdin=-3, stdout=-3, stderr=-3).pid, flush=True)"
)


@contextmanager
def living_process() -> Iterator[int]:
    child = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    try:
        yield child.pid
    finally:
        child.kill()
        child.wait()


def test_keeps_a_local_run_active_when_the_recorded_pid_is_still_alive() -> None:
    with living_process() as pid:
        alive = identify(pid)
        assert alive is not None
        rows = lost_run(process_pid=pid, process_start_ticks=alive.start_ticks, with_issue=False)
        report = reap()
        assert report.counts.get("reaped", 0) == 0
        rows.again()
        assert (rows.run.status, rows.run.error_code) == ("running", "process_detached")
        assert str(pid) in (rows.run.error or "")
        assert WakeupRequest.objects.get(pk=present(rows.run.wakeup_id)).status == "claimed"
        assert alive == identify(pid)
    assert audit() == []


def test_queues_exactly_one_retry_when_the_recorded_local_pid_is_dead() -> None:
    rows = lost_run(process_pid=DEAD_PID)
    report = reap()
    assert (report.counts, report.results.ids) == ({"reaped": 1}, (rows.run.pk,))
    rows.again()
    [retry] = rows.other_runs
    assert (rows.run.status, rows.run.error_code, rows.run.liveness_state) == ("failed", "process_lost", "failed")
    assert "process_lost" in (rows.run.liveness_reason or "")
    assert rows.run.result is not None
    stop = {"stopReason": "process_lost", "timeoutConfigured": False, "timeoutFired": False}
    assert stop.items() <= rows.run.result.items()
    assert (retry.status, retry.retry_of_run_id, retry.process_loss_retry_count) == ("queued", rows.run.pk, 1)
    assert (rows.issue.execution_run_id, rows.issue.checkout_run_id) == (retry.pk, rows.run.pk)
    assert reap().results.acted == 0
    assert audit() == []


def test_releases_active_environment_leases_when_an_orphaned_run_is_reaped() -> None:
    rows = lost_run(process_pid=DEAD_PID)
    lease = EnvironmentLeaseFactory(run=rows.run, issue=rows.issue)
    assert reap().results.ids == (rows.run.pk,)
    lease.refresh_from_db()
    assert lease.status == "failed"
    assert lease.released_at is not None


def orphaned_group(run: HeartbeatRun) -> tuple[int, int]:
    """A leader that is gone, and a descendant in its group, which carries the run's marker as all that we start do."""
    marker = attempt_name(run.pk, run.epoch)
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "EVERBEAT_RUN_MARKER": marker},
    )
    out, _ = leader.communicate(timeout=20)
    return leader.pid, int(out)


def test_reaps_orphaned_descendant_process_groups_when_the_parent_pid_is_already_gone() -> None:
    rows = lost_run(process_pid=DEAD_PID)
    leader, descendant = orphaned_group(rows.run)
    try:
        assert identify(descendant) is not None
        HeartbeatRun.objects.filter(pk=rows.run.pk).update(process_pid=leader, process_group_id=leader)
        assert reap().results.ids == (rows.run.pk,)
        wait_for(lambda: identify(descendant) is None, what="the descendant's end")
    finally:
        if identify(descendant) is not None:
            os.kill(descendant, signal.SIGKILL)
    rows.again()
    assert (rows.run.status, rows.run.error_code) == ("failed", "process_lost")
    assert "descendant process group" in (rows.run.error or "")
    [retry] = rows.other_runs
    assert (retry.status, rows.issue.execution_run_id) == ("queued", retry.pk)
    assert audit() == []


def test_clears_the_detached_warning_when_the_run_reports_activity_again() -> None:
    text = "Nobody watches this run any more, but its process (pid 123) is still alive"
    rows = lost_run(with_issue=False, error_code="process_detached", error=text)
    assert clear_detached(rows.run.pk, epoch=rows.run.epoch)
    rows.again()
    assert (rows.run.error_code, rows.run.error, rows.run.status) == (None, None, RunStatus.RUNNING)
