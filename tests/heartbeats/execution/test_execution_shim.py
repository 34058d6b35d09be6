"""The shim with real processes: starting, refusing, outliving, ending (DESIGN section 5, spec/6 rows 1 to 4)."""

from __future__ import annotations

import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from heartbeats.execution import rundir
from heartbeats.execution.identity import Verdict, current_boot_id, judge
from heartbeats.execution.launch import Launched, launch
from heartbeats.execution.nursery import SHIM, nursery
from heartbeats.execution.rundir import ProcessRecord, RunDir
from tests.heartbeats.execution.conftest import Runs
from tests.waiting import wait_for

pytestmark = pytest.mark.processes
REPOSITORY = SHIM.parent.parent.parent
STANDARD_SIGNALS = (1 << 31) - 1  # 1 to 31; the two after them are the C library's own, and no program can set them


def test_a_command_leaves_its_output_and_its_exit_code(runs: Runs) -> None:
    before = time.time()
    directory, record = runs.finish("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (record.exit_code, record.signal, record.reason) == (7, None, None)
    assert before <= record.started_at <= record.ended_at <= time.time()
    assert (record.stdout_bytes, record.stderr_bytes) == (4, 4)
    assert record.last_stdout_at is not None
    assert sorted(runs.output(directory).split()) == ["err", "out"]
    assert not record.descendants_alive
    assert directory.log_size() == record.log_bytes


def test_a_command_killed_by_a_signal_records_the_signal_and_no_exit_code(runs: Runs) -> None:
    _directory, record = runs.finish("sh", "-c", "kill -9 $$")
    assert (record.exit_code, record.signal) == (None, "SIGKILL")


def test_the_command_gets_exactly_the_given_environment_and_the_marker(runs: Runs) -> None:
    directory, _record = runs.finish("/usr/bin/env", env={"ONLY": "this one", "UMLAUT": "ü"})
    marker = runs.markers[0]
    lines = set(runs.output(directory).split("\n")) - {""}
    assert lines == {"ONLY=this one", "UMLAUT=ü", f"EVERBEAT_RUN_MARKER={marker}"}


def test_stdin_is_what_the_spec_says_and_empty_by_default(runs: Runs) -> None:
    text = "grüße\n" * 50_000
    directory, _record = runs.finish("wc", "-c", stdin=text)
    assert runs.output(directory).strip() == str(len(text.encode()))
    directory, record = runs.finish("cat")
    assert (runs.output(directory), record.exit_code) == ("", 0)


def test_a_command_that_never_reads_its_stdin_is_not_held_up(runs: Runs) -> None:
    _directory, record = runs.finish("true", stdin="x" * 1_000_000)
    assert record.exit_code == 0


def test_the_command_has_default_signals_and_its_own_session(runs: Runs) -> None:
    directory, process = runs.start("sleep", "60")
    status = Path(f"/proc/{process.child.pid}/status").read_text()
    ignored = int(next(line for line in status.splitlines() if line.startswith("SigIgn")).split()[1], 16)
    assert ignored & STANDARD_SIGNALS == 0
    assert os.getsid(process.child.pid) == process.sid == process.pgid == process.child.pid
    assert os.getsid(process.shim.pid) == process.shim.pid
    assert {fd.name for fd in Path(f"/proc/{process.child.pid}/fd").iterdir()} == {"0", "1", "2"}
    assert directory.exit_record() is None


def test_the_launcher_keeps_no_child_but_its_nursery(runs: Runs) -> None:
    _directory, process = runs.start("sleep", "60")
    parents = {_parent(process.shim.pid), _parent(process.child.pid)}
    assert not {os.getpid(), nursery(runs.root).child_pid} & parents
    assert process.shim.pid in parents


def test_a_dead_nursery_takes_no_shim_with_it_and_is_replaced(runs: Runs) -> None:
    directory, process = runs.start("sh", "-c", "until [ -e go ]; do sleep 0.02; done; exit 3")
    dead = nursery(runs.root).child_pid
    os.kill(dead, signal.SIGKILL)
    wait_for(lambda: not _runs(dead), what="the nursery's end")
    _directory, record = runs.finish("true")
    assert record.exit_code == 0
    assert nursery(runs.root).child_pid != dead
    (runs.root / "go").touch()
    assert runs.ended(directory).exit_code == 3
    assert not _runs(process.shim.pid) or wait_for(lambda: not _runs(process.shim.pid), what="the shim's end")


def test_a_nursery_ends_with_its_launcher(runs: Runs) -> None:
    directory = rundir.create(runs.root, "orphan")
    launcher = _launch_from_another_process(directory, "sleep 60", "orphan", runs.spec("true").marker)
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    assert len(children) == 1
    launcher.kill()
    launcher.wait()
    wait_for(lambda: not _runs(int(children[0])), what="the nursery's end")
    assert directory.exit_record() is None


def test_the_shim_ignores_hangup_interrupt_and_terminate(runs: Runs) -> None:
    directory, process = runs.start("sh", "-c", "until [ -e go ]; do sleep 0.02; done; exit 3")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        os.kill(process.shim.pid, number)
    (runs.root / "go").touch()
    assert runs.ended(directory).exit_code == 3


def test_the_process_record_on_disk_is_the_one_in_the_answer(runs: Runs) -> None:
    directory, process = runs.start("sleep", "60")
    assert directory.process() == process
    assert process.child.boot_id == current_boot_id()
    assert judge(process.child, boot_id=current_boot_id()) is Verdict.ALIVE
    assert judge(process.shim, boot_id=current_boot_id()) is Verdict.ALIVE
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.path.iterdir()} == {0o600}


def test_secrets_never_touch_the_disk(runs: Runs) -> None:
    secret = "s3cret-value-of-the-run"
    script = 'echo "the key is $KEY"; printf "s3cret-val"; printf "ue-of-the-run\\n" >&1'
    directory, _record = runs.finish("sh", "-c", script, env={"KEY": secret}, redact=[secret])
    assert all(secret.encode() not in path.read_bytes() for path in directory.path.iterdir())
    assert runs.output(directory).startswith("the key is ***REDACTED***\n")


def test_ten_kills_of_the_launcher_change_nothing_for_the_command(runs: Runs) -> None:
    """spec/6 row 1: the same child, the whole log and the true exit code, ten times in a row."""
    for round_number in range(10):
        gate = runs.root / f"go-{round_number}"
        script = f"echo before; until [ -e {gate} ]; do sleep 0.02; done; echo after; exit {round_number}"
        spec = runs.spec("sh", "-c", script)
        directory = rundir.create(runs.root, spec.run_id)
        launcher = _launch_from_another_process(directory, script, spec.run_id, spec.marker)
        process = directory.process()
        assert isinstance(process, ProcessRecord)
        os.killpg(launcher.pid, signal.SIGKILL)
        launcher.wait()
        assert judge(process.child, boot_id=current_boot_id()) is Verdict.ALIVE
        gate.touch()
        assert runs.ended(directory).exit_code == round_number
        assert runs.output(directory) == "before\nafter\n"
        assert directory.process() == process


def test_launches_from_many_threads_do_not_disturb_each_other(runs: Runs) -> None:
    specs = [runs.spec("sh", "-c", f"echo {number}; exit {number}") for number in range(24)]
    directories = [rundir.create(runs.root, spec.run_id) for spec in specs]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(launch, directories, specs))
    assert all(isinstance(answer, Launched) for answer in answers)
    for number, directory in enumerate(directories):
        assert runs.ended(directory).exit_code == number
        assert runs.output(directory) == f"{number}\n"
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    shims = {str(answer.process.shim.pid) for answer in answers if isinstance(answer, Launched)}
    assert shims.isdisjoint(word for file in children for word in file.read_text().split())


def test_a_shim_that_dies_before_the_record_runs_no_command(runs: Runs) -> None:
    """spec/6 row 4: between spawn and record there is nothing to lose, because the child waits at its gate."""
    code = (
        "import os, sys; sys.path.append(sys.argv[1])\n"
        "from heartbeats.execution.shim_parts.spawn import Child, Command\n"
        "spec = {'argv': ['touch', 'ran'], 'env': {}, 'cwd': sys.argv[2], 'marker': 'm'}\n"
        "print(Child(Command(spec), 0, 1, 2).pid, flush=True); os._exit(9)\n"
    )
    argv = [sys.executable, "-I", "-S", "-c", code, str(REPOSITORY), str(runs.root)]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    pid = int(done.stdout)
    wait_for(lambda: not _runs(pid), what="the waiting child to leave")
    assert not (runs.root / "ran").exists()


def test_the_doorbell_rings_for_start_output_and_end(runs: Runs) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.bind(str(runs.root / "bell"))
        bell.settimeout(10)
        directory, _process = runs.start("sh", "-c", "echo one; sleep 0.3; echo two", doorbell=str(runs.root / "bell"))
        heard: list[str] = []
        while not heard or not heard[-1].startswith("exited"):
            heard.append(bell.recv(200).decode())
    assert heard[0] == f"started {directory.name}"
    assert heard[-1] == f"exited {directory.name}"
    assert 2 <= heard.count(f"output {directory.name}") == len(heard) - 2


def test_output_rings_at_most_ten_times_a_second(runs: Runs) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.bind(str(runs.root / "bell"))
        script = "i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done"
        directory, record = runs.finish("sh", "-c", script, doorbell=str(runs.root / "bell"))
        bell.setblocking(False)
        rings = 0
        try:
            while True:
                rings += bell.recv(200).startswith(b"output")
        except BlockingIOError:
            pass
    assert 1 <= rings <= 2 + (record.ended_at - record.started_at) / 0.1
    assert runs.output(directory).endswith("1999\n")


def test_nobody_at_the_doorbell_is_no_problem(runs: Runs) -> None:
    _directory, record = runs.finish("echo", "hello", doorbell="/no/such/bell" + "x" * 200)
    assert record.exit_code == 0


def test_the_shim_loads_nothing_that_is_slow_to_load() -> None:
    code = (
        "import sys; sys.path.append(sys.argv[1]); import heartbeats.execution.shim_parts.nursery\n"
        "print(*sorted({'typing', 're', 'enum', 'json', 'signal', 'subprocess', 'django'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-I", "-S", "-c", code, str(REPOSITORY)]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip() == ""


def test_an_idle_shim_is_small(runs: Runs) -> None:
    directory, process = runs.start("sh", "-c", "echo hi; sleep 60")
    wait_for(directory.log_size, what="the first line")
    pages = int(Path(f"/proc/{process.shim.pid}/statm").read_text().split()[1])
    assert pages * resource.getpagesize() < 20 * 1024 * 1024


def _launch_from_another_process(directory: RunDir, script: str, run_id: str, marker: str) -> subprocess.Popen[str]:
    code = (
        "import os, sys, signal; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from heartbeats.execution.launch import LaunchSpec, launch\n"
        "from heartbeats.execution.rundir import RunDir\n"
        "path, script, run_id, marker = sys.argv[2:]\n"
        "spec = LaunchSpec(run_id=run_id, marker=marker, argv=['sh', '-c', script], env=dict(os.environ), cwd='/')\n"
        "print(launch(RunDir(Path(path)), spec), flush=True); signal.pause()\n"
    )
    argv = [sys.executable, "-c", code, str(REPOSITORY), str(directory.path), script, run_id, marker]
    launcher = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert launcher.stdout is not None
    with launcher.stdout as answers:
        assert answers.readline().startswith("Launched(")
    return launcher


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
