"""Identity: boot, pid and start time together (spec/6 rows 5 and 6). Fake /proc trees stand in for reboots."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heartbeats.execution import procfs
from heartbeats.execution.identity import (
    ProcessIdentity,
    Verdict,
    current_boot_id,
    find_by_marker,
    identify,
    judge,
    members_of_group,
    members_of_session,
)
from tests.heartbeats.execution.conftest import Runs
from tests.waiting import wait_for


class FakeHost:
    """A /proc tree of our own making."""

    def __init__(self, root: Path, boot: str = "boot-1") -> None:
        self.root = str(root)
        random = root / "sys/kernel/random"
        random.mkdir(parents=True)
        (random / "boot_id").write_text(boot + "\n")

    def process(
        self, pid: int, ticks: int, *, group: int = 1, session: int = 1, state: str = "S", environ: bytes = b""
    ) -> None:
        folder = Path(self.root) / str(pid)
        folder.mkdir(exist_ok=True)
        rest = f"{state} 1 {group} {session} " + "0 " * 15 + f"{ticks} 0 0"
        (folder / "stat").write_text(f"{pid} (a ) (S 9 name) {rest}")
        (folder / "environ").write_bytes(environ)


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path / "proc")


@pytest.mark.parametrize(
    ("recorded", "verdict"),
    [
        (ProcessIdentity("boot-1", 50, 1000), Verdict.ALIVE),
        (ProcessIdentity("boot-1", 51, 1000), Verdict.GONE),
        (ProcessIdentity("boot-1", 50, 999), Verdict.RECYCLED),
        (ProcessIdentity("boot-0", 50, 1000), Verdict.OTHER_BOOT),
        (ProcessIdentity("boot-1", 60, 2000), Verdict.GONE),
    ],
)
def test_the_verdict_follows_boot_then_existence_then_start_time(
    host: FakeHost, recorded: ProcessIdentity, verdict: Verdict
) -> None:
    host.process(50, 1000)
    host.process(60, 2000, state="Z")
    assert judge(recorded, boot_id=current_boot_id(host.root), proc_root=host.root) is verdict


def test_identify_names_a_living_process_and_nothing_else(host: FakeHost) -> None:
    host.process(50, 1000)
    host.process(60, 2000, state="Z")
    assert identify(50, proc_root=host.root) == ProcessIdentity("boot-1", 50, 1000)
    assert identify(60, proc_root=host.root) is None
    assert identify(70, proc_root=host.root) is None


def test_groups_and_sessions_list_only_the_living(host: FakeHost) -> None:
    host.process(50, 1, group=50, session=50)
    host.process(51, 2, group=50, session=50)
    host.process(52, 3, group=52, session=50)
    host.process(53, 4, group=50, session=50, state="Z")
    assert {member.pid for member in members_of_group(50, proc_root=host.root)} == {50, 51}
    assert {member.pid for member in members_of_session(50, proc_root=host.root)} == {50, 51, 52}
    assert members_of_group(99, proc_root=host.root) == []


def test_a_marker_must_match_whole(host: FakeHost) -> None:
    host.process(50, 1, environ=b"A=1\0EVERBEAT_RUN_MARKER=run-1\0B=2\0")
    host.process(51, 2, environ=b"EVERBEAT_RUN_MARKER=run-12\0")
    host.process(52, 3, environ=b"X=EVERBEAT_RUN_MARKER=run-1\0")
    assert [found.pid for found in find_by_marker("run-1", proc_root=host.root)] == [50]


def test_this_process_is_alive_and_has_a_fixed_identity() -> None:
    first, second = identify(os.getpid()), identify(os.getpid())
    assert first is not None
    assert first == second
    assert judge(first, boot_id=current_boot_id()) is Verdict.ALIVE


def test_without_proc_the_fallback_agrees_about_groups() -> None:
    """Hosts without /proc: start times come in seconds, everything else is the same."""
    stat = procfs.read_stat(os.getpid(), "/no/such/proc")
    truth = procfs.read_stat(os.getpid())
    if stat is None:
        pytest.skip("this host has no usable ps")
    assert truth is not None
    assert (stat.pgid, stat.sid) == (truth.pgid, truth.sid)
    assert stat.start_ticks > 1_000_000_000


@pytest.mark.processes
def test_a_real_run_is_found_by_its_marker_and_gone_when_it_ends(runs: Runs) -> None:
    directory, process = runs.start("sh", "-c", "sleep 60 & until [ -e go ]; do sleep 0.02; done; kill %1")
    pids = wait_for(lambda: {found.pid for found in find_by_marker(process.marker)} - {process.child.pid})
    assert process.shim.pid not in pids
    assert process.child in find_by_marker(process.marker)
    (runs.root / "go").touch()
    runs.ended(directory)
    assert judge(process.child, boot_id=current_boot_id()) is Verdict.GONE
    wait_for(lambda: judge(process.shim, boot_id=current_boot_id()) is Verdict.GONE, what="the shim to leave")
