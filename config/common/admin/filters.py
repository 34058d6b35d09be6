"""Filters that match operators' questions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import HttpRequest

from config.common.clock import utc_now

if TYPE_CHECKING:
    from django.contrib.admin import RelatedFieldListFilter, SimpleListFilter

    ChoicesDropdownFilter: Any
    _Related = RelatedFieldListFilter
    _Simple = SimpleListFilter
else:
    from django.contrib.admin import SimpleListFilter as _Simple
    from unfold.contrib.filters.admin import ChoicesDropdownFilter
    from unfold.contrib.filters.admin import RelatedDropdownFilter as _Related

MOST_CHOICES = 200
PERIODS = {"1h": ("the last hour", 1), "24h": ("the last 24 hours", 24), "7d": ("the last 7 days", 168)}

__all__ = ["ChoicesDropdownFilter", "ScopedDropdown", "choice", "scoped", "since"]


def choice(field: str) -> Any:  # noqa: ANN401 - what Django's list_filter takes
    """One of a closed list, as a dropdown."""
    return (field, ChoicesDropdownFilter)


def scoped(field: str) -> Any:  # noqa: ANN401
    """A related row, as a dropdown of at most 200 that this person may see."""
    return (field, ScopedDropdown)


class ScopedDropdown(_Related):
    """Offers what the related model's own admin page would list for this person: no name of a stranger's agent."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:  # noqa: ANN401
        """At most 200 rows in their own order. One statement."""
        related = model_admin.admin_site._registry.get(field.related_model)
        rows = related.get_queryset(request) if related else field.related_model.objects.none()
        ordered = rows.order_by(*field.related_model._meta.ordering).only(*self._shown(field.related_model))
        return [(str(row.pk), str(row)) for row in ordered.select_related(None)[:MOST_CHOICES]]

    def _shown(self, model: Any) -> list[str]:  # noqa: ANN401
        names = {field.name for field in model._meta.concrete_fields}
        return ["pk", *sorted(names & {"name", "username", "identifier", "title"})]


def since(column: str, title: str = "when") -> type[Any]:
    """A filter on a time column: the last hour, 24 hours, 7 days."""

    class Since(_Simple):
        """Newer than so many hours."""

        parameter_name = "since"

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
            """The three periods."""
            return [(key, label) for key, (label, _) in PERIODS.items()]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
            """Rows of the period."""
            if self.value() not in PERIODS:
                return queryset
            hours = PERIODS[str(self.value())][1]
            return queryset.filter(**{f"{column}__gte": utc_now() - timedelta(hours=hours)})

    Since.title = title
    return Since


def answers(name: str, title: str, sets: dict[str, tuple[str, Any]]) -> type[Any]:
    """A filter of named sets: `{"locked": ("holds a lock", Q(...))}`."""

    class Answers(_Simple):
        """One of the sets."""

        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
            """The sets' words."""
            return [(key, label) for key, (label, _) in sets.items()]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
            """The set's rows."""
            chosen = sets.get(str(self.value()))
            if chosen is None:
                return queryset
            narrow = chosen[1]
            return queryset.filter(narrow() if callable(narrow) else narrow)

    Answers.title = title
    return Answers
