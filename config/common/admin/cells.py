"""Cells of lists and detail pages. Each builder gives a callable that Django takes as a column or read-only field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.common.admin import words
from config.common.admin.faces import badge, marked
from config.common.admin.links import anchor, board_page_of, change_page, to_board
from config.common.clock import utc_now

Cell = Callable[[Any], Any]
NONE = "–"


def cell(name: str, render: Cell, *, title: str | None = None, order: str | None = None) -> Cell:
    """`render(row)` as a column: `name` is its CSS class, `order` what it sorts by."""

    def shown(row: Any) -> Any:  # noqa: ANN401
        value = render(row)
        return NONE if value is None or value == "" else value

    shown.__name__ = name
    shown.short_description = title if title is not None else name.replace("_", " ")  # type: ignore[attr-defined]
    if order:
        shown.admin_order_field = order  # type: ignore[attr-defined]
    return shown


def value_of(row: Any, path: str) -> Any:  # noqa: ANN401
    """`row.agent.name` for `agent__name`; None as soon as a step is missing."""
    for step in path.split("__"):
        row = getattr(row, step, None)
        if row is None:
            return None
    return row


def moment(at: datetime | None) -> SafeString | None:
    """`3 m ago`, the moment in full on hover."""
    if at is None:
        return None
    iso = at.isoformat()
    return format_html(
        '<time class="eb-time" datetime="{}" title="{}">{}</time>',
        iso,
        words.absolute(at),
        words.relative(at, utc_now()),
    )


def when(name: str, *, title: str | None = None, order: str | None = None) -> Cell:
    """A time column."""
    return cell(name, lambda row: moment(value_of(row, name)), title=title, order=order)


def whole_moment(name: str, *, title: str | None = None) -> Cell:
    """A time on a detail page: both ways at once."""

    def render(row: Any) -> SafeString | None:  # noqa: ANN401
        at = value_of(row, name)
        return format_html('{} <span class="eb-muted">{}</span>', moment(at), words.absolute(at)) if at else None

    return cell(name, render, title=title)


def status(name: str, *, title: str | None = None, order: str | None = None) -> Cell:
    """A status column: icon, word, tone."""

    def render(row: Any) -> SafeString | None:  # noqa: ANN401
        value = value_of(row, name)
        return badge(str(value)) if value else None

    return cell(name, render, title=title, order=order)


def flag(name: str, *, title: str | None = None, on: str = "on", off: str = "off") -> Cell:
    """Yes or no, as words with icons."""
    return cell(name, lambda row: badge(on if value_of(row, name) else off), title=title, order=name)


def identifier(name: str = "id", *, title: str | None = None) -> Cell:
    """A short id in monospace; a click copies the whole."""

    def render(row: Any) -> SafeString | None:  # noqa: ANN401
        value = value_of(row, name)
        return copyable(value) if value else None

    return cell(name, render, title=title)


def copyable(value: object) -> SafeString:
    """`1a2b3c4d`, the whole on hover and in the clipboard after a click."""
    text = str(value)
    return format_html(
        '<button type="button" class="eb-id" data-copy="{}" title="{}: click to copy">{}</button>',
        text,
        text,
        words.short_id(text) if len(text) >= 32 else text,
    )


def related(name: str, *, title: str | None = None, board: bool = True) -> Cell:
    """A link to the row that a foreign key names. Costs nothing: a row that is not loaded is named by its short id."""

    def render(row: Any) -> SafeString | None:  # noqa: ANN401
        field = row._meta.get_field(name)
        key = getattr(row, field.attname)
        if key is None:
            return None
        target = row._state.fields_cache.get(name)
        link = anchor(change_page(field.related_model, key), label_of(field.related_model, key, target))
        page = board_page_of(target) if target is not None and board else None
        return format_html("{}{}", link, to_board(page)) if page else link

    return cell(name, render, title=title)


def label_of(model: type[models.Model], key: object, row: Any) -> object:  # noqa: ANN401
    """What a link to a row says: an issue's identifier, a name, or kind and short id."""
    if row is not None:
        short = getattr(row, "identifier", None) or getattr(row, "name", None)
        return short or str(row)[:80]
    return format_html('<span class="eb-mono">{} {}</span>', model._meta.verbose_name, words.short_id(key))


def line(name: str, *, title: str | None = None, most: int = 110, order: str | None = None) -> Cell:
    """One line of a text; the rest on hover."""

    def render(row: Any) -> SafeString | None:  # noqa: ANN401
        text = " ".join(str(value_of(row, name) or "").split())
        if not text:
            return None
        shown = text if len(text) <= most else text[: most - 1] + "…"
        return format_html('<span class="eb-line" title="{}">{}</span>', text[: words.SHOWN_CHARS], shown)

    return cell(name, render, title=title, order=order)


def prose(name: str, *, title: str | None = None) -> Cell:
    """A text on a detail page with its line breaks, at most 2,000 characters."""

    def render(row: Any) -> SafeString | None:  # noqa: ANN401
        value = value_of(row, name)
        return block(*words.cut(str(value))) if value not in (None, "") else None

    return cell(name, render, title=title)


def pretty_json(name: str, *, title: str | None = None) -> Cell:
    """Readable JSON, at most 2,000 characters and then its size."""

    def render(row: Any) -> SafeString | str | None:  # noqa: ANN401
        value = value_of(row, name)
        if value in (None, {}, []):
            return None if value is None else "empty"
        return block(*words.pretty(value))

    return cell(name, render, title=title)


def block(text: str, left_out: str | None) -> SafeString:
    """Preformatted text, with what was left out below."""
    note = format_html('<p class="eb-muted">{}</p>', left_out) if left_out else ""
    return format_html('<pre class="eb-pre" tabindex="0">{}</pre>{}', text, note)


def number(name: str, write: Callable[[Any], str], *, title: str | None = None) -> Cell:
    """A number that aligns with those below it."""

    def render(row: Any) -> SafeString | None:  # noqa: ANN401
        value = value_of(row, name)
        return format_html('<span class="eb-num">{}</span>', write(value)) if value is not None else None

    return cell(name, render, title=title, order=name)


def lasted(start: str, end: str, *, title: str = "took") -> Cell:
    """How long something took, or has taken until now."""

    def render(row: Any) -> SafeString | None:  # noqa: ANN401
        began = value_of(row, start)
        if began is None:
            return None
        seconds = ((value_of(row, end) or utc_now()) - began).total_seconds()
        return format_html('<span class="eb-num">{}</span>', words.duration(max(seconds, 0)))

    return cell(f"{start}_to_{end}", render, title=title)


def shown_by_kind(field: models.Field[Any, Any]) -> Cell:
    """The cell that suits a column on a detail page."""
    name, title = field.name, str(field.verbose_name)
    if field.many_to_one or field.one_to_one:
        return related(name, title=title)
    if field.primary_key or isinstance(field, models.UUIDField):
        return identifier(name, title=title)
    if isinstance(field, models.DateTimeField):
        return whole_moment(name, title=title)
    return _plain_by_kind(field, name, title)


def _plain_by_kind(field: models.Field[Any, Any], name: str, title: str) -> Cell:
    if isinstance(field, models.JSONField):
        return pretty_json(name, title=title)
    if isinstance(field, models.BooleanField):
        return flag(name, title=title, on="yes", off="no")
    if field.choices:
        return status(name, title=title)
    if isinstance(field, models.TextField):
        return prose(name, title=title)
    if name.endswith("_cents"):
        return number(name, words.money, title=title.removesuffix(" cents"))
    if name.endswith("_bytes"):
        return number(name, words.size, title=title)
    if isinstance(field, models.IntegerField):
        return number(name, str, title=title)
    return cell(name, lambda row: value_of(row, name), title=title)


def tally(count: int | None, one: str, symbol: str, tone: Any) -> SafeString | None:  # noqa: ANN401
    """`3 fatal` as a badge; nothing for none."""
    return marked(symbol, tone, f"{count} {one}") if count else None
