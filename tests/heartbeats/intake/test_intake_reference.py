"""The reference agent, piece by piece: pauses, leases, environment, and a command that misbehaves."""

from __future__ import annotations

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.intake.reference.client import LONGEST_PAUSE, AgentClient, Answer, Unreachable, pause_before
from heartbeats.intake.reference.lease import Lease, lease_seconds
from heartbeats.intake.reference.process import Command, Piece, run_environment
from tests.waiting import wait_for


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_are_bounded_and_spread(attempt: int, draw: float) -> None:
    pause = pause_before(attempt, draw=draw)
    assert 0.25 <= pause <= LONGEST_PAUSE
    assert pause <= pause_before(attempt + 1, draw=draw)


def test_the_servers_own_pause_is_kept() -> None:
    assert pause_before(1, draw=0.0, retry_after=7) == 7


@pytest.mark.parametrize(
    ("answer", "stops"),
    [
        (Answer(200, {}), False),
        (Answer(400, {"error": {"code": "VALIDATION_ERROR"}}), False),
        (Answer(400, {"error": {"code": "TASK_ERROR", "action": "stop"}}), True),
        (Answer(409, {"error": {"code": "STALE_EPOCH", "action": "stop"}}), True),
        (Answer(404, {"error": {"code": "TASK_NOT_FOUND"}}), True),
        (Answer(401, {}), True),
    ],
)
def test_which_answers_say_stop(answer: Answer, stops: bool) -> None:
    assert answer.stops is stops


def test_a_lease_ends_before_the_servers_and_counts_from_the_question() -> None:
    now = [100.0]
    lease = Lease(60, asked_at=100.0, clock=lambda: now[0])
    assert lease.left == 45
    lease.renewed(asked_at=130.0)
    now[0] = 140.0
    assert lease.left == 35
    lease.renewed(asked_at=110.0)
    assert lease.left == 35


def test_the_length_of_a_lease_is_told_by_the_servers_clock_alone() -> None:
    server = datetime(2001, 1, 1, tzinfo=UTC)
    until = (server + timedelta(seconds=99)).isoformat().replace("+00:00", "Z")
    assert lease_seconds(until, server) == 99
    assert lease_seconds("soon", server) == 1


def test_a_run_finds_itself_in_its_environment_in_both_spellings() -> None:
    task = {"id": "r", "issue": {"id": "i"}, "wakeReason": "w", "context": {"latestCommentId": "c"}, "runToken": "x"}
    env = run_environment(task, url="http://here")
    for prefix in ("EVERBEAT", "PAPERCLIP"):
        assert (env[f"{prefix}_RUN_ID"], env[f"{prefix}_TASK_ID"], env[f"{prefix}_API_KEY"]) == ("r", "i", "x")
        assert env[f"{prefix}_API_URL"] == "http://here"
    assert "EVERBEAT_AGENT_ID" not in env


def everything(command: Command) -> str:
    """All output, to its end."""
    text = ""
    while (piece := command.pieces.get(timeout=20)) is not None:
        assert isinstance(piece, Piece)
        text += piece.text
    return text


def test_a_command_reads_its_task_and_prints_on_both_streams() -> None:
    script = "import sys; print(sys.stdin.read()); print('oops', file=sys.stderr)"
    command = Command([sys.executable, "-c", script], env={}, stdin="the task")
    said = {"stdout": "", "stderr": ""}
    while (piece := command.pieces.get(timeout=20)) is not None:
        said[piece.stream] += piece.text
    assert said == {"stdout": "the task\n", "stderr": "oops\n"}
    assert command.wait() == 0


def test_stopping_ends_the_whole_group_and_a_full_queue_does_not_hold_it() -> None:
    script = "import os\nif os.fork():\n os.wait()\nwhile True: os.write(1, b'x' * 65536)"
    command = Command([sys.executable, "-c", script], env={}, stdin="")
    wait_for(command.pieces.full, what="the queue to fill up")
    command.stop()
    assert command.wait() < 0
    everything(command)


def test_output_that_a_background_process_keeps_open_does_not_hold_the_run() -> None:
    command = Command(["sh", "-c", "sleep 60 & echo done"], env={}, stdin="")
    began = time.monotonic()
    assert everything(command) == "done\n"
    assert time.monotonic() - began < 15
    command.stop()


class _Flaky(BaseHTTPRequestHandler):
    """Answers with what the server's list says next."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.server.answers.pop(0)  # type: ignore[attr-defined]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Silence."""


def flaky(*answers: tuple[int, bytes]) -> tuple[HTTPServer, AgentClient]:
    """A server with these answers in a row, and a client that calls it."""
    server = HTTPServer(("127.0.0.1", 0), _Flaky)
    server.answers = list(answers)  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server, AgentClient(f"http://127.0.0.1:{server.server_address[1]}", "k", timeout=5)


@pytest.mark.parametrize("trouble", [(500, b"{}"), (503, b""), (429, b"{}"), (200, b"<html>"), (200, b"[]")])
def test_trouble_of_the_server_is_worth_another_try(trouble: tuple[int, bytes]) -> None:
    server, client = flaky(trouble, (200, b'{"acknowledged": true}'))
    with pytest.raises(Unreachable):
        client.post("heartbeat")
    answer: Any = client.insist("heartbeat", give_up=threading.Event())
    assert answer.body == {"acknowledged": True}
    server.shutdown()
    server.server_close()


def test_insisting_ends_when_it_is_told_to() -> None:
    client = AgentClient("http://127.0.0.1:9", "k")
    give_up = threading.Event()
    threading.Timer(0.2, give_up.set).start()
    began = time.monotonic()
    assert client.insist("heartbeat", give_up=give_up) is None
    assert time.monotonic() - began < 5
