"""Who sees which rows in the admin: superusers all, members of a company those of their companies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse

from agents import credentials
from agents.actors import Actor, ActorSource
from agents.models import Company, LiveFeed, User
from agents.vocabulary import LiveEventType
from config.common.admin.base import SystemAdmin
from config.common.admin.cells import value_of

READ_ONLY = "viewers only read"
# A list of more companies than this follows none of their feeds and is fetched again now and then.
MOST_FEEDS = 6


def actor_of(request: HttpRequest) -> Actor:
    """The person behind an admin request, as verbs know it. One statement a request."""
    known: Actor | None = getattr(request, "_everbeat_actor", None)
    if known is None:
        assert isinstance(request.user, User)
        known = credentials.user_actor(request.user, ActorSource.SESSION)
        request._everbeat_actor = known  # type: ignore[attr-defined]
    return known


def one_company(request: HttpRequest) -> bool:
    """Whether this person sees at most one company: then no list needs to name it. One statement a request."""
    known: bool | None = getattr(request, "_everbeat_one_company", None)
    if known is None:
        actor = actor_of(request)
        known = Company.objects.all()[:2].count() < 2 if actor.is_instance_admin else len(actor.company_ids) < 2
        request._everbeat_one_company = known  # type: ignore[attr-defined]
    return known


def feeds_of(actor: Actor) -> list[str]:
    """`company@number`: the feeds of the companies that this person sees, and how far each has come. One statement."""
    seen = Company.objects.all() if actor.is_instance_admin else Company.objects.filter(pk__in=actor.company_ids)
    last = LiveFeed.objects.filter(company=OuterRef("pk")).values("last_seq")
    rows = seen.order_by("pk").values_list("pk", Coalesce(Subquery(last), Value(0)))[: MOST_FEEDS + 1]
    feeds = [f"{company_id}@{last_seq}" for company_id, last_seq in rows]
    return feeds if len(feeds) <= MOST_FEEDS else []


class CompanyAdmin(SystemAdmin):
    """Rows of companies. `company_path` leads from the row to its company's id.

    `live_events`: the list is fetched again when one of them happens.
    """

    company_path = "company_id"
    live_events: Sequence[LiveEventType] = ()

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Superusers, and staff with a place in a company; `get_queryset` says which rows."""
        actor = actor_of(request) if request.user.is_authenticated else None
        return actor is not None and (actor.is_instance_admin or bool(request.user.is_staff and actor.company_ids))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the companies that this person may see."""
        rows = super().get_queryset(request)
        actor = actor_of(request)
        return rows if actor.is_instance_admin else rows.filter(**{f"{self.company_path}__in": actor.company_ids})

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list. How far the feeds have come is read before the rows: what happens in between comes twice."""
        if self.live_events:
            live = {"events": self.live_events, "feeds": feeds_of(actor_of(request))}
            extra_context = {"live": live, **(extra_context or {})}
        return super().changelist_view(request, extra_context)

    def why_not_writable(self, request: HttpRequest, obj: Any) -> str | None:  # noqa: ANN401
        """Viewers change nothing; others what is in their companies."""
        return None if actor_of(request).changes(self.company_of(obj)) else READ_ONLY

    def company_of(self, obj: Any) -> UUID:  # noqa: ANN401
        """The company of a row."""
        company: UUID = value_of(obj, self.company_path)
        return company

    def get_list_display(self, request: HttpRequest) -> Any:  # noqa: ANN401
        """Without the company where there is but one."""
        columns: Sequence[Any] = super().get_list_display(request)
        return [c for c in columns if not (_names_company(c) and one_company(request))]

    def get_list_filter(self, request: HttpRequest) -> Any:  # noqa: ANN401
        """Likewise."""
        filters: Sequence[Any] = super().get_list_filter(request)
        return [f for f in filters if not (_names_company(f) and one_company(request))]


def _names_company(column: Any) -> bool:  # noqa: ANN401
    name = column[0] if isinstance(column, tuple) else getattr(column, "__name__", column)
    return bool(name == "company")
