"""What runs print: told at once, kept as far as it can be, and never in the way (issue "Bad input", spec/6 row 37)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from heartbeats.execution.rundir import locate
from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import RunStatus
from tests.heartbeats.supervisor.conftest import Work
from tests.processes import Machine

pytestmark = pytest.mark.processes


def test_output_is_noted_while_the_run_goes_on(machine: Machine, work: Work, tmp_path: Path) -> None:
    machine.supervise()
    stop = tmp_path / "stop"
    run = work.begin("sh", "-c", f"echo first >&2; while [ ! -e {stop} ]; do sleep 0.02; done")
    seen = work.until(run, lambda now: now.last_output_at is not None)
    assert (seen.status, seen.last_output_stream) == (RunStatus.RUNNING, "stderr")
    assert seen.last_output_bytes
    stop.touch()
    work.ended(run)


def test_output_that_is_not_text_ends_in_an_ordinary_run(machine: Machine, work: Work) -> None:
    machine.supervise()
    script = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 50 + b'\\x00\\xff')"
    ended = work.ended(work.begin(sys.executable, "-c", script))
    assert ended.status == RunStatus.SUCCEEDED
    assert ended.stdout_excerpt
    assert "\0" not in ended.stdout_excerpt


def test_two_hundred_megabytes_are_drained_and_the_log_says_where_it_stops(machine: Machine, work: Work) -> None:
    machine.supervise()
    script = "import sys; line = b'x' * 1023 + b'\\n'; [sys.stdout.buffer.write(line * 1024) for _ in range(200)]"
    ended = work.ended(work.begin(sys.executable, "-c", script), timeout=60)
    assert (ended.status, ended.exit_code) == (RunStatus.SUCCEEDED, 0)
    assert ended.result is not None
    assert ended.result["logTruncated"]["reason"] == "log_limit"
    stored = locate(machine.runs_dir, ended.log_ref or "")
    assert stored is not None
    assert stored.log_path.stat().st_size == ended.log_bytes


def test_a_run_marked_as_detached_is_watched_again(machine: Machine, work: Work, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    run = work.begin("sh", "-c", f"while [ ! -e {stop} ]; do sleep 0.02; done")
    HeartbeatRun.objects.filter(pk=run.pk).update(error_code="process_detached", error="nobody watches")
    machine.supervise()
    work.until(run, lambda now: now.error_code is None)
    stop.touch()
    assert work.ended(run).status == RunStatus.SUCCEEDED


def test_a_result_that_the_command_prints_is_kept(machine: Machine, work: Work) -> None:
    machine.supervise()
    told = '{"summary": "all good", "costUsd": 0.5, "usage": {"inputTokens": 7}, "sessionId": "s-9", "model": "m"}'
    ended = work.ended(work.begin("sh", "-c", f"echo working; echo 'EVERBEAT_RESULT {told}'"))
    assert ended.result is not None
    assert ended.result["summary"] == "all good"
    assert ended.usage is not None
    assert ended.usage["inputTokens"] == 7
    assert ended.session_id_after == "s-9"


def test_a_failure_family_that_the_command_names_is_kept(machine: Machine, work: Work) -> None:
    machine.supervise()
    told = '{"errorFamily": "transient_upstream", "errorCode": "overloaded", "retryNotBefore": "2030-01-01T00:00:00Z"}'
    ended = work.ended(work.begin("sh", "-c", f"echo '{told}' > $EVERBEAT_RESULT_FILE; exit 1"))
    assert (ended.status, ended.error_code) == (RunStatus.FAILED, "overloaded")
    assert ended.result is not None
    assert ended.result["errorFamily"] == "transient_upstream"
    assert ended.result["retryNotBefore"] == "2030-01-01T00:00:00Z"
