"""One terminal for many processes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from config.up.output import LONGEST_LINE, LineReader, Output
from config.up.plan import Plan, everbeat_processes


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class ClosedTerminal(io.StringIO):
    def write(self, _text: str, /) -> int:
        raise BrokenPipeError


def test_names_are_aligned() -> None:
    stream = io.StringIO()
    output = Output(stream, ["api", "supervise"])
    output.line("api", "one")
    output.line("supervise", "two")
    assert stream.getvalue() == "api       | one\nsupervise | two\n"


def test_a_terminal_gets_a_colour_for_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    output = Output(stream, ["api", "live"])
    output.line("api", "one")
    output.line("live", "two")
    assert stream.getvalue() == "\x1b[36mapi  | \x1b[0mone\n\x1b[33mlive | \x1b[0mtwo\n"


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    Output(stream, ["api"]).line("api", "one")
    assert stream.getvalue() == "api | one\n"


def test_a_closed_terminal_is_no_error() -> None:
    Output(ClosedTerminal(), ["api"]).line("api", "nobody reads this")


def heard(*pieces: bytes) -> list[str]:
    lines: list[str] = []
    reader = LineReader(lines.append)
    for piece in pieces:
        reader.data_received(piece)
    reader.connection_lost(None)
    return lines


def test_lines_are_whole_however_they_arrive() -> None:
    assert heard(b"on", b"e\ntwo\r\nth", b"ree") == ["one", "two", "three"]


def test_bytes_that_are_not_utf8_are_shown_as_such() -> None:
    assert heard(b"caf\xe9\n") == ["caf\N{REPLACEMENT CHARACTER}"]


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    lines = heard(*[b"x" * 1000] * 200)
    assert sum(map(len, lines)) == 200_000
    assert max(map(len, lines)) <= LONGEST_LINE + 1000


def test_the_five_processes_listen_where_the_plan_says() -> None:
    plan = Plan(host="127.0.0.1", port=4100, live_port=4101, state_dir=Path("state"), api_workers=2)
    specs = {spec.name: spec for spec in everbeat_processes(plan)}
    assert list(specs) == ["api", "live", "worker", "beat", "supervise"]
    assert "4100" in specs["api"].argv
    assert "4101" in specs["live"].argv
    assert plan.environment["EVERBEAT_PORT"] == "4100"


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://localhost:4100"), ("0.0.0.0", "http://localhost:4100"), ("h", "http://h:4100")],
)
def test_the_address_shown_is_one_that_a_browser_on_this_machine_can_open(host: str, url: str) -> None:
    assert Plan(host=host, port=4100, live_port=4101, state_dir=Path("state"), api_workers=2).url == url
