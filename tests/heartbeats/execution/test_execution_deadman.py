"""The dead-man rule: off unless asked for; then a lease that nobody renews ends the command (spec/6 law 3)."""

from __future__ import annotations

import pytest

from heartbeats.execution import rundir
from heartbeats.execution.identity import members_of_group
from heartbeats.execution.launch import Launched, launch
from tests.heartbeats.execution.conftest import Runs
from tests.waiting import wait_for

pytestmark = pytest.mark.processes


def test_a_lost_lease_ends_the_group_and_says_why(runs: Runs) -> None:
    directory, process = runs.start("sh", "-c", "sleep 60 & sleep 60", deadman_sec=0.4, grace_sec=5.0)
    record = runs.ended(directory)
    assert (record.signal, record.reason) == ("SIGTERM", "lease_lost")
    wait_for(lambda: not members_of_group(process.pgid), what="the group to be empty")


def test_a_command_that_ignores_term_is_killed_after_the_grace(runs: Runs) -> None:
    script = "trap '' TERM; while :; do sleep 0.05; done"
    directory, _process = runs.start("sh", "-c", script, deadman_sec=0.4, grace_sec=0.3)
    record = runs.ended(directory)
    assert (record.signal, record.reason) == ("SIGKILL", "lease_lost")
    assert record.ended_at - record.started_at >= 0.7


def test_a_renewed_lease_keeps_the_command_running(runs: Runs) -> None:
    spec = runs.spec("sleep", "1.5", deadman_sec=0.6)
    directory = rundir.create(runs.root, spec.run_id)
    assert isinstance(launch(directory, spec), Launched)
    wait_for(lambda: directory.renew_lease() and directory.exit_record(), what="the command to end by itself")
    assert runs.ended(directory).exit_code == 0
    assert runs.ended(directory).reason is None


def test_without_the_rule_nobody_needs_a_lease(runs: Runs) -> None:
    _directory, record = runs.finish("sleep", "0.6")
    assert (record.exit_code, record.reason) == (0, None)
