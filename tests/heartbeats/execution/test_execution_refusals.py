"""Starts that must not happen: each ends with a clear code and leaves nothing behind (issue "Bad input")."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from heartbeats.execution import rundir
from heartbeats.execution.launch import LaunchFailed, launch
from heartbeats.execution.nursery import nursery
from heartbeats.execution.rundir import RunDir
from tests.heartbeats.execution.conftest import Runs

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"argv": ["no-such-command-anywhere"]}, "command_not_found"),
        ({"argv": ["./missing"]}, "command_not_found"),
        ({"argv": ["./data.txt"]}, "command_not_executable"),
        ({"argv": ["./folder"]}, "command_not_executable"),
        ({"argv": ["./no-format"]}, "command_not_executable"),
        ({"argv": ["./no-interpreter"]}, "command_not_found"),
        ({"cwd": "/no/such/place"}, "cwd_not_found"),
        ({"cwd": "/etc/passwd"}, "cwd_not_directory"),
        ({"cwd": "/etc/passwd/deeper"}, "cwd_not_found"),
        ({"env": {"PORT": 8000}}, "spawn_failed"),
        ({"env": {"A=B": "x"}}, "spawn_failed"),
        ({"env": {"A": "nul\0"}}, "spawn_failed"),
        ({"env": {"A": "\ud800"}}, "spawn_failed"),
        ({"env": {"A": b"bytes"}}, "spawn_failed"),
        ({"argv": []}, "spawn_failed"),
        ({"argv": ["echo", "x" * 3_000_000]}, "spawn_failed"),
    ],
)
def test_what_cannot_start_fails_with_its_code_and_leaves_nothing(
    runs: Runs, change: dict[str, Any], code: str
) -> None:
    (runs.root / "data.txt").write_text("echo no")
    (runs.root / "folder").mkdir()
    for name, text in (("no-format", "echo no"), ("no-interpreter", "#!/no/such/interpreter\n")):
        (runs.root / name).write_text(text)
        (runs.root / name).chmod(0o755)
    directory, answer = runs.try_start("true", **change)
    assert isinstance(answer, LaunchFailed)
    assert answer.code == code
    assert len(answer.message) > 10
    assert list(directory.path.iterdir()) == []


def test_the_message_names_the_environment_value_that_is_not_text(runs: Runs) -> None:
    _directory, answer = runs.try_start("true", env={"PORT": 8000})
    assert isinstance(answer, LaunchFailed)
    assert "PORT" in answer.message
    assert "int" in answer.message


def test_a_run_directory_is_used_once(runs: Runs) -> None:
    spec = runs.spec("sleep", "60")
    directory = rundir.create(runs.root, spec.run_id)
    launch(directory, spec)
    first = directory.process()
    second = launch(directory, spec)
    assert isinstance(second, LaunchFailed)
    assert second.code == "already_started"
    assert directory.process() == first


def test_a_missing_run_directory_is_a_clear_failure(runs: Runs) -> None:
    answer = launch(RunDir(runs.root / "nowhere"), runs.spec("true"))
    assert isinstance(answer, LaunchFailed)
    assert answer.code == "run_dir_unwritable"


def test_a_start_that_comes_too_late_runs_nothing(runs: Runs) -> None:
    spec = runs.spec("touch", "ran")
    directory = rundir.create(runs.root, spec.run_id)
    answer = launch(directory, spec, timeout=-0.5)
    assert isinstance(answer, LaunchFailed)
    assert not (runs.root / "ran").exists()
    assert directory.process() is None


def test_a_launcher_that_dies_while_it_hands_over_starts_nothing(runs: Runs) -> None:
    directory = rundir.create(runs.root, "torn")
    document = json.dumps({"argv": ["touch", "ran"], "env": {}, "cwd": str(runs.root), "run_id": "x", "marker": "x"})
    ours, theirs = socket.socketpair()
    with ours, theirs:
        nursery(runs.root).bear(directory.path, theirs)
        theirs.close()
        ours.sendall(document[:-5].encode())
        ours.shutdown(socket.SHUT_WR)
        assert ours.recv(100) == b""
    assert list(directory.path.iterdir()) == []
