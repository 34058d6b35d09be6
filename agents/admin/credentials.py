"""Keys and secrets: made through verbs, a token shown once, never read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from agents import keys
from agents.access import require_company_write
from agents.admin.base import CompanyAdmin, actor_of
from agents.models import Agent, AgentKey, BoardKey, Company, IdempotencyRecord, Secret, User
from agents.secrets import store_secret
from config.common.admin import cells
from config.common.admin.base import SystemAdmin
from config.common.admin.deeds import Deed
from config.common.admin.faces import badge
from config.common.admin.filters import answers, scoped
from config.common.admin.making import AddedByVerb, Made
from config.common.clock import utc_now

_state = cells.cell("state", lambda key: badge("revoked" if key.revoked_at else "active"), title="state")
_LIVING = answers(
    "state",
    "state",
    {
        "active": ("active", Q(revoked_at__isnull=True)),
        "unused": ("active, never used", Q(revoked_at__isnull=True, last_used_at__isnull=True)),
        "revoked": ("revoked", Q(revoked_at__isnull=False)),
    },
)
_KEY_QUESTIONS = (("Active", "state=active"), ("Never used", "state=unused"), ("Revoked", "state=revoked"))


def _living(key: Any) -> str | None:  # noqa: ANN401 - a key of either kind
    return "already revoked" if key.revoked_at else None


class AgentKeyForm(forms.Form):
    """Whose key."""

    agent = forms.ModelChoiceField(Agent.objects.none())
    name = forms.CharField(max_length=200, initial="default", help_text="Where it will be used.")


def _revoke_agent_key(request: HttpRequest, key: AgentKey, _given: Mapping[str, Any]) -> bool:
    return keys.revoke_agent_key(actor_of(request), key.agent_id, str(key.pk), now=utc_now())


@admin.register(AgentKey)
class AgentKeyPage(AddedByVerb, CompanyAdmin):
    """Agents' bearer keys."""

    make_form = AgentKeyForm
    make_says = "The token is shown once, on the next page. Only its hash is stored."
    related = ("agent", "company")
    list_display = (
        "prefix",
        cells.related("agent"),
        "name",
        _state,
        cells.when("last_used_at", title="last used", order="last_used_at"),
        cells.when("created_at", title="made", order="created_at"),
        cells.related("company"),
    )
    list_filter = (_LIVING, scoped("agent"), scoped("company"))
    search_fields = ("prefix", "name", "agent__name")
    questions = _KEY_QUESTIONS
    deeds = (
        Deed(
            name="revoke",
            title="Revoke",
            done="revoked",
            says="The key stops working at once and for good. Agents that use it get 401.",
            do=_revoke_agent_key,
            refuse=_living,
            danger=True,
        ),
    )

    def make(self, request: HttpRequest, given: Mapping[str, Any]) -> Made:
        """A new key."""
        issued = keys.issue_agent_key(actor_of(request), given["agent"].pk, given["name"])
        return Made(issued.key, issued.token)


class BoardKeyForm(forms.Form):
    """What the key is for."""

    name = forms.CharField(max_length=200, initial="default", help_text="The program or machine that will use it.")


def _revoke_board_key(_request: HttpRequest, key: BoardKey, _given: Mapping[str, Any]) -> bool:
    return keys.revoke_board_key(key.pk, now=utc_now())


@admin.register(BoardKey)
class BoardKeyPage(AddedByVerb, SystemAdmin):
    """People's keys: everybody their own, superusers all."""

    make_form = BoardKeyForm
    make_says = "The key acts as you. Its token is shown once, on the next page; only its hash is stored."
    related = ("user",)
    list_display = (
        "prefix",
        cells.cell("person", lambda key: key.user.get_username(), order="user__username"),
        "name",
        _state,
        cells.when("last_used_at", title="last used", order="last_used_at"),
        cells.when("created_at", title="made", order="created_at"),
    )
    list_filter = (_LIVING,)
    search_fields = ("prefix", "name", "user__username")
    questions = _KEY_QUESTIONS
    deeds = (
        Deed(
            name="revoke",
            title="Revoke",
            done="revoked",
            says="The key stops working at once and for good. Scripts that use it get 401.",
            do=_revoke_board_key,
            refuse=_living,
            danger=True,
        ),
    )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002
        """Every administrator."""
        return bool(request.user.is_active and request.user.is_staff)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BoardKey]:
        """One's own keys."""
        rows: QuerySet[BoardKey] = super().get_queryset(request)
        return rows if request.user.is_superuser else rows.filter(user_id__in=[request.user.pk])

    def why_not_writable(self, request: HttpRequest, obj: Any) -> str | None:  # noqa: ANN401
        """One's own."""
        return None if request.user.is_superuser or obj.user_id == request.user.pk else "it is somebody else's"

    def make(self, request: HttpRequest, given: Mapping[str, Any]) -> Made:
        """A key of one's own."""
        assert isinstance(request.user, User)
        issued = keys.issue_board_key(request.user, given["name"])
        return Made(issued.key, issued.token)


class SecretForm(forms.Form):
    """A secret is written, never read."""

    company = forms.ModelChoiceField(Company.objects.none())
    name = forms.CharField(max_length=200)
    value = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False)


class ValueForm(forms.Form):
    """The next value."""

    value = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False)


def _replace(_request: HttpRequest, secret: Secret, given: Mapping[str, Any]) -> bool:
    store_secret(secret.company_id, secret.name, given["value"], now=utc_now())
    return True


@admin.register(Secret)
class SecretPage(AddedByVerb, CompanyAdmin):
    """Named values that runs get. Write-only."""

    make_form = SecretForm
    make_says = "The value is encrypted and can never be read back here. A name that exists gets this value."
    related = ("company",)
    list_display = (
        "name",
        cells.number("version", str),
        cells.when("updated_at", title="changed", order="updated_at"),
        cells.related("company"),
    )
    list_filter = (scoped("company"),)
    search_fields = ("name",)
    deeds = (
        Deed(
            name="replace_value",
            title="Replace value",
            done="replaced",
            says="Every selected secret gets this value and the next version. Runs that start from now on see it.",
            do=_replace,
            refuse=lambda _secret: None,
            form=ValueForm,
        ),
    )

    def make(self, request: HttpRequest, given: Mapping[str, Any]) -> Made:
        """Seal it."""
        require_company_write(actor_of(request), given["company"].pk)
        return Made(store_secret(given["company"].pk, given["name"], given["value"], now=utc_now()))


@admin.register(IdempotencyRecord)
class IdempotencyPage(CompanyAdmin):
    """First answers to requests that may be repeated. Their bodies stay private."""

    hidden = frozenset({"response_body", "request_hash"})
    related = ("company",)
    list_display = (
        cells.line("key"),
        "route",
        cells.identifier("actor"),
        cells.number("response_status", str, title="answer"),
        cells.when("created_at", title="when", order="created_at"),
        cells.related("company"),
    )
    list_filter = (scoped("company"),)
    search_fields = ("key__exact",)
