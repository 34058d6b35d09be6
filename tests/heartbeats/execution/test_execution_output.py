"""What becomes of output: floods, broken text, full disks, daemons (issue "Bad input", spec/6 rows 30 and 37)."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from heartbeats.execution.identity import members_of_group
from heartbeats.execution.launch import LaunchFailed
from heartbeats.execution.logs import sha256
from heartbeats.execution.rundir import RunDir, Truncation
from tests.heartbeats.execution.conftest import Runs
from tests.waiting import wait_for

pytestmark = pytest.mark.processes
FLOOD_BYTES = 200_000_000


def lines_of(directory: RunDir) -> list[dict[str, str]]:
    """Every stored line, parsed; a torn one fails the test."""
    data = directory.log_path.read_bytes()
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line) for line in data.decode("utf-8").splitlines() if line]


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def test_lines_have_time_stream_and_chunk(runs: Runs) -> None:
    directory, _record = runs.finish("sh", "-c", "echo out; echo err >&2")
    records = lines_of(directory)
    assert {(line["stream"], line["chunk"]) for line in records} == {("stdout", "out\n"), ("stderr", "err\n")}
    for line in records:
        assert list(line) == ["ts", "stream", "chunk"]
        assert len(line["ts"]) == len("2026-01-01T00:00:00.000Z")
        assert line["ts"].endswith("Z")


def test_output_that_is_not_utf8_is_replaced_and_the_run_is_not_hurt(runs: Runs) -> None:
    code = r"import os; os.write(1, b'a\xff\xfeb\x00c\xed\xa0\x80d\n' + bytes(range(128, 256)) * 100)"
    directory, record = runs.finish(*python(code))
    text = runs.output(directory)
    assert record.exit_code == 0
    assert text.startswith("a\ufffd\ufffdb\ufffdc\ufffd\ufffd\ufffdd\n")
    assert "\0" not in text


def test_a_character_torn_between_two_writes_arrives_whole(runs: Runs) -> None:
    code = r"import os,time; os.write(1, b'\xe2\x82'); time.sleep(0.2); os.write(1, b'\xac\n')"
    directory, _record = runs.finish(*python(code))
    assert runs.output(directory) == "€\n"


def test_every_stored_line_stays_below_16384_bytes(runs: Runs) -> None:
    code = r"import sys; sys.stdout.buffer.write(('\"\x01é€😀\\' * 9000 + '\n').encode() + b'x' * 60000 + b'\n')"
    directory, _record = runs.finish(*python(code))
    assert max(len(line) for line in directory.log_path.read_bytes().splitlines(keepends=True)) < 16_384
    assert runs.output(directory) == '"\x01é€😀\\' * 9000 + "\n" + "x" * 60000 + "\n"


def test_200_mb_of_output_never_block_the_command(runs: Runs) -> None:
    script = f"yes 'a line of quite ordinary output' | head -c {FLOOD_BYTES}"
    directory, record = runs.finish("sh", "-c", script, max_log_bytes=4_000_000)
    assert record.exit_code == 0
    assert record.stdout_bytes == FLOOD_BYTES
    assert record.log_bytes == directory.log_size() <= 4_000_000
    assert record.log_sha256 == sha256(directory.log_path)
    assert isinstance(record.truncated, Truncation)
    assert record.truncated.reason == "log_limit"
    assert directory.log_truncation() is not None
    last = lines_of(directory)[-1]
    assert last["stream"] == "system"
    assert f"byte {record.truncated.at_byte}" in last["chunk"]
    stored = sum(len(line["chunk"]) for line in lines_of(directory)[:-1])
    assert stored + record.truncated.dropped_bytes == pytest.approx(FLOOD_BYTES, abs=70_000)


def test_a_line_of_a_megabyte_keeps_its_head_and_tail(runs: Runs) -> None:
    code = "print('HEAD' + 'm' * 1_000_000 + 'TAIL'); print('next')"
    directory, _record = runs.finish(*python(code))
    text = runs.output(directory)
    assert text.startswith("HEADm")
    assert text.endswith("mTAIL\nnext\n")
    assert "characters of a long line left out" in text
    assert len(text) < 64 * 1024


def test_a_descendant_that_keeps_the_pipe_open_does_not_hold_the_run(runs: Runs) -> None:
    directory, record = runs.finish("sh", "-c", "sleep 60 & echo done; exit 4")
    assert record.exit_code == 4
    assert record.descendants_alive
    assert record.pipes_held
    assert runs.output(directory) == "done\n"


def test_a_command_that_daemonises_and_exits_ends_with_its_own_code(runs: Runs) -> None:
    script = "setsid sh -c 'exec sleep 60 >/dev/null 2>&1 </dev/null' & exit 5"
    directory, process = runs.start("sh", "-c", script)
    record = runs.ended(directory)
    assert record.exit_code == 5
    assert not record.pipes_held
    wait_for(lambda: not members_of_group(process.pgid), what="the group to be empty")


def test_a_log_that_stops_accepting_bytes_is_cut_at_a_line_and_carries_on_later(runs: Runs) -> None:
    """spec/6 row 30, with a file size limit set on the shim from outside."""
    script = (
        "until [ -e flood ]; do sleep 0.02; done; head -c 30000 /dev/zero | tr '\\0' 'x' | fold -w 99;"
        " until [ -e stop ]; do echo tick; sleep 0.05; done; echo last; exit 6"
    )
    directory, process = runs.start("sh", "-c", script)
    resource.prlimit(process.shim.pid, resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY))
    (runs.root / "flood").touch()
    truncation = wait_for(directory.log_truncation, what="the truncation to be known")
    assert isinstance(truncation, Truncation)
    assert truncation.reason == "EFBIG"
    lines_of(directory)
    resource.prlimit(process.shim.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_for(lambda: "tick" in runs.output(directory), what="the log to carry on")
    (runs.root / "stop").touch()
    record = runs.ended(directory)
    assert record.exit_code == 6
    assert record.truncated is not None
    assert record.truncated.resumed
    assert record.truncated.dropped_bytes >= 30_000 - 5_000
    assert record.log_sha256 == sha256(directory.log_path)
    assert runs.output(directory).endswith("last\n")
    assert [line["stream"] for line in lines_of(directory)].count("system") == 1


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def _fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 512)


def test_a_full_disk_keeps_the_command_running_and_the_exit_record_arrives(tiny_disk: Path) -> None:
    runs = Runs(tiny_disk)
    script = "head -c 300000 /dev/zero | tr '\\0' 'x' | fold -w 99; exit 3"
    directory, record = runs.finish("sh", "-c", script, cwd="/")
    assert record.exit_code == 3
    assert record.stdout_bytes > 300_000
    assert record.truncated is not None
    assert record.truncated.reason == "ENOSPC"
    assert record.log_bytes == directory.log_size()
    assert record.log_sha256 == sha256(directory.log_path)
    lines_of(directory)
    _fill(tiny_disk)  # what was taken back of the last chunk may have left a page
    refused, answer = runs.try_start("echo", "no room", cwd="/")
    assert isinstance(answer, LaunchFailed)
    assert answer.code == "run_dir_unwritable"
    assert refused.process() is None
    directory.remove()
    (tiny_disk / "filler").unlink()
    after, record = runs.finish("echo", "room again", cwd="/")
    assert runs.output(after) == "room again\n"
    assert record.truncated is None
