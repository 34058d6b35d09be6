"""The prelude by itself, as a real process: signals, exit codes, stdin, and git that fails or takes too long."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from heartbeats.execution.prelude.git import Git, GitError, git_environment, shown
from heartbeats.execution.preluding import SCRIPT
from tests.waiting import wait_for


def prelude(cwd: Path, asked: dict[str, Any]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-I", str(SCRIPT)],
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asked).encode())
    process.stdin.close()
    process.stdin = None
    return process


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def finished(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=20)
    return process.returncode, out.decode(), err.decode()


def test_the_command_takes_the_preludes_place(tmp_path: Path) -> None:
    process = prelude(tmp_path, {"argv": shell("echo pid $$; cat; exit 7"), "stdin": "words for it\n"})
    code, out, _err = finished(process)
    assert (code, out) == (7, f"pid {process.pid}\nwords for it\n")


def test_a_command_without_input_reads_nothing(tmp_path: Path) -> None:
    assert finished(prelude(tmp_path, {"argv": ["cat"], "stdin": None})) == (0, "", "")


def test_a_command_that_cannot_be_run_says_so(tmp_path: Path) -> None:
    code, _out, err = finished(prelude(tmp_path, {"argv": ["no-such-command"]}))
    assert code == 127
    assert "'no-such-command' cannot be run" in err


@pytest.mark.parametrize(
    ("first", "code", "ran"),
    [
        ("echo gone >&2; exit 1", 0, True),
        ("echo gone; exit 0", 0, False),
        ("echo something else; exit 3", 3, False),
    ],
)
def test_only_a_failure_with_the_words_is_tried_again(tmp_path: Path, first: str, code: int, ran: bool) -> None:
    instead = {"argv": shell("echo second; cat"), "stdin": "again", "words": ["^gone$", "never"]}
    got, out, _err = finished(prelude(tmp_path, {"argv": shell(first), "instead": instead}))
    assert (got, "second\nagain" in out) == (code, ran)


def test_the_second_try_is_the_last(tmp_path: Path) -> None:
    instead = {"argv": shell("echo gone; exit 5"), "words": ["gone"]}
    code, out, _err = finished(prelude(tmp_path, {"argv": shell("echo gone; exit 1"), "instead": instead}))
    assert (code, out) == (5, "gone\ngone\n")


def test_a_watched_command_that_a_signal_ended_ends_the_prelude_alike(tmp_path: Path) -> None:
    instead = {"argv": ["true"], "words": ["x"]}
    code, _out, _err = finished(prelude(tmp_path, {"argv": shell("kill -KILL $$"), "instead": instead}))
    assert code == -signal.SIGKILL


def test_a_watched_command_may_end_in_its_own_way_when_the_group_is_told_to(tmp_path: Path) -> None:
    script = "trap 'echo tidied; exit 9' TERM; touch ready; while :; do sleep 0.05; done"
    process = prelude(tmp_path, {"argv": shell(script), "instead": {"argv": ["true"], "words": ["x"]}})
    wait_for((tmp_path / "ready").exists, what="the command")
    os.killpg(process.pid, signal.SIGTERM)
    code, out, _err = finished(process)
    assert (code, out) == (9, "tidied\n")


def test_without_any_folder_the_command_does_not_run(tmp_path: Path) -> None:
    option = {"path": "/no/such/folder", "label": "The folder", "facts": {}, "env": {}}
    place = {"options": [option], "limitSec": 5, "record": str(tmp_path / "place.json")}
    code, out, err = finished(prelude(tmp_path, {"argv": ["echo", "ran"], "place": place}))
    assert (code, out) == (1, "")
    assert "/no/such/folder does not exist" in err
    assert json.loads((tmp_path / "place.json").read_text())["failure"]["code"] == "workspace_unavailable"


def origin(tmp_path: Path) -> str:
    made = tmp_path / "origin"
    subprocess.run(["git", "init", "-q", str(made)], check=True)
    words = ("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "first")
    subprocess.run(["git", *words], cwd=made, check=True)
    return str(made)


def test_a_clone_that_was_interrupted_is_begun_anew(tmp_path: Path) -> None:
    target = tmp_path / "clones" / "app"
    half = tmp_path / "clones" / "app.unfinished"
    half.mkdir(parents=True)
    (half / "rubbish").touch()
    target.mkdir()
    assert Git([], 20).clone(origin(tmp_path), None, str(target))
    assert (target / ".git").is_dir()
    assert not half.exists()
    assert not Git([], 20).clone(origin(tmp_path), None, str(target))


def test_a_clone_that_takes_too_long_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    operations: list[dict[str, Any]] = []
    target = tmp_path / "clones" / "app"
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the call and never says a word
        address = f"git://127.0.0.1:{silent.getsockname()[1]}/app"
        with pytest.raises(GitError, match=r"longer than 0\.3 s"):
            Git(operations, 0.3).clone(address, None, str(target))
    assert [one["status"] for one in operations] == ["failed"]
    assert sorted(path.name for path in target.parent.iterdir()) == ["app.lock"]


def test_an_unknown_ref_leaves_no_clone_behind(tmp_path: Path) -> None:
    target = tmp_path / "clones" / "app"
    with pytest.raises(GitError, match="no-such-ref"):
        Git([], 20).clone(origin(tmp_path), "no-such-ref", str(target))
    assert not target.exists()


def test_git_gets_neither_the_agents_token_nor_a_question() -> None:
    env = git_environment({"EVERBEAT_API_KEY": "k", "PAPERCLIP_API_KEY": "k", "HOME": "/h"})
    assert env == {"HOME": "/h", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def test_credentials_in_addresses_are_not_shown() -> None:
    assert shown("clone https://me:word@host/x.git") == "clone https://***@host/x.git"
    assert shown("git@host:team/x.git") == "git@host:team/x.git"
