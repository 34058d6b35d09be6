"""The ModelAdmin that others start from: looks, but does not touch."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Sequence
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from config.common.admin.cells import Cell, shown_by_kind
from config.common.admin.deeds import Deed, action_of, refusal
from config.common.admin.links import board_page_of, list_page

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    _ModelAdmin = ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as _ModelAdmin

MOST_COUNTED = 10_000
MORE = "More"
# What no page may show: hashes of keys, sealed values, and passwords.
NEVER_SHOWN = frozenset({"key_hash", "ciphertext", "password"})
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_IDENTIFIER = re.compile(r"[A-Za-z]{1,16}-\d{1,9}")


class BoundedPaginator(Paginator[Any]):
    """Counts at most 10,000 rows: the cost of a page does not follow the size of the table."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, or 10,000 when there are more."""
        rows: Any = self.object_list
        bounded: int = rows.order_by()[:MOST_COUNTED].count()
        return bounded


class SystemAdmin(_ModelAdmin):
    """Read-only. Rows are made, changed and removed by verbs; actions call those.

    `related` is loaded with every row. `questions` are one-click filters above the list: words and a query string.
    `sections` groups the columns of a detail page; what they leave out follows under "More", closed.
    `deeds` are the actions, offered on the list and, where the row allows it, on its page.
    A search for a whole id looks in `search_ids`, one like `ABC-12` in `search_identifier`: both by index. Other words
    look in `search_fields`. A `watched` list is fetched again every ten seconds.
    """

    actions_on_top = True
    compressed_fields = True
    list_filter_sheet = True
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    list_max_show_all = 200
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # their counts know no bound
    list_before_template = "admin/everbeat/questions.html"
    change_form_outer_before_template = "admin/everbeat/deeds.html"
    view_on_site: Any = staticmethod(board_page_of)

    related: Sequence[str] = ()
    deeds: Sequence[Deed] = ()
    questions: Sequence[tuple[str, str]] = ()
    sections: Sequence[tuple[str | None, Sequence[str | Cell]]] = ()
    watched = False
    search_ids: Sequence[str] = ("id",)
    search_identifier: str | None = None
    editable: Sequence[str] = ()
    hidden: frozenset[str] = frozenset()

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody: rows come from verbs."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody: what happened stays."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only where a page has fields to edit, and only who may view."""
        return bool(self.editable) and self.has_view_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Superusers; other bases say who else."""
        return bool(request.user.is_superuser)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the app appears at all."""
        return self.has_view_permission(request)

    def why_not_writable(self, request: HttpRequest, obj: Any) -> str | None:  # noqa: ANN401, ARG002
        """Why this person may not act on this row, None when they may."""
        return None if request.user.is_superuser else "only superusers may"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Every visible row with what its cells name."""
        rows = super().get_queryset(request)
        return rows.select_related(*self.related) if self.related else rows

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401
        """Every shown column that is not editable."""
        shown = [field for _, options in self.get_fieldsets(request, obj) for field in options["fields"]]
        return [field for field in shown if field not in self.editable]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401, ARG002
        """The sections, then the rest."""
        return self._fieldsets

    @cached_property
    def _fieldsets(self) -> list[tuple[str | None, dict[str, Any]]]:
        cells = {field.name: self._field(field) for field in _columns(self.model) if field.name not in self.hidden}
        named = [
            (title, [cells.pop(f, f) if isinstance(f, str) else f for f in fields]) for title, fields in self.sections
        ]
        rest: list[Any] = list(cells.values())
        if rest:
            named.append((MORE if named else None, rest))
        return [
            (title, {"fields": tuple(fields), "classes": ["collapse"] if title == MORE else []})
            for title, fields in named
        ]

    def _field(self, field: models.Field[Any, Any]) -> str | Cell:
        return field.name if field.name in self.editable else shown_by_kind(field)

    def get_search_fields(self, request: HttpRequest) -> Any:  # noqa: ANN401
        """Something wherever there is anything to search, so that the box is shown."""
        return super().get_search_fields(request) or self.search_ids

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The cheapest reading of what was typed."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if _UUID.fullmatch(term):
            return queryset.filter(_any_of(self.search_ids, term.lower())), False
        if self.search_identifier and _IDENTIFIER.fullmatch(term):
            return queryset.filter(**{self.search_identifier: term.upper()}), False
        if not self.search_fields:
            return queryset.none(), False
        found: tuple[QuerySet[Any], bool] = super().get_search_results(request, queryset, term)
        return found

    def get_actions(self, request: HttpRequest) -> Any:  # noqa: ANN401
        """The deeds, and nothing else: no bulk delete."""
        if "_popup" in request.GET:
            return {}
        return {deed.name: (action_of(deed), deed.name, deed.title) for deed in self.deeds}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,  # noqa: ANN401
    ) -> HttpResponse:
        """The page of one row, with the deeds that are possible now."""
        if obj is not None:
            context["deeds"] = [deed for deed in self.deeds if refusal(self, request, deed, obj) is None]
            context["list_url"] = list_page(self.model)
            context["checkbox"] = ACTION_CHECKBOX_NAME
        response: HttpResponse = super().render_change_form(request, context, add, change, form_url, obj)
        return response

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with its questions."""
        asked = [_question(request, label, query) for label, query in self.questions]
        live = {"events": (), "feeds": ()} if self.watched else None
        context = {"questions": asked, "live": live, **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response


def _any_of(columns: Sequence[str], value: str) -> Q:
    return reduce(operator.or_, (Q(**{column: value}) for column in columns), Q(pk__in=()))


def _question(request: HttpRequest, label: str, query: str) -> dict[str, Any]:
    wanted = dict(parse_qsl(query))
    asked = {key: value for key, value in request.GET.items() if key not in {"o", "p", "q"}}
    return {"label": label, "query": query, "asked": asked == wanted}


def _columns(model: type[Model]) -> Iterable[models.Field[Any, Any]]:
    fields: Iterable[models.Field[Any, Any]] = model._meta.concrete_fields
    return (field for field in fields if field.name not in NEVER_SHOWN)
