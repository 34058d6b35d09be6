"""Actions that ask first: a page that says what will happen to which rows, and afterwards what did.

A deed refuses rows by their state before it calls the verb, row by row, each in the verb's own transaction. Losing is
normal: a row that somebody else changed in between is skipped with its reason, and never stops the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model
from django.db.models.options import Options
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme
from rest_framework.exceptions import APIException

from config.common.admin.words import several

MOST_ROWS = 500
MOST_LISTED = 20
ALREADY = "already done"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# What a verb's call says of one row: True or a sentence that is worth telling (done), False (lost), or why not.
Verb = Callable[[HttpRequest, Any, Mapping[str, Any]], "bool | Skipped | Told"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """The verb had nothing to do, because."""

    why: str


@dataclass(frozen=True, slots=True)
class Told:
    """It is done, and this came of it."""

    what: str


class Page(Protocol):
    """What a deed needs of the page that offers it."""

    opts: Options[Model]
    admin_site: AdminSite

    def why_not_writable(self, request: HttpRequest, obj: Any) -> str | None:  # noqa: ANN401
        """Why this person may not act on this row, None when they may."""


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One action. `says` is the sentence of the confirmation page; `refuse(row)` tells why a row is not eligible."""

    name: str
    title: str
    done: str
    says: str
    do: Verb
    refuse: Callable[[Any], str | None]
    form: type[forms.Form] | None = None
    danger: bool = False


@dataclass
class Tally:
    """What became of the rows."""

    done: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    told: list[str] = field(default_factory=list)

    def sentence(self, verb: str) -> str:
        """`12 acknowledged, 3 skipped because already resolved.`"""
        parts = [f"{self.done} {verb}"] if self.done or not (self.skipped or self.failed) else [f"none {verb}"]
        parts += [f"{count} skipped because {why}" for why, count in self.skipped.most_common()]
        parts += [f"{self.failed} failed: see the server's log"] if self.failed else []
        return ", ".join(parts) + "."


def action_of(deed: Deed) -> Callable[..., HttpResponse | None]:
    """The deed as a Django admin action."""

    def action(page: Page, request: HttpRequest, queryset: Any) -> HttpResponse | None:  # noqa: ANN401
        rows = list(queryset[: MOST_ROWS + 1])
        if len(rows) > MOST_ROWS:
            messages.error(request, f"At most {MOST_ROWS} rows at a time: narrow the list first.")
            return None
        form = deed.form(request.POST if "confirmed" in request.POST else None) if deed.form else None
        if "confirmed" not in request.POST or (form is not None and not form.is_valid()):
            return _ask(page, request, deed, rows, form)
        tally = _carry_out(page, request, deed, rows, form.cleaned_data if form else {})
        _tell(request, deed, tally)
        return HttpResponseRedirect(_return_to(request))

    action.__name__ = deed.name
    action.short_description = deed.title  # type: ignore[attr-defined]
    return action


def refusal(page: Page, request: HttpRequest, deed: Deed, row: Any) -> str | None:  # noqa: ANN401
    """Why this row would be skipped; None when the deed may be tried."""
    return page.why_not_writable(request, row) or deed.refuse(row)


def _ask(
    page: Page,
    request: HttpRequest,
    deed: Deed,
    rows: list[Any],
    form: forms.Form | None,
) -> TemplateResponse:
    refused = Counter(why for row in rows if (why := refusal(page, request, deed, row)))
    willing = [row for row in rows if refusal(page, request, deed, row) is None]
    names = page.opts
    context = {
        **page.admin_site.each_context(request),
        "opts": names,
        "title": deed.title,
        "deed": deed,
        "count": several(len(willing), str(names.verbose_name), str(names.verbose_name_plural)),
        "willing": [_described(row) for row in willing[:MOST_LISTED]],
        "unlisted": max(0, len(willing) - MOST_LISTED),
        "any": bool(willing),
        "refused": refused.most_common(),
        "keys": [row.pk for row in rows],
        "checkbox": ACTION_CHECKBOX_NAME,
        "form": form,
        "back": _return_to(request),
    }
    return TemplateResponse(request, "admin/everbeat/confirm.html", context)


def _described(row: Any) -> str:  # noqa: ANN401
    """The row in words, with its agent where it has one: many rows say the same."""
    agent = row._state.fields_cache.get("agent")
    return f"{row} · {agent}" if agent is not None else str(row)


def _carry_out(page: Page, request: HttpRequest, deed: Deed, rows: list[Any], given: Mapping[str, Any]) -> Tally:
    tally = Tally()
    for row in rows:
        why = refusal(page, request, deed, row)
        if why:
            tally.skipped[why] += 1
        else:
            _one(request, deed, row, given, tally)
    return tally


def _one(request: HttpRequest, deed: Deed, row: Any, given: Mapping[str, Any], tally: Tally) -> None:  # noqa: ANN401
    try:
        result = deed.do(request, row, given)
    except APIException as refused:
        tally.skipped[_reason(refused)] += 1
    except Exception:
        log.exception("admin_action_failed", action=deed.name, row=str(row.pk))
        tally.failed += 1
    else:
        _count(result, tally)


def _count(result: bool | Skipped | Told, tally: Tally) -> None:
    match result:
        case Skipped(why):
            tally.skipped[why] += 1
        case Told(what):
            tally.done += 1
            tally.told.append(what)
        case True:
            tally.done += 1
        case _:
            tally.skipped[ALREADY] += 1


def _reason(refused: APIException) -> str:
    text = str(getattr(refused, "text", None) or refused.detail).rstrip(".")
    return f"“{text}”"


def _tell(request: HttpRequest, deed: Deed, tally: Tally) -> None:
    level = messages.ERROR if tally.failed else messages.SUCCESS if tally.done else messages.WARNING
    messages.add_message(request, level, tally.sentence(deed.done))
    for what in tally.told[:5]:
        messages.info(request, what)


def _return_to(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return request.get_full_path()
