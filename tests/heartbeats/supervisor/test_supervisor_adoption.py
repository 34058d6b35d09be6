"""Killing the supervisor changes nothing for the agent (spec/6 rows 1 to 3, 5, 6)."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from heartbeats.execution.rundir import ExitRecord, ProcessRecord, RunDir, locate
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from tests.heartbeats.supervisor.conftest import Work
from tests.processes import Machine
from tests.waiting import wait_for

pytestmark = pytest.mark.processes

COUNTS_UNTIL_TOLD = "i=0; while [ ! -e {stop} ]; do i=$((i+1)); echo line $i; sleep 0.05; done; exit 7"


def test_ten_kills_of_the_supervisor_leave_the_same_child_the_whole_log_and_the_true_exit_code(
    machine: Machine, work: Work, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    machine.supervise()
    run = work.begin("sh", "-c", COUNTS_UNTIL_TOLD.format(stop=stop))
    before = process_of(machine, run)
    for _time in range(10):
        machine.processes[-1].kill()
        machine.supervise()
        assert work.reload(run).status == RunStatus.RUNNING
    assert process_of(machine, run) == before
    stop.touch()
    ended = work.ended(run)
    assert (ended.status, ended.exit_code, ended.epoch) == (RunStatus.FAILED, 7, 1)
    assert not ended.retries.filter(retry_reason="process_lost").exists()
    lines = log_of(machine, ended)
    assert lines == [f"line {number}" for number in range(1, len(lines) + 1)]
    assert len(lines) > 10


def test_a_command_that_ended_while_nobody_lived_is_finalised_with_its_true_exit_code(
    machine: Machine, work: Work, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    machine.supervise()
    run = work.begin("sh", "-c", COUNTS_UNTIL_TOLD.format(stop=stop))
    directory = machine.live(run.pk)
    machine.processes[-1].kill()
    stop.touch()
    assert directory is not None
    wait_for(lambda: isinstance(directory.exit_record(), ExitRecord), what="the exit record")
    assert work.reload(run).status == RunStatus.RUNNING
    machine.supervise()
    ended = work.ended(run)
    assert (ended.status, ended.exit_code) == (RunStatus.FAILED, 7)


def test_a_run_that_was_started_while_no_supervisor_lived_is_adopted(machine: Machine, work: Work) -> None:
    run = work.begin("sh", "-c", "echo alone")
    machine.supervise()
    assert work.ended(run).status == RunStatus.SUCCEEDED


def test_what_a_supervisor_was_about_to_stop_when_it_died_is_stopped_by_the_next_and_spends_no_retry(
    machine: Machine, work: Work
) -> None:
    run = work.begin("sleep", "60")
    directory = machine.live(run.pk)
    assert directory is not None
    assert directory.give_up()
    machine.supervise()
    back = work.until(run, lambda now: now.status == RunStatus.QUEUED)
    assert (back.process_loss_retry_count, back.supervisor_losses, back.error_code) == (0, 0, None)
    assert not HeartbeatRun.objects.filter(retry_of_run=run).exists()


def test_when_supervisor_shim_and_child_are_killed_the_run_is_lost_and_retried_once(
    machine: Machine, work: Work
) -> None:
    machine.supervise()
    run = work.begin("sleep", "60")
    process = process_of(machine, run)
    machine.processes[-1].kill()
    os.kill(process.shim.pid, signal.SIGKILL)
    os.killpg(process.pgid, signal.SIGKILL)
    machine.supervise()
    lost = work.ended(run)
    assert (lost.status, lost.error_code) == (RunStatus.FAILED, "process_lost")
    assert HeartbeatRun.objects.filter(retry_of_run=run).count() == 1


def test_a_shim_that_dies_alone_takes_its_command_with_it(machine: Machine, work: Work) -> None:
    machine.supervise()
    run = work.begin("sleep", "60")
    process = process_of(machine, run)
    os.kill(process.shim.pid, signal.SIGKILL)
    lost = work.ended(run)
    assert lost.error_code == "process_lost"
    assert not Path(f"/proc/{process.child.pid}/cmdline").read_bytes() if exists(process.child.pid) else True


def test_after_a_reboot_every_attempt_is_lost_and_nobody_is_signalled(machine: Machine, work: Work) -> None:
    run = work.begin("sleep", "60")
    directory = machine.live(run.pk)
    assert directory is not None
    record = (directory.path / "process.json").read_text()
    process = process_of(machine, run)
    (directory.path / "process.json").write_text(record.replace(process.child.boot_id, "another-boot"))
    machine.supervise()
    lost = work.ended(run)
    assert lost.error_code == "process_lost"
    assert "restarted" in (lost.error or "")
    assert exists(process.child.pid), "whoever has that pid now is a stranger"
    os.killpg(process.pgid, signal.SIGKILL)


def test_a_recycled_pid_belongs_to_a_stranger_who_lives_on(machine: Machine, work: Work) -> None:
    run = work.begin("sleep", "60")
    directory = machine.live(run.pk)
    assert directory is not None
    process = process_of(machine, run)
    os.kill(process.shim.pid, signal.SIGKILL)
    os.killpg(process.pgid, signal.SIGKILL)
    path = directory.path / "process.json"
    text = path.read_text()
    for pid in (process.shim.pid, process.child.pid):
        text = text.replace(f":{pid},", f":{os.getpid()},")
    path.write_text(text)
    machine.supervise()
    assert work.ended(run).error_code == "process_lost"


def process_of(machine: Machine, run: HeartbeatRun) -> ProcessRecord:
    directory = machine.live(run.pk)
    assert isinstance(directory, RunDir)
    record = directory.process()
    assert isinstance(record, ProcessRecord)
    return record


def log_of(machine: Machine, run: HeartbeatRun) -> list[str]:
    """What the command wrote; not what the start noted of its folder."""
    directory = locate(machine.runs_dir, run.log_ref or "")
    assert directory is not None
    records = map(json.loads, directory.log_path.read_text().splitlines())
    return "".join(record["chunk"] for record in records if record["stream"] != "system").splitlines()


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
