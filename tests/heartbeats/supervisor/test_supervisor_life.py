"""A run from claim to end, with a real supervisor and real processes (DESIGN 5)."""

from __future__ import annotations

import hashlib

import pytest

from heartbeats.execution import rundir
from heartbeats.models import Host
from heartbeats.vocabulary import RunStatus, WakeupStatus
from tests.heartbeats.supervisor.conftest import Work
from tests.processes import Machine

pytestmark = pytest.mark.processes


def test_a_command_that_succeeds_ends_the_run_with_its_facts(machine: Machine, work: Work) -> None:
    machine.supervise()
    run = work.ended(work.begin("sh", "-c", "echo hello; echo trouble >&2"))
    assert (run.status, run.exit_code, run.error) == (RunStatus.SUCCEEDED, 0, None)
    assert (run.stdout_excerpt, run.stderr_excerpt) == ("hello\n", "trouble\n")
    stored = rundir.locate(machine.runs_dir, run.log_ref or "")
    assert stored is not None
    assert run.log_bytes == stored.log_path.stat().st_size
    assert run.log_sha256 == hashlib.sha256(stored.log_path.read_bytes()).hexdigest()
    assert run.wakeup is not None
    assert run.wakeup.status == WakeupStatus.COMPLETED
    assert run.process_pid
    assert machine.live(run.pk) is None, "its directory is archived"
    assert Host.objects.get(name=machine.host).supervisor_pid == machine.processes[0].pid
