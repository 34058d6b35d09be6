"""Addresses of admin pages and of the board, None where there is none (yet)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.common.admin.faces import icon


def address(name: str, *args: object) -> str | None:
    """`reverse`, or None for a page that does not exist."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return None


def change_page(model: type[Model], pk: object) -> str | None:
    """The admin page of one row."""
    return address(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", pk)


def list_page(model: type[Model] | str, **filters: object) -> str | None:
    """The admin list of a model (or `app_model`), filtered."""
    name = model if isinstance(model, str) else f"{model._meta.app_label}_{model._meta.model_name}"
    page = address(f"admin:{name}_changelist")
    return f"{page}?{urlencode(filters)}" if page and filters else page


def board_page(kind: str, *args: object) -> str | None:
    """The board's page of a `run`, an `issue` (by identifier) or an `agent`."""
    return address(f"{kind}_page", *args)


def board_page_of(obj: Any) -> str | None:  # noqa: ANN401 - any row
    """The board's page for a row, if the board shows rows of its kind."""
    match obj._meta.model_name:
        case "agent":
            return board_page("agent", obj.pk)
        case "heartbeatrun":
            return board_page("run", obj.pk)
        case "issue":
            return board_page("issue", obj.identifier)
    return None


def anchor(page: str | None, words: object, *, hint: str = "") -> SafeString:
    """A link, or the words alone where there is no page."""
    if page is None:
        return format_html("<span>{}</span>", words)
    return format_html('<a class="eb-link" href="{}" title="{}">{}</a>', page, hint, words)


def to_board(page: str | None) -> SafeString | str:
    """A small arrow that leads to the board."""
    if page is None:
        return ""
    return format_html(
        '<a class="eb-board" href="{}" title="Open on the board" aria-label="Open on the board">{}</a>',
        page,
        icon("arrow"),
    )
