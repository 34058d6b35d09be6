"""The log of a remote run: appended once, where everybody reads logs (spec/1 D)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from heartbeats.execution import logs, rundir
from heartbeats.intake import task_log
from heartbeats.models import HeartbeatRun
from tests.factories.heartbeats import running_run
from tests.heartbeats.intake.conftest import Caller, calling

pytestmark = pytest.mark.django_db(transaction=True)


def say(caller: Caller, run: HeartbeatRun, chunk: str, seq: int, stream: str = "stdout") -> Any:
    """One piece of output."""
    return caller.post(f"tasks/{run.id}/log", {"stream": stream, "chunk": chunk, "seq": seq})


def path_of(run: HeartbeatRun) -> Path:
    """The file that the log route reads."""
    run.refresh_from_db()
    assert run.log_ref is not None
    found = rundir.locate(settings.RUNS_DIR, run.log_ref)
    assert found is not None
    return found.log_path


def text_of(run: HeartbeatRun) -> str:
    """The log as people read it."""
    return "".join(logs.plain_text(path_of(run)))


def test_pieces_are_appended_in_order_as_log_lines() -> None:
    caller = calling()
    run = running_run(agent=caller.agent)
    assert say(caller, run, "one\n", 1).json() == {"acknowledged": True}
    say(caller, run, "two\n", 2, "stderr")
    lines = [json.loads(line) for line in path_of(run).read_text().splitlines()]
    assert [(line["stream"], line["chunk"]) for line in lines] == [("stdout", "one\n"), ("stderr", "two\n")]
    assert (run.last_output_seq, run.last_output_stream, run.log_store) == (2, "stderr", "local_file")
    assert run.last_output_bytes == path_of(run).stat().st_size


def test_a_repeated_seq_is_acknowledged_and_ignored() -> None:
    caller = calling()
    run = running_run(agent=caller.agent)
    for seq in (1, 1, 2, 1, 2):
        assert say(caller, run, f"{seq}\n", seq).status_code == 200
    assert text_of(run) == "1\n2\n"


def test_a_piece_whose_booking_was_lost_is_stored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = calling()
    run = running_run(agent=caller.agent)
    say(caller, run, "one\n", 1)
    with monkeypatch.context() as patch:

        def broken(*_args: object, **_kwargs: object) -> None:
            raise RuntimeError("the database went away")

        patch.setattr(task_log, "record_output", broken)
        response = say(caller, run, "two\n", 2)
        assert (response.status_code, response.json()["error"]["code"]) == (500, "TASK_REPORT_ERROR")
    say(caller, run, "two\n", 2)
    assert text_of(run) == "one\ntwo\n"


def test_the_log_is_what_the_log_route_reads() -> None:
    caller = calling()
    run = running_run(agent=caller.agent)
    say(caller, run, "hello\n", 1)
    page = logs.read_log(path_of(run), 0, 1_000)
    assert '"chunk":"hello\\n"' in page.content


def test_secrets_images_and_nul_do_not_reach_the_log() -> None:
    caller = calling()
    run = running_run(agent=caller.agent)
    say(caller, run, f"key Bearer abcdef123456 \0 data:image/png;base64,{'A' * 2000} end\n", 1)
    assert "abcdef123456" not in text_of(run)
    assert "AAAA" not in text_of(run)
    assert "\0" not in text_of(run)
    assert text_of(run).endswith("end\n")


def test_lines_stay_below_sixteen_kibibytes() -> None:
    caller = calling()
    run = running_run(agent=caller.agent)
    say(caller, run, "ä\n" * 30_000, 1)
    assert max(map(len, path_of(run).read_bytes().splitlines())) < 16_384
    assert text_of(run) == "ä\n" * 30_000


def test_a_full_log_says_so_once_and_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "RUN_LOG_MAX_BYTES", 1_500)
    caller = calling()
    run = running_run(agent=caller.agent)
    for seq in range(1, 6):
        assert say(caller, run, "x" * 400, seq).status_code == 200
    assert text_of(run).count("The log ends here") == 1
    assert text_of(run).count("x" * 400) == 2
    assert path_of(run).stat().st_size <= 1_500
    assert run.log_truncated_at is not None
    assert run.last_output_seq == 5


def test_two_pieces_at_once_are_both_there() -> None:
    from tests.racing import race

    caller = calling()
    run = running_run(agent=caller.agent)
    race([lambda seq=seq: say(caller, run, f"{seq}\n", seq).status_code for seq in (1, 1, 1, 1)])  # type: ignore[misc]
    assert text_of(run) == "1\n"
