"""Agents: who is there, what went wrong in 24 hours, what they do now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.db.models import Count, Exists, F, IntegerField, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents import configuration, lifecycle
from agents.admin.base import CompanyAdmin, actor_of
from agents.admin.errors import FATAL
from agents.models import Agent, AgentError, AgentGrant, Company, ConfigRevision
from agents.presence import clear_agent_error
from agents.redaction import redacted
from agents.vocabulary import (
    NOT_INVOKABLE,
    AdapterType,
    AgentRole,
    AgentStatus,
    ErrorSeverity,
    LiveEventType,
    Presence,
)
from config.common.admin import cells, links, words
from config.common.admin.deeds import Deed
from config.common.admin.faces import badge, marked
from config.common.admin.filters import answers, choice, scoped, since
from config.common.admin.making import AddedByVerb, Made
from config.common.clock import utc_now

DAY = timedelta(hours=24)
ENDED = (AgentStatus.TERMINATED,)
LIVE = ("running", "queued")


def _runs() -> type[Model]:
    """The table of runs: of a higher app, so it is asked for by name."""
    return apps.get_model("heartbeats", "HeartbeatRun")


def _errors(now: datetime, severities: tuple[ErrorSeverity, ...]) -> Coalesce:
    recent = AgentError.objects.filter(agent=OuterRef("pk"), created_at__gte=now - DAY, severity__in=severities)
    counted = recent.order_by().values("agent").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def with_troubles(agents: QuerySet[Agent], now: datetime) -> QuerySet[Agent]:
    """Agents with their errors of 24 hours and their current run, running before queued: still one statement."""
    runs = _runs()._default_manager.filter(agent=OuterRef("pk"), status__in=LIVE)
    current = runs.order_by("-status", F("started_at").desc(nulls_last=True), "-created_at")
    return agents.annotate(
        fatal_24h=_errors(now, FATAL),
        warnings_24h=_errors(now, (ErrorSeverity.WARNING,)),
        current_run_id=Subquery(current.values("pk")[:1]),
        current_run_status=Subquery(current.values("status")[:1]),
    )


def _trouble(agent: Any) -> SafeString | None:  # noqa: ANN401 - an annotated Agent
    if agent.fatal_24h:
        shown = marked("cross", "bad", f"{agent.fatal_24h} fatal")
        also = f" and {words.several(agent.warnings_24h, 'warning')}" if agent.warnings_24h else ""
    elif agent.warnings_24h:
        shown, also = marked("alert", "warn", words.several(agent.warnings_24h, "warning")), ""
    else:
        return None
    page = links.list_page("agents_agenterror", agent__id__exact=agent.pk, since="24h")
    return links.anchor(page, format_html("{}{}", shown, also), hint="Errors of the last 24 hours")


def _current_run(agent: Any) -> SafeString | None:  # noqa: ANN401 - an annotated Agent
    if agent.current_run_id is None:
        return None
    link = links.anchor(links.change_page(_runs(), agent.current_run_id), badge(agent.current_run_status))
    return format_html("{}{}", link, links.to_board(links.board_page("run", agent.current_run_id)))


def _presence(agent: Agent) -> SafeString:
    """What the agent reported, and since when. Who never reported is not offline: most agents run on our hosts."""
    if agent.last_seen_at is None and agent.presence == Presence.OFFLINE:
        return format_html('<span class="eb-muted" title="never seen">{}</span>', cells.NONE)
    since_when = cells.moment(agent.presence_changed_at)
    return format_html('{} <span class="eb-muted">{}</span>', badge(agent.presence), since_when or "")


_PRESENCE = cells.cell("presence", _presence, order="presence")


def _with_fatal() -> Q:
    recent = AgentError.objects.filter(agent=OuterRef("pk"), severity__in=FATAL, created_at__gte=utc_now() - DAY)
    return Q(Exists(recent))


_TROUBLE = answers(
    "trouble",
    "trouble",
    {
        "fatal": ("fatal errors in 24 h", _with_fatal),
        "error": ("in error", Q(status=AgentStatus.ERROR) | Q(presence=Presence.ERROR)),
        "silent": ("not seen for an hour", lambda: Q(last_seen_at__lt=utc_now() - timedelta(hours=1))),
        "budget": ("stopped by a budget", Q(status=AgentStatus.PAUSED, pause_reason="budget")),
    },
)


class PresenceForm(forms.Form):
    """What to set."""

    presence = forms.ChoiceField(choices=[("online", "online"), ("offline", "offline")], label="Set presence to")


class AgentForm(forms.Form):
    """What hiring an agent needs; the rest has defaults."""

    company = forms.ModelChoiceField(Company.objects.none())
    name = forms.CharField(max_length=200)
    role = forms.ChoiceField(choices=[(r.value, r.value) for r in AgentRole], initial=AgentRole.GENERAL.value)
    adapter_type = forms.ChoiceField(choices=[(a.value, a.value.replace("_", " ")) for a in AdapterType])
    adapter_config = forms.JSONField(initial=dict, required=False, help_text='For a process: {"command": "…"}.')
    runtime_config = forms.JSONField(initial=dict, required=False, help_text="Heartbeat and concurrency settings.")


def _clear_error(request: HttpRequest, agent: Agent, given: Mapping[str, Any]) -> bool:
    return clear_agent_error(actor_of(request), agent.pk, presence=Presence(given["presence"]), now=utc_now())


def _pause(request: HttpRequest, agent: Agent, _given: Mapping[str, Any]) -> bool:
    lifecycle.pause_agent(actor_of(request), agent.pk, now=utc_now())
    return True


def _resume(request: HttpRequest, agent: Agent, _given: Mapping[str, Any]) -> bool:
    lifecycle.resume_agent(actor_of(request), agent.pk, now=utc_now())
    return True


def _terminate(request: HttpRequest, agent: Agent, _given: Mapping[str, Any]) -> bool:
    lifecycle.terminate_agent(actor_of(request), agent.pk, now=utc_now())
    return True


def _not_pausable(agent: Agent) -> str | None:
    return f"{agent.status.replace('_', ' ')}" if agent.status in NOT_INVOKABLE else None


def _not_paused(agent: Agent) -> str | None:
    return None if agent.status == AgentStatus.PAUSED else "not paused"


def _not_in_error(agent: Agent) -> str | None:
    return None if agent.presence == Presence.ERROR else "not in error"


def _masked(name: str) -> cells.Cell:
    return cells.cell(name, lambda agent: cells.block(*words.pretty(redacted(getattr(agent, name)))))


@admin.register(Agent)
class AgentPage(AddedByVerb, CompanyAdmin):
    """Agents."""

    make_form = AgentForm
    make_says = "The new agent is idle and waits for work. Secrets belong in Secrets, not in its configuration."
    related = ("company", "reports_to")
    live_events = (
        LiveEventType.AGENT_STATUS,
        LiveEventType.AGENT_ERROR,
        LiveEventType.RUN_QUEUED,
        LiveEventType.RUN_STATUS,
    )
    list_display = (
        "name",
        cells.status("status", order="status"),
        _PRESENCE,
        cells.cell("errors_24h", _trouble, title="errors, 24 h", order="fatal_24h"),
        cells.cell("current_run", _current_run, title="current run"),
        cells.when("last_seen_at", title="last seen", order="last_seen_at"),
        "role",
        "adapter_type",
        cells.related("company"),
    )
    list_filter = (choice("status"), choice("presence"), _TROUBLE, choice("adapter_type"), scoped("company"))
    search_fields = ("name", "url_key")
    questions = (
        ("In error", "trouble=error"),
        ("Fatal errors in 24 h", "trouble=fatal"),
        ("Running", "status__exact=running"),
        ("Paused", "status__exact=paused"),
        ("Waits for approval", "status__exact=pending_approval"),
    )
    hidden = frozenset({"adapter_config", "runtime_config"})
    sections = (
        (None, ("name", "title", "role", "company", "reports_to", "url_key")),
        ("State", ("status", "pause_reason", "paused_at", _PRESENCE, "last_seen_at")),
        ("How it runs", ("adapter_type", "host_label", _masked("adapter_config"), _masked("runtime_config"))),
        ("Money", ("spent_monthly_cents", "budget_monthly_cents")),
    )
    deeds = (
        Deed(
            name="clear_error",
            title="Clear error",
            done="cleared",
            says="Sets the agent's presence, so that work reaches it again. Written to the activity log.",
            do=_clear_error,
            refuse=_not_in_error,
            form=PresenceForm,
        ),
        Deed(
            name="pause",
            title="Pause",
            done="paused",
            says="Stops the agent: its live runs are cancelled and it gets no work until somebody resumes it.",
            do=_pause,
            refuse=_not_pausable,
            danger=True,
        ),
        Deed(
            name="resume",
            title="Resume",
            done="resumed",
            says="Lets the agent work again. It is idle and wakes with the next request.",
            do=_resume,
            refuse=_not_paused,
        ),
        Deed(
            name="terminate",
            title="Terminate",
            done="terminated",
            says="Ends the agent for good: its keys are revoked and its live runs cancelled. This cannot be undone.",
            do=_terminate,
            refuse=lambda agent: "already terminated" if agent.status in ENDED else None,
            danger=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        """With errors and current run on the list."""
        rows: QuerySet[Agent] = super().get_queryset(request)
        match = request.resolver_match
        return with_troubles(rows, utc_now()) if match and match.url_name == "agents_agent_changelist" else rows

    def make(self, request: HttpRequest, given: Mapping[str, Any]) -> Made:
        """Hire it."""
        fields = {name: value for name, value in given.items() if name != "company" and value is not None}
        return Made(configuration.create_agent(actor_of(request), given["company"].pk, fields, now=utc_now()))


@admin.register(AgentGrant)
class AgentGrantPage(CompanyAdmin):
    """Rights given one by one."""

    related = ("agent", "company")
    list_display = (
        "permission",
        cells.related("agent"),
        cells.when("created_at", title="given", order="created_at"),
        cells.related("company"),
    )
    list_filter = (choice("permission"), scoped("agent"), scoped("company"))
    search_fields = ("agent__name",)


@admin.register(ConfigRevision)
class ConfigRevisionPage(CompanyAdmin):
    """What was changed in agents' configurations."""

    related = ("agent", "created_by_user", "created_by_agent", "company")
    list_display = (
        cells.when("created_at", title="when", order="created_at"),
        cells.related("agent"),
        cells.cell("changed", lambda revision: ", ".join(map(str, revision.changed_keys))[:120]),
        "source",
        cells.related("created_by_user", title="by"),
        cells.related("company"),
    )
    list_filter = (since("created_at"), scoped("agent"), scoped("company"))
    search_ids = ("id", "agent_id")
    sections = (
        (None, ("agent", "created_at", "source", "created_by_user", "created_by_agent")),
        ("Change", ("changed_keys", "before", "after")),
    )
