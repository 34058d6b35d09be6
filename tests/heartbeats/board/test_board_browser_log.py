"""The log viewer in a real browser, against a log that is cut wherever the bytes fall."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.heartbeats.board import board_page_samples as pages
from tests.heartbeats.board.board_render import render
from tests.heartbeats.board.board_server import RunningSite

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def entry(chunk: str, stream: str = "stdout") -> bytes:
    """One record of the log, not escaped to ASCII so that cuts fall inside characters."""
    record = {"ts": "2026-11-21T14:16:08Z", "stream": stream, "chunk": chunk}
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def long_log(lines: int) -> bytes:
    """`lines` lines of many-byte text; an error in the middle, a needle near the end."""
    half, needle = lines // 2, lines - 40
    odd = {half: ("fatal: the disk is full\n", "stderr"), needle: ("the needle 針\n", "stdout")}
    return b"".join(entry(*odd.get(n, (f"line {n} — żółć 決済ページ\n", "stdout"))) for n in range(lines))


class Viewer:
    """A run's page with a log."""

    def __init__(self, page: Page, site: RunningSite, log: bytes, *, growing: bool = False) -> None:
        self.page, self.site = page, site
        self.run = str(pages.RUN)
        site.site.log = log
        model = pages.run_page(growing=growing, log_size=len(log))
        site.site.pages["/run"] = render("board/pages/run.html", page=model)
        page.route_web_socket("**/events/ws*", self._connected)
        page.goto(site.url + "/run")
        if log:
            page.wait_for_selector(".log-line")

    def _connected(self, socket: object) -> None:
        self.socket = socket

    def write(self, more: bytes) -> None:
        """The log grows and the socket says so."""
        self.site.site.log += more
        payload = {"runId": self.run, "logBytes": len(self.site.site.log)}
        event = {"id": None, "type": "heartbeat.run.log", "createdAt": "2026-11-21T14:32:06Z", "payload": payload}
        self.socket.send(json.dumps(event))  # type: ignore[attr-defined]

    def wait_for(self, text: str) -> None:
        """Until the line is in sight."""
        self.page.locator(".log-line", has_text=text).first.wait_for()


@pytest.fixture
def view(open_page: Callable[..., Page], site: RunningSite) -> Callable[..., Viewer]:
    """Opens a viewer on a log."""
    return lambda log, **options: Viewer(open_page(), site, log, **options)


def test_colours_and_streams_are_told_apart(view: Callable[..., Viewer]) -> None:
    log = (
        entry("\x1b[1;31mred\x1b[0m plain \x1b[38;5;208morange\n") + entry("oops\n", "stderr") + entry("up\n", "system")
    )
    page = view(log).page
    assert page.locator(".a-bold.a-f1").inner_text() == "red"
    assert page.get_by_text("orange").evaluate("e => e.style.color") == "rgb(255, 135, 0)"
    assert page.locator(".log-line.stderr .from").inner_text() == "err"
    assert page.locator(".log-line.system .from").inner_text() == "sys"


def test_a_colour_goes_on_in_the_next_line_and_chunks_of_a_line_join(view: Callable[..., Viewer]) -> None:
    log = entry("\x1b[32mgreen\nstill ") + entry("noise\n", "stderr") + entry("green\x1b[0m\n10 %\r20 %\rdone\n")
    page = view(log).page
    assert page.locator(".log-line", has_text="still green").locator(".a-f2").inner_text() == "still green"
    assert (page.locator(".log-line").last.text_content() or "").endswith("outdone")
    assert "20 %" not in page.locator(".log-lines").inner_text()


def test_what_a_command_prints_is_never_markup(view: Callable[..., Viewer]) -> None:
    page = view(entry("<b id=evil>bold</b>\x1b]0;title\x07\x1b[2J end\n")).page
    assert page.locator("#evil").count() == 0
    assert (page.locator(".log-line").text_content() or "").endswith("<b id=evil>bold</b> end")


def test_a_hundred_megabytes_cost_a_few_requests_and_a_few_nodes(view: Callable[..., Viewer]) -> None:
    viewer = view(long_log(900_000))
    assert len(viewer.site.site.log) > 90_000_000
    viewer.wait_for("line 0 ")
    viewer.page.locator(".log-view").press("End")
    viewer.wait_for("line 899999")
    assert viewer.page.locator(".log-line").count() < 200
    assert sum(count for path, count in viewer.site.site.asked.items() if path.endswith("/log")) < 8


def test_scrolling_reads_on_and_back_without_a_hole(view: Callable[..., Viewer]) -> None:
    viewer = view(long_log(40_000))
    page = viewer.page
    page.locator(".log-view").press("End")
    viewer.wait_for("line 39999")
    seen = page.evaluate("""async () => {
        const viewer = document.getElementById("log").viewer;
        while (viewer.window.start > 0) {
            await viewer.readBack();  // at once when the viewer is busy: then let it end what it does
            await new Promise((done) => setTimeout(done));
        }
        const offsets = viewer.window.lines.map((line) => line.offset);
        return {start: viewer.window.start, pages: viewer.window.pages.length,
                numbers: viewer.window.lines.map((line) => Number(/^line (\\d+)/.exec(line.raw)?.[1] ?? -1)), offsets};
    }""")
    numbers = seen["numbers"]
    assert seen["start"] == 0
    assert seen["pages"] <= 8
    assert numbers == [number if number >= 0 else index for index, number in enumerate(numbers)]


def test_a_page_begins_at_a_record_wherever_the_bytes_are_cut(view: Callable[..., Viewer]) -> None:
    log = long_log(200)
    starts = [at for at in range(len(log)) if at == 0 or log[at - 1 : at] == b"\n"]
    found = view(log).page.evaluate(
        """async ([url, offsets]) => {
            const { pageFrom } = await import("/static/js/log/pages.js");
            const pages = offsets.map((offset) => pageFrom(url, offset, { aligned: false, limit: 1001 }));
            return (await Promise.all(pages)).map((page) => page.start);
        }""",
        [f"/api/heartbeat-runs/{pages.RUN}/log", list(range(1, 240))],
    )
    assert found == [next(start for start in starts if start > offset) for offset in range(1, 240)]


def test_follow_shows_new_output_and_scrolling_up_stops_it(view: Callable[..., Viewer]) -> None:
    viewer = view(long_log(5_000), growing=True)
    follow = viewer.page.get_by_role("button", name="Follow")
    viewer.wait_for("line 4999")
    assert follow.get_attribute("aria-pressed") == "true"
    viewer.write(entry("fresh output\n"))
    viewer.wait_for("fresh output")
    viewer.page.locator(".log-view").hover()
    viewer.page.mouse.wheel(0, -400)
    viewer.page.wait_for_selector('[data-log="follow"][aria-pressed="false"]')


def test_half_a_record_waits_for_its_other_half(view: Callable[..., Viewer]) -> None:
    whole = entry("second 針\n")
    viewer = view(entry("first\n") + whole[:-7], growing=True)
    assert viewer.page.locator(".log-line").count() == 1
    viewer.write(whole[-7:])
    viewer.wait_for("second 針")
    assert viewer.page.locator(".log-line").count() == 2


def test_an_empty_log_that_may_grow_says_so_and_then_shows_what_comes(view: Callable[..., Viewer]) -> None:
    viewer = view(b"", growing=True)
    viewer.page.get_by_text("No output yet.").wait_for()
    viewer.write(entry("hello\n"))
    viewer.wait_for("hello")


def test_search_walks_the_whole_log_marks_the_line_and_admits_absence(view: Callable[..., Viewer]) -> None:
    viewer = view(long_log(60_000))
    box = viewer.page.get_by_role("searchbox")
    box.fill("needle 針")
    box.press("Enter")
    viewer.page.locator(".log-line.hit", has_text="the needle 針").wait_for()
    box.fill("haystack")
    box.press("Enter")
    viewer.page.get_by_text('"haystack" is not in this log.').wait_for()


def test_first_error_is_found_or_taken_from_the_server(view: Callable[..., Viewer], site: RunningSite) -> None:
    viewer = view(long_log(60_000))
    viewer.page.get_by_role("button", name="First error").click()
    viewer.page.locator(".log-line.hit.stderr", has_text="fatal: the disk is full").wait_for()
    known = viewer.site.site.log.index(entry("fatal: the disk is full\n", "stderr"))
    model = pages.run_page(growing=False, log_size=len(viewer.site.site.log), first_error=known)
    site.site.pages["/run"] = render("board/pages/run.html", page=dataclasses.replace(model))
    viewer.page.reload()
    viewer.page.wait_for_selector(".log-line")
    site.site.asked.clear()
    viewer.page.get_by_role("button", name="First error").click()
    viewer.page.locator(".log-line.hit", has_text="fatal: the disk is full").wait_for()
    assert sum(count for path, count in site.site.asked.items() if path.endswith("/log")) <= 3


def test_a_line_of_a_megabyte_is_cut_and_says_by_how_much(view: Callable[..., Viewer]) -> None:
    viewer = view(entry("x" * 600_000 + "\n") + entry("after\n"))
    viewer.wait_for("582 KiB more in the download")
    viewer.wait_for("after")
