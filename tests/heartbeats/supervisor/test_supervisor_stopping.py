"""Stopping runs: cancelled, timed out, cut off; nobody of the group is left (spec/2 J, spec/6 rows 4, 7, 43)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.utils import timezone

from heartbeats.execution import rundir
from heartbeats.execution.identity import members_of_group
from heartbeats.execution.orders import attempt_name
from heartbeats.execution.starting import boot_id
from heartbeats.models import EnvironmentLease, HeartbeatRun, LateReport
from heartbeats.runs.cancelling import cancel_run
from heartbeats.runs.claiming import claim_runs
from heartbeats.vocabulary import RunStatus
from tests.heartbeats.supervisor.conftest import LEASE, Work
from tests.heartbeats.supervisor.test_supervisor_adoption import process_of
from tests.processes import Machine
from tests.waiting import wait_for

pytestmark = pytest.mark.processes

STUBBORN = "trap '' TERM; sh -c \"trap '' TERM; sleep 60\" & echo ready; sleep 60"


def test_a_cancel_ends_the_whole_group_though_it_ignores_term(machine: Machine, work: Work) -> None:
    machine.supervise()
    run = work.begin("sh", "-c", STUBBORN, graceSec=0.3)
    process = process_of(machine, run)
    cancel_run(run.pk, now=timezone.now())
    cancelled = work.until(run, lambda now: not now.process_stopping)
    assert (cancelled.status, cancelled.error_code, cancelled.signal) == (RunStatus.CANCELLED, "cancelled", "SIGKILL")
    assert members_of_group(process.pgid) == []
    assert not EnvironmentLease.objects.filter(run=run, status="active").exists()
    assert cancelled.log_bytes is not None


def test_a_cancel_that_nobody_heard_is_found_by_the_next_supervisor(machine: Machine, work: Work) -> None:
    run = work.begin("sleep", "60")
    process = process_of(machine, run)
    cancel_run(run.pk, now=timezone.now())
    machine.supervise()
    work.until(run, lambda now: not now.process_stopping)
    assert members_of_group(process.pgid) == []


def test_the_time_limit_ends_the_run_as_timed_out(machine: Machine, work: Work) -> None:
    machine.supervise()
    run = work.begin("sleep", "60", timeoutSec=0.5, graceSec=0.2)
    ended = work.ended(run)
    assert (ended.status, ended.error_code) == (RunStatus.TIMED_OUT, "timeout")
    assert ended.result is not None
    assert ended.result["stopReason"] == "timeout"
    assert ended.result["effectiveTimeoutSec"] == 0.5


def test_daemons_that_a_command_leaves_behind_are_stopped(machine: Machine, work: Work, tmp_path: Path) -> None:
    machine.supervise()
    pid_file = tmp_path / "pid"
    script = f"(sleep 60 >/dev/null 2>&1 & echo $! > {pid_file}); exit 0"
    ended = work.ended(work.begin("sh", "-c", script, graceSec=0.2))
    assert ended.status == RunStatus.SUCCEEDED
    pid = int(pid_file.read_text())
    wait_for(lambda: not alive(pid), what="the daemon's end")


def test_a_claim_that_was_never_started_is_queued_again_once_and_then_lost(machine: Machine, work: Work) -> None:
    run = work.queue("true")
    claim(machine, run)
    machine.supervise()
    again = work.until(run, lambda now: now.status == RunStatus.QUEUED)
    assert (again.executor_host, again.process_pid, again.epoch) == (None, None, 1)
    claim(machine, run)
    lost = work.ended(run)
    assert (lost.error_code, lost.epoch) == ("process_lost", 2)


def test_a_start_that_died_in_the_middle_is_queued_again_and_its_directory_cannot_be_used(
    machine: Machine, work: Work
) -> None:
    run = work.queue("true")
    claim(machine, run)
    rundir.create(machine.runs_dir, attempt_name(run.pk, 1))
    machine.supervise()
    work.until(run, lambda now: now.status == RunStatus.QUEUED)
    wait_for(lambda: machine.live(run.pk) is None, what="the end of its directory")


def test_a_stray_child_of_a_dead_start_is_found_by_its_marker_and_stopped(machine: Machine, work: Work) -> None:
    run = work.begin("sleep", "60")
    directory = machine.live(run.pk)
    process = process_of(machine, run)
    assert directory is not None
    os.kill(process.shim.pid, 9)
    directory.remove()
    HeartbeatRun.objects.filter(pk=run.pk).update(process_pid=None)
    machine.supervise()
    work.until(run, lambda now: now.status == RunStatus.QUEUED)
    wait_for(lambda: not members_of_group(process.pgid), what="the stray's end")


def test_a_frozen_supervisor_that_lost_its_run_stops_the_child_and_reports_no_success(
    machine: Machine, work: Work
) -> None:
    supervisor = machine.supervise()
    run = work.begin("sh", "-c", "trap 'exit 0' TERM; sleep 60 & wait")
    process = process_of(machine, run)
    supervisor.freeze()
    # Another host has it: on this one a claim without a process would be given back.
    HeartbeatRun.objects.filter(pk=run.pk).update(epoch=2, executor_host="elsewhere")
    wait_for(lambda: True if frozen_for(run, LEASE / 2) else None, LEASE, what="an absence")
    supervisor.thaw()
    wait_for(lambda: not members_of_group(process.pgid), what="the child's end")
    wait_for(lambda: LateReport.objects.filter(run=run, epoch=1).exists(), what="the late report")
    now = work.reload(run)
    assert (now.status, now.epoch) == (RunStatus.RUNNING, 2)


def claim(machine: Machine, run: HeartbeatRun) -> None:
    """What a worker commits before it dies."""
    claimed = claim_runs(
        run.agent_id, host=machine.host, boot_id=boot_id(), capacity=5, lease_seconds=LEASE, now=timezone.now()
    )
    assert [claim.run_id for claim in claimed.runs] == [run.pk]


def frozen_for(run: HeartbeatRun, seconds: float) -> bool:
    row = HeartbeatRun.objects.get(pk=run.pk)
    assert row.lease_expires_at is not None
    return (row.lease_expires_at - timezone.now()).total_seconds() < seconds


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
