"""Who looks at the board, in which company, and whether the page may offer actions. One statement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.db.models import F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse

from agents import credentials
from agents.actors import Actor, ActorSource
from agents.models import Company, LiveFeed, Member, User
from agents.vocabulary import MemberRole
from config.board.refusals import NoCompany, NotAllowed, NotThere, refused
from config.common.clock import utc_now
from config.common.wire.views import UUID_FORM

SESSION_KEY = "board_company"
COMPANY_HEADER = "Everbeat-Company"


@dataclass(frozen=True, slots=True)
class Place:
    """A company that the person may look at. `last_event_id` was read before anything else of the page."""

    id: UUID
    name: str
    may_act: bool
    last_event_id: int


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person, the company the page is about, and the moment at which it is read."""

    user: User
    company: Place
    places: tuple[Place, ...]
    now: datetime

    @property
    def may_act(self) -> bool:
        """Whether buttons are offered and obeyed: viewers only look."""
        return self.company.may_act

    def actor(self) -> Actor:
        """The person as verbs want it. One statement; pages that only read never ask."""
        return credentials.user_actor(self.user, ActorSource.SESSION)

    def within(self, company_id: UUID) -> Caller:
        """The same person in the company that a thing belongs to. Raises NotThere for a stranger's."""
        if company_id == self.company.id:
            return self
        for place in self.places:
            if place.id == company_id:
                return replace(self, company=place)
        raise NotThere


View = Callable[..., HttpResponse]


def board_page(view: View) -> View:
    """A page for signed-in people: `view(request, caller, …)`. Others go to the sign-in page and come back here."""

    @wraps(view)
    def signed_in(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        if not isinstance(request.user, User):
            return redirect_to_login(request.get_full_path())
        try:
            return view(request, caller_of(request, request.user), *args, **kwargs)
        except (NotThere, NotAllowed, NoCompany) as refusal:
            return refused(request, refusal)

    return signed_in


def caller_of(request: HttpRequest, user: User) -> Caller:
    """The person in the company of `?company=`, else of the last visit, else the first by name."""
    places = places_of(user)
    if not places:
        raise NoCompany
    asked = request.GET.get("company", "")
    if asked:
        chosen = _named(places, asked)
        if chosen is None:
            raise NotThere
        remember(request, chosen.id)
    else:
        # A part of a page stays in the company of its page, whatever another tab has switched to meanwhile.
        wanted = request.headers.get(COMPANY_HEADER) or str(request.session.get(SESSION_KEY, ""))
        chosen = _named(places, wanted) or places[0]
    return Caller(user, chosen, places, utc_now())


def remember(request: HttpRequest, company_id: UUID) -> None:
    """Stay in this company on the next page. Writes the session only when that changes."""
    if request.session.get(SESSION_KEY) != str(company_id):
        request.session[SESSION_KEY] = str(company_id)


def places_of(user: User) -> tuple[Place, ...]:
    """The companies of the person's active memberships; every company for an instance admin. One statement."""
    feed = LiveFeed.objects.filter(company=OuterRef("company_id" if not user.is_superuser else "id"))
    last = Coalesce(Subquery(feed.values("last_seq")), Value(0))
    rows: QuerySet[Any, tuple[UUID, str, str, int]]
    if user.is_superuser:
        rows = Company.objects.annotate(part=Value(MemberRole.OWNER.value), last=last).values_list(
            "id", "name", "part", "last"
        )
    else:
        places = Member.objects.filter(user=user, is_active=True)
        rows = places.annotate(part=F("role"), last=last).values_list("company_id", "company__name", "part", "last")
    found = [Place(id_, name, part != MemberRole.VIEWER, last_seq) for id_, name, part, last_seq in rows]
    return tuple(sorted(found, key=lambda place: place.name.casefold()))


def _named(places: tuple[Place, ...], ref: str) -> Place | None:
    wanted = UUID(ref) if UUID_FORM.fullmatch(ref) else None
    return next((place for place in places if place.id == wanted), None)
