"""The board in a real browser: what an event refetches, what a gap does, what survives, and what the page admits."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from heartbeats.board.view_models import NeedsSection
from tests.heartbeats.board import board_samples as samples
from tests.heartbeats.board.board_render import SECTIONS, every_page, render, section
from tests.heartbeats.board.board_server import RunningSite

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocketRoute

pytestmark = pytest.mark.browser
STATE = "#live-state[data-state='{}']"


def _accept(socket: WebSocketRoute) -> None:
    """An open line on which nobody speaks."""


def _refuse(socket: WebSocketRoute) -> None:
    socket.close()


class Board:
    """An open board whose socket the test holds in its hand."""

    def __init__(self, page: Page, site: RunningSite) -> None:
        self.page, self.site = page, site
        self.sockets: list[WebSocketRoute] = []
        self.page.clock.install(time=samples.NOW)
        self.page.route_web_socket("**/events/ws*", self._connected)
        self.show(samples.board())
        site.site.pages["/"] = render("board/board.html", page=samples.board(), nav="board")
        page.goto(site.url + "/")
        page.wait_for_selector(STATE.format("live"))

    def _connected(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)

    def show(self, board: Any) -> None:
        """What the sections answer from now on."""
        self.site.site.pages |= {f"/board/{name}/": section(name, board) for name in SECTIONS}

    def send(self, number: int | None, kind: str, **payload: Any) -> None:
        """One envelope."""
        event = {"id": number, "type": kind, "companyId": "c", "createdAt": "2026-11-21T14:32:06Z", "payload": payload}
        self.sockets[-1].send(json.dumps(event))

    def asked(self) -> dict[str, int]:
        """How often each section was fetched."""
        counts = {name: self.site.site.asked[f"/board/{name}/"] for name in SECTIONS}
        return {name: count for name, count in counts.items() if count}

    def after(self, seconds: float) -> None:
        """Lets the page's clock run, in small steps so that answers arrive between them."""
        for _ in range(round(seconds * 10)):
            self.page.clock.run_for(100)
            self.page.evaluate("fetch('/static/favicon.svg').then(r => r.text())")


@pytest.fixture
def board(open_page: Callable[..., Page], site: RunningSite) -> Board:
    """The busy board, live."""
    return Board(open_page(), site)


def test_the_socket_asks_for_what_came_after_the_page(board: Board) -> None:
    assert board.sockets[0].url.endswith(f"/api/companies/{samples.shell().company_id}/events/ws?since=41")


def test_an_event_refetches_only_the_sections_it_concerns(board: Board) -> None:
    board.send(42, "agent.status", agentId="a", status="idle")
    board.after(1)
    assert board.asked() == {"needs": 1, "agents": 1}


def test_a_burst_refetches_a_section_at_most_once_per_300_ms(board: Board) -> None:
    began = board.page.evaluate("performance.now()")
    for number in range(42, 72):
        board.send(number, "agent.error", agentId="a")
        board.page.clock.run_for(20)
        board.page.evaluate("fetch('/static/favicon.svg').then(r => r.text())")
    took = board.page.evaluate("performance.now()") - began
    assert 2 <= board.asked()["agents"] <= took / 300 + 1


def test_a_gap_in_the_ids_refetches_everything(board: Board) -> None:
    board.send(45, "agent.error", agentId="a")
    board.after(1)
    assert set(board.asked()) == set(SECTIONS)


def test_a_resync_refetches_everything_and_starts_to_count_anew(board: Board) -> None:
    board.send(7, "live.resync")
    board.after(1)
    assert set(board.asked()) == set(SECTIONS)
    before = board.asked()["waiting"]
    board.send(8, "agent.error", agentId="a")
    board.after(1)
    assert board.asked()["agents"] == 2
    assert board.asked()["waiting"] == before


def test_an_event_that_was_seen_before_does_nothing(board: Board) -> None:
    board.send(41, "agent.status", agentId="a")
    board.after(1)
    assert board.asked() == {}


def test_a_refetch_keeps_rows_open_details_and_focus_and_marks_what_changed(board: Board) -> None:
    page = board.page
    page.locator("#why-1 summary").click()
    page.locator("#need-3 .button").focus()
    page.evaluate("document.getElementById('need-1').kept = true")
    rows = samples.needs().rows
    changed = dataclasses.replace(rows[0], what="Its owner is back")
    board.show(dataclasses.replace(samples.board(), needs=NeedsSection((changed, rows[2]), 2)))
    board.send(42, "activity.logged")
    board.page.clock.run_for(400)
    page.get_by_text("Its owner is back").wait_for()
    assert page.evaluate("document.getElementById('need-1').kept")
    assert page.locator("#why-1").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.closest('tr')?.id") == "need-3"
    assert page.locator("#need-1 .changed").count() == 1
    assert page.locator("#need-3 .changed").count() == 0
    assert page.locator("#need-2").count() == 0


def test_a_silent_run_changes_its_face_without_a_request(board: Board) -> None:
    cell = board.page.locator(f"#run-{samples.uid(104)} .silence")
    assert cell.get_attribute("data-level") == "ok"
    board.site.site.failing = True  # no request can help
    board.page.clock.run_for(11 * 60 * 1000)
    assert cell.get_attribute("data-level") == "quiet"
    assert cell.inner_text().startswith("Quiet")


def test_output_of_a_run_resets_its_age_without_a_request(board: Board) -> None:
    cell = board.page.locator(f"#run-{samples.uid(103)} .silence")
    assert "No output yet" in cell.inner_text()
    board.send(None, "heartbeat.run.log", runId=str(samples.uid(103)), logBytes=10)
    board.page.clock.run_for(2000)
    assert cell.inner_text().strip() in {"now", "2 s ago"}
    assert board.asked() == {}


def test_without_a_socket_the_page_polls_every_five_seconds_and_says_so(
    open_page: Callable[..., Page], site: RunningSite
) -> None:
    page = open_page()
    page.route_web_socket("**/events/ws*", _refuse)
    site.site.pages |= {f"/board/{name}/": section(name, samples.board()) for name in SECTIONS}
    site.site.pages["/"] = render("board/board.html", page=samples.board())
    page.goto(site.url + "/")
    page.wait_for_selector(STATE.format("polling"))
    assert page.locator("#live-state").inner_text() == "Polling every 5 s"
    with page.expect_response("**/board/needs/"):
        pass


def test_when_nothing_answers_the_page_says_how_old_it_is(board: Board) -> None:
    board.site.site.failing = True
    board.send(42, "agent.status", agentId="a")
    board.page.clock.run_for(400)
    note = board.page.locator("#stale-note")
    note.wait_for()
    assert "What you see is from 14:32:" in note.inner_text()
    board.site.site.failing = False
    board.send(43, "agent.status", agentId="a")
    board.page.clock.run_for(400)
    note.wait_for(state="hidden")


def test_a_sign_in_page_in_place_of_a_section_is_announced_and_not_shown(board: Board) -> None:
    board.site.site.pages["/board/agents/"] = every_page()["login"]
    board.send(42, "agent.status", agentId="a")
    board.page.clock.run_for(400)
    board.page.get_by_text("You are signed out.").wait_for()
    assert board.page.locator("#board-agents tbody tr").count() == 30


def test_a_lost_socket_is_admitted_and_taken_up_again_where_it_broke(board: Board) -> None:
    board.send(42, "recovery.sweep")
    board.sockets[-1].close()
    board.page.wait_for_selector(STATE.format("reconnecting"))
    board.page.clock.run_for(1000)
    board.page.wait_for_selector(STATE.format("live"))
    assert board.sockets[-1].url.endswith("since=42")


def test_an_action_asks_before_it_acts(board: Board) -> None:
    board.page.get_by_role("button", name="Acknowledge").click()
    dialog = board.page.get_by_role("dialog")
    assert "It reopens if it happens again" in dialog.inner_text()
    dialog.get_by_role("button", name="Keep as it is").click()
    dialog.wait_for(state="hidden")
    board.page.get_by_role("button", name="Acknowledge").click()
    with board.page.expect_request("**/x") as asked:
        dialog.get_by_role("button", name="Do it").click()
    assert asked.value.method == "POST"
    assert "csrfmiddlewaretoken=" in (asked.value.post_data or "")


def test_the_theme_is_remembered(board: Board) -> None:
    board.page.get_by_role("button", name="Theme").click()
    board.page.get_by_role("button", name="Theme: light").click()
    board.page.reload()
    assert board.page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize(("width", "height"), [(360, 800), (768, 1024), (1440, 900), (3840, 2160)])
def test_no_page_scrolls_sideways(open_page: Callable[..., Page], site: RunningSite, width: int, height: int) -> None:
    page = open_page(width, height)
    page.route_web_socket("**/events/ws*", _accept)
    for name, html in every_page().items():
        site.site.pages[f"/{name}"] = html
        page.goto(f"{site.url}/{name}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
