"""Run directories and logs on disk: readers that never trip, and pages that end at line ends."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.execution import rundir
from heartbeats.execution.logs import plain_text, read_log, sha256, tail
from heartbeats.execution.rundir import ExitRecord, RunDir, Unreadable

EXIT = {
    "run_id": "r",
    "exit_code": 0,
    "signal": None,
    "reason": None,
    "started_at": 1.0,
    "ended_at": 2.0,
    "log_bytes": 3,
    "log_sha256": "x",
    "truncated": None,
    "output_bytes": {"stdout": 1, "stderr": 2},
    "last_output_at": {"stdout": 1.5, "stderr": None},
    "descendants_alive": False,
    "pipes_held": False,
}


def test_a_run_directory_admits_only_its_owner(tmp_path: Path) -> None:
    directory = rundir.create(tmp_path / "runs", "run-1")
    for path in (directory.path, directory.path.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert rundir.create(tmp_path / "runs", "run-1") == directory


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\0b", "x" * 200, ".hidden"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError):
        rundir.create(tmp_path, name)
    with pytest.raises(ValueError):
        rundir.locate(tmp_path, name)


def test_an_empty_directory_reads_as_nothing(tmp_path: Path) -> None:
    directory = rundir.create(tmp_path, "r")
    assert directory.process() is None
    assert directory.exit_record() is None
    assert directory.log_truncation() is None
    assert directory.last_output_at() is None
    assert directory.shim_error() is None
    assert directory.log_size() == 0


def test_an_exit_record_reads_back(tmp_path: Path) -> None:
    directory = rundir.create(tmp_path, "r")
    directory.write_record("exit.json", EXIT)
    record = directory.exit_record()
    assert isinstance(record, ExitRecord)
    assert (record.exit_code, record.stderr_bytes, record.last_stdout_at) == (0, 2, 1.5)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"run_id": 1}', b"[" * 100_000, json.dumps(EXIT).encode()[:-9]],
)
def test_a_broken_record_is_a_problem_with_a_reason_and_never_an_exception(tmp_path: Path, content: bytes) -> None:
    directory = rundir.create(tmp_path, "r")
    for name in ("process.json", "exit.json", "log_state.json"):
        (directory.path / name).write_bytes(content)
    for problem in (directory.process(), directory.exit_record(), directory.log_truncation()):
        assert isinstance(problem, Unreadable)
        assert problem.reason


@pytest.mark.parametrize("change", [{"exit_code": None}, {"signal": "SIGKILL"}])
def test_an_exit_record_says_code_or_signal_and_not_both(tmp_path: Path, change: dict[str, object]) -> None:
    directory = rundir.create(tmp_path, "r")
    directory.write_record("exit.json", {**EXIT, **change})
    assert isinstance(directory.exit_record(), Unreadable)


@given(st.binary(max_size=60))
def test_no_bytes_make_a_reader_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    directory = RunDir(tmp_path_factory.mktemp("r"))
    (directory.path / "process.json").write_bytes(content)
    assert isinstance(directory.process(), Unreadable)


def test_archived_runs_leave_the_live_set_and_are_still_found(tmp_path: Path) -> None:
    assert rundir.live_dirs(tmp_path / "nowhere") == []
    first, second = rundir.create(tmp_path, "a"), rundir.create(tmp_path, "b")
    assert rundir.live_dirs(tmp_path) == [first, second]
    moved = first.archive()
    assert rundir.live_dirs(tmp_path) == [second]
    assert rundir.locate(tmp_path, "a") == moved
    assert rundir.locate(tmp_path, "b") == second
    assert moved.remove()
    assert rundir.locate(tmp_path, "a") is None


def test_renewing_the_lease_moves_its_time(tmp_path: Path) -> None:
    directory = rundir.create(tmp_path, "r")
    assert directory.renew_lease()
    first = directory.lease_path.stat().st_mtime_ns
    assert directory.renew_lease()
    assert directory.lease_path.stat().st_mtime_ns >= first
    directory.remove()
    assert not directory.renew_lease()


def line(text: str, stream: str = "stdout") -> str:
    return json.dumps({"ts": "2026-01-01T00:00:00.000Z", "stream": stream, "chunk": text}, ensure_ascii=False) + "\n"


def log_of(folder: Path, *lines: str) -> Path:
    path = folder / "log.ndjson"
    path.write_text("".join(lines), encoding="utf-8")
    return path


@given(st.lists(st.text(max_size=30), max_size=12), st.integers(1, 400))
def test_reading_page_by_page_gives_every_line_once(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[str], limit: int
) -> None:
    clean = [chunk.encode("utf-8", "replace").decode() for chunk in chunks]
    path = log_of(tmp_path_factory.mktemp("log"), *[line(chunk) for chunk in clean])
    seen, offset = "", 0
    while True:
        page = read_log(path, offset, limit)
        assert page.content.endswith("\n") or page.content == ""
        seen += page.content
        offset = page.end_offset
        if page.next_offset is None:
            break
        assert page.next_offset == page.end_offset > page.start_offset
    assert seen.encode() == path.read_bytes()
    assert offset == path.stat().st_size


def test_an_unfinished_last_line_waits_until_it_is_finished(tmp_path: Path) -> None:
    path = log_of(tmp_path, line("one"), line("two")[:20])
    page = read_log(path, 0, 1000)
    assert (page.content, page.next_offset, page.end_offset) == (line("one"), None, len(line("one")))
    with path.open("a") as file:
        file.write(line("two")[20:])
    assert read_log(path, page.end_offset, 1000).content == line("two")


def test_a_limit_smaller_than_a_line_still_makes_progress(tmp_path: Path) -> None:
    path = log_of(tmp_path, line("x" * 500), line("y"))
    page = read_log(path, 0, 1)
    assert page.content == line("x" * 500)
    assert page.next_offset == len(line("x" * 500))


def test_an_offset_inside_a_line_moves_to_the_next(tmp_path: Path) -> None:
    path = log_of(tmp_path, line("one"), line("two"))
    page = read_log(path, 5, 1000)
    assert (page.content, page.start_offset) == (line("two"), len(line("one")))


@pytest.mark.parametrize("offset", [10_000, -5])
def test_offsets_outside_the_file_are_clamped(tmp_path: Path, offset: int) -> None:
    path = log_of(tmp_path, line("one"))
    page = read_log(path, offset, 1000)
    assert page.content == ("" if offset > 0 else line("one"))
    assert page.next_offset is None


def test_a_log_that_does_not_exist_yet_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_log(tmp_path / "none", 0, 10)


def test_the_tail_is_whole_lines_and_leads_to_the_end(tmp_path: Path) -> None:
    path = log_of(tmp_path, *[line(str(number)) for number in range(100)])
    page = tail(path, 3 * len(line("99")) + 5)
    assert page.content == line("97") + line("98") + line("99")
    assert page.end_offset == path.stat().st_size
    assert page.next_offset is None


def test_plain_text_is_the_output_with_notes_in_brackets_and_damage_visible(tmp_path: Path) -> None:
    path = log_of(tmp_path, line("a\nb"), line("c\n", "stderr"), line("cut\n", "system"), "damage\n", '{"chunk": 1}\n')
    assert "".join(plain_text(path)) == 'a\nbc\n[cut]\ndamage\n{"chunk": 1}\n'
    assert len(sha256(path)) == 64
