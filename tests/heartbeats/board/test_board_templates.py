"""The templates, rendered from sample view models: no inline code, one id each, sections that stand alone."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from django.template import engines

from tests.heartbeats.board import board_samples as samples
from tests.heartbeats.board.board_render import SECTIONS, every_page, render, section

PAGES = ("board", "quiet", "run", "ended", "issue", "agent", "new_issue", "recovery", "message", "login")


class Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Each page once."""
    return every_page()


@pytest.fixture(params=PAGES)
def elements(request: pytest.FixtureRequest, pages: dict[str, str]) -> list[tuple[str, dict[str, str | None]]]:
    """The elements of one page after another."""
    return Elements(pages[request.param]).found


def test_no_page_carries_code_or_style_inline(elements: list[tuple[str, dict[str, str | None]]]) -> None:
    for tag, attributes in elements:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not [name for name in attributes if name == "style" or name.startswith(("on", "hx-on"))]


def test_an_id_occurs_once(elements: list[tuple[str, dict[str, str | None]]]) -> None:
    ids = Counter(attributes["id"] for _, attributes in elements if attributes.get("id"))
    assert [name for name, count in ids.items() if count > 1] == []


def test_every_button_and_field_has_a_name(pages: dict[str, str]) -> None:
    for name, html in pages.items():
        for inner in re.findall(r"<button\b[^>]*?(?:aria-label=\"[^\"]+\")?[^>]*>(.*?)</button>", html, re.DOTALL):
            words = re.sub(r"<[^>]+>", "", inner).strip()
            labelled = re.search(rf'<button\b[^>]*aria-label="[^"]+"[^>]*>{re.escape(inner)}</button>', html)
            assert words or labelled, f"a nameless button on {name}"
        labels = set(re.findall(r'<label[^>]*for="([^"]+)"', html))
        fields = [a for tag, a in Elements(html).found if tag in {"input", "select", "textarea"}]
        assert {a["id"] for a in fields if a.get("type") != "hidden"} <= labels


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_main_landmark_one_heading_and_a_title(pages: dict[str, str], name: str) -> None:
    html = pages[name]
    assert html.count("<main") == 1
    assert html.count("<h1") == 1
    assert re.search(r"<title>[^<]+Everbeat</title>", html)


@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.parametrize("page", [samples.board(), samples.quiet_board()], ids=["busy", "quiet"])
def test_a_section_alone_is_what_stands_in_the_page(name: str, page: object) -> None:
    whole = render("board/board.html", page=page)
    assert section(name, page).strip() in whole


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_names_itself_its_address_and_the_events_it_listens_to(name: str) -> None:
    root = Elements(section(name, samples.board())).found[0][1]
    assert root["id"] == f"board-{name}"
    assert root["hx-get"] == f"/board/{name}/"
    assert root["data-live"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("needs", "Nothing needs a person."),
        ("running", "No run is live."),
        ("waiting", "Nothing waits."),
        ("finished", "No run has finished yet."),
        ("agents", "This company has no agents yet."),
    ],
)
def test_an_empty_section_says_so(name: str, sentence: str) -> None:
    assert sentence in section(name, samples.quiet_board())


def test_what_agents_write_is_escaped() -> None:
    evil = dataclasses.replace(samples.running().rows[0], issue=None, task='<img src=x onerror="alert(1)">')
    page = dataclasses.replace(samples.board(), running=dataclasses.replace(samples.running(), rows=(evil,)))
    html = section("running", page)
    assert "<img" not in html
    assert "&lt;img" in html


def test_no_template_asks_for_a_value_that_its_view_model_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines["django"].engine, "string_if_invalid", "LACKS %s")  # type: ignore[attr-defined]
    for name, html in every_page().items():
        assert re.findall(r"LACKS [\w.]+", html) == [], name


def test_an_action_that_posts_uses_the_one_form_and_asks_first() -> None:
    html = section("needs", samples.board())
    assert re.search(r'<button[^>]*type="submit" form="act" formaction="/x" data-confirm="Acknowledge', html)
    assert "csrfmiddlewaretoken" not in html
