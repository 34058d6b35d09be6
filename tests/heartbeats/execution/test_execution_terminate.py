"""Ending process groups: everybody of ours, nobody else (spec/6 rows 4 to 7)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from heartbeats.execution import procfs, rundir
from heartbeats.execution.identity import Verdict, current_boot_id, find_by_marker, identify, judge, members_of_session
from heartbeats.execution.rundir import ProcessRecord
from heartbeats.execution.terminate import (
    Outcome,
    Target,
    Termination,
    TerminationResult,
    _signal_exactly,
    terminate_group,
    terminate_marked,
)
from tests.heartbeats.execution.conftest import Runs
from tests.waiting import wait_for

pytestmark = pytest.mark.processes


def end(process: ProcessRecord, grace: float = 10.0) -> TerminationResult:
    return terminate_group(process.child, process.pgid, process.sid, grace=grace, marker=process.marker)


def printed(runs: Runs, text: str, *argv: str, **changes: object) -> ProcessRecord:
    """Start a command and wait until it says that it is ready."""
    directory, process = runs.start(*argv, **changes)
    wait_for(lambda: text in runs.output(directory), what=f"the command to print {text}")
    return process


def test_a_polite_command_ends_on_term(runs: Runs) -> None:
    process = printed(runs, "ready", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done")
    result = end(process)
    assert result.outcome is Outcome.TERMINATED
    assert process.child.pid in result.signalled
    assert result.left == ()
    assert result.seconds < 5
    assert runs.ended(rundir.live_dirs(runs.root)[0]).exit_code == 9


def test_a_command_that_ignores_term_is_killed_after_the_grace_with_its_grandchildren(runs: Runs) -> None:
    script = "trap '' TERM; (trap '' TERM; sleep 60) & setsid sleep 60 & echo ready; while :; do sleep 1; done"
    process = printed(runs, "ready", "sh", "-c", script)
    began = time.monotonic()
    result = end(process, grace=0.3)
    assert result.outcome is Outcome.KILLED
    assert 0.3 <= time.monotonic() - began < 0.3 + 10
    assert members_of_session(process.sid) == []
    assert find_by_marker(process.marker) == []
    assert runs.ended(rundir.live_dirs(runs.root)[0]).signal == "SIGKILL"


def test_daemons_in_other_sessions_are_found_by_the_marker(runs: Runs) -> None:
    process = printed(runs, "ready", "sh", "-c", "setsid sleep 60 & echo ready; sleep 60")
    assert end(process).outcome is Outcome.TERMINATED
    assert find_by_marker(process.marker) == []


def test_descendants_without_the_marker_fall_with_their_group(runs: Runs) -> None:
    script = "env -i sleep 60 & echo ready; sleep 60"
    process = printed(runs, "ready", "sh", "-c", script)
    assert end(process).outcome is Outcome.TERMINATED
    assert members_of_session(process.sid) == []


def test_the_rest_of_a_group_whose_leader_has_gone_is_ours_by_its_marker(runs: Runs) -> None:
    directory, process = runs.start("sh", "-c", "sleep 60 & sleep 60 & exit 0")
    assert runs.ended(directory).descendants_alive
    unproven = terminate_group(process.child, process.pgid, process.sid, grace=1.0)
    assert unproven.outcome is Outcome.ALREADY_GONE
    assert len(members_of_session(process.sid)) == 2
    assert end(process).outcome is Outcome.TERMINATED
    assert members_of_session(process.sid) == []


def test_a_stopped_command_is_woken_to_obey(runs: Runs) -> None:
    process = printed(runs, "ready", "sh", "-c", "echo ready; exec sleep 60")
    os.killpg(process.pgid, signal.SIGSTOP)
    assert end(process).outcome is Outcome.TERMINATED


def test_a_run_that_has_ended_is_already_gone(runs: Runs) -> None:
    directory, process = runs.start("true")
    runs.ended(directory)
    result = end(process)
    assert (result.outcome, result.signalled) == (Outcome.ALREADY_GONE, ())


@pytest.fixture
def innocent() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("change", [{"start_ticks": 1}, {"boot_id": "another-boot"}])
def test_a_recycled_pid_and_another_boot_are_not_ours_and_nobody_is_signalled(
    innocent: subprocess.Popen[bytes], change: dict[str, Any]
) -> None:
    found = identify(innocent.pid)
    assert found is not None
    result = terminate_group(replace(found, **change), innocent.pid, innocent.pid, grace=0)
    assert (result.outcome, result.signalled) == (Outcome.NOT_OURS, ())
    assert innocent.poll() is None


def test_a_pid_that_changed_hands_since_it_was_listed_gets_no_signal(innocent: subprocess.Popen[bytes]) -> None:
    stale = procfs.read_stat(innocent.pid)
    assert stale is not None
    stale.start_ticks -= 1
    assert not _signal_exactly(stale, procfs.PROC_ROOT, (signal.SIGKILL,))
    assert innocent.poll() is None


def test_strays_of_which_only_the_marker_is_known_are_stopped(runs: Runs, innocent: subprocess.Popen[bytes]) -> None:
    process = printed(runs, "ready", "sh", "-c", "echo ready; sleep 60")
    assert terminate_marked("no-such-marker", grace=0).outcome is Outcome.ALREADY_GONE
    assert terminate_marked(process.marker, grace=5).outcome is Outcome.TERMINATED
    assert judge(process.child, boot_id=current_boot_id()) is not Verdict.ALIVE
    assert innocent.poll() is None


def test_the_event_loop_form_never_blocks_and_kills_by_the_given_clock(runs: Runs) -> None:
    process = printed(runs, "ready", "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    target = Target(process.child, process.pgid, process.sid, process.marker)
    termination = Termination.begin(target, grace=30, now=100.0)
    assert termination.poll(100.0) is None
    assert termination.poll(129.9) is None
    assert judge(process.child, boot_id=current_boot_id()) is Verdict.ALIVE
    assert termination.poll(130.0) is None
    result = wait_for(lambda: termination.poll(130.5), what="the group to be gone")
    assert (result.outcome, result.seconds) == (Outcome.KILLED, 30.5)
