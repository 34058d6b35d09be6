"""The disk of the run logs is full for a while (spec/6 row 30)."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from django.utils import timezone

from agents.vocabulary import AdapterType
from heartbeats.execution import logs, rundir
from heartbeats.execution.rundir import RunDir
from heartbeats.execution.starting import start_runs
from heartbeats.models import HeartbeatRun, RunEvent
from heartbeats.vocabulary import RunStatus
from tests.chaos.fault import Seen, Skipped
from tests.chaos.world import World
from tests.heartbeats.intake.conftest import calling
from tests.present import present
from tests.waiting import wait_for

DISK = "1m"
BALLAST_BYTES = 700_000
FLOOD_BYTES = 3_000_000


def the_disk_of_the_logs_is_full(world: World) -> Seen:
    """A run floods a disk of 1 MB; then there is room again, and the same run and a new one go on logging."""
    runs = world.machine.runs_dir
    go, stop = world.folder / "go", world.folder / "stop"
    flood = f"head -c {FLOOD_BYTES} /dev/zero | tr '\\0' 'x' | fold -w 99"
    script = (
        f"echo first; until [ -e {go} ]; do sleep 0.05; done; {flood}; "
        f"until [ -e {stop} ]; do echo tick; sleep 0.1; done; echo last; exit 6"
    )
    with small_disk(runs, DISK):
        ballast = runs / "ballast"
        ballast.write_bytes(b"x" * BALLAST_BYTES)
        supervisor = world.machine.supervise()
        run = world.work.begin("sh", "-c", script)
        world.work.until(run, lambda now: bool(now.last_output_bytes))
        go.touch()
        began = time.monotonic()
        supervisor.says("run_disk_full")
        took = time.monotonic() - began
        _nobody_else_suffers(world, run)
        directory = present(rundir.locate(runs, present(world.work.reload(run).log_ref)))
        ballast.unlink()
        enough = _ticks(directory) + 12  # more than a second: so long the log may wait before it tries again
        wait_for(lambda: _ticks(directory) >= enough, 20, what="the log to go on")
        after = world.work.begin("echo", "room again")
        logged = _log_of(world, world.work.ended(after))
        assert "room again" in logged, logged
        stop.touch()
        ended = world.work.ended(run)
        lines = _log_of(world, ended)
    assert (ended.exit_code, ended.error_code) == (6, "adapter_failed"), ended.error_code
    assert ended.log_truncated_at is not None
    assert (lines[0], lines[-1]) == ("first", "last"), (lines[0], lines[-3:])
    told = RunEvent.objects.get(run=ended, level="warn", message__contains="Output is missing")
    return Seen(
        f"alarm after {took:.1f} s; the run went on and ended with its own code; "
        f"{told.message}; the log went on when there was room",
        took,
    )


def _nobody_else_suffers(world: World, run: HeartbeatRun) -> None:
    """While the disk is full: the command runs, its lease is renewed, agents are answered."""
    before = present(world.work.reload(run).lease_expires_at)
    renewed = world.work.until(run, lambda now: present(now.lease_expires_at) > before)
    assert renewed.status == RunStatus.RUNNING
    assert calling(adapter_type=AdapterType.REMOTE).beat("busy").status_code == 200
    start_runs(run.agent_id, now=timezone.now())


def _ticks(directory: RunDir) -> int:
    return "".join(logs.plain_text(directory.log_path)).count("tick")


def _log_of(world: World, run: HeartbeatRun) -> list[str]:
    """The lines that the command wrote, of a log each of whose lines is a whole record."""
    directory = present(rundir.locate(world.machine.runs_dir, present(run.log_ref)))
    records = [json.loads(line) for line in directory.log_path.read_bytes().splitlines()]
    return "".join(record["chunk"] for record in records if record["stream"] != "system").splitlines()


@contextlib.contextmanager
def small_disk(place: Path, size: str) -> Iterator[None]:
    """A file system of its own at `place`. Raises Skipped where mounting is not allowed."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        raise Skipped("needs the right to mount a tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
