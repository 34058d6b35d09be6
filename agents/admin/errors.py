"""What went wrong, grouped for triage, and every occurrence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from agents import errors
from agents.actors import Actor
from agents.admin.base import CompanyAdmin, actor_of
from agents.errors import Triaged
from agents.models import AgentError, ErrorGroup
from agents.vocabulary import ErrorSeverity, LiveEventType, TriageState
from config.common.admin import cells
from config.common.admin.deeds import Deed, Skipped
from config.common.admin.filters import answers, choice, scoped, since
from config.common.clock import utc_now

FATAL = (ErrorSeverity.FATAL, ErrorSeverity.CRITICAL, ErrorSeverity.ERROR)
_Triage = Callable[..., Triaged]


def _do(verb: _Triage) -> Any:  # noqa: ANN401 - a Deed's `do`
    def do(request: HttpRequest, group: ErrorGroup, _given: Mapping[str, Any]) -> bool | Skipped:
        return _outcome(verb, actor_of(request), group.pk, utc_now())

    return do


def _outcome(verb: _Triage, actor: Actor, group_id: UUID, now: datetime) -> bool | Skipped:
    triaged = verb(actor, group_id, now=now)
    return True if triaged.won else Skipped(f"already {triaged.group.state}")


def _unless_allowed(state: TriageState) -> Any:  # noqa: ANN401 - a Deed's `refuse`
    def refuse(group: ErrorGroup) -> str | None:
        return None if errors.TRIAGE.allows(group.state, state) else f"already {group.state}"

    return refuse


def _deed(name: str, title: str, done: str, state: TriageState, verb: _Triage, says: str) -> Deed:
    return Deed(name=name, title=title, done=done, says=says, do=_do(verb), refuse=_unless_allowed(state))


_message = cells.line("message", order="message")
_KIND = answers(
    "kind",
    "kind",
    {
        "fatal": ("fatal, critical, error", Q(severity__in=FATAL)),
        "warning": ("warnings", Q(severity=ErrorSeverity.WARNING)),
        "waiting": ("needs somebody", Q(state=TriageState.OPEN)),
        "new": ("first seen in 24 h", lambda: Q(first_seen_at__gte=utc_now() - timedelta(hours=24))),
    },
)


@admin.register(ErrorGroup)
class ErrorGroupPage(CompanyAdmin):
    """Error groups: what operators triage (spec/1 I)."""

    related = ("agent", "last_issue", "company", "state_changed_by")
    live_events = (LiveEventType.AGENT_ERROR,)
    list_display = (
        cells.status("severity", order="severity"),
        _message,
        cells.status("state", order="state"),
        cells.number("occurrences", lambda count: f"{count:,}", title="times"),
        cells.related("agent"),
        cells.when("last_seen_at", title="last seen", order="last_seen_at"),
        cells.related("last_issue", title="issue"),
        cells.related("last_run", title="last run"),
        cells.when("first_seen_at", title="first seen", order="first_seen_at"),
        cells.related("company"),
    )
    list_display_links = (_message,)
    list_filter = (
        choice("state"),
        choice("severity"),
        since("last_seen_at", "last seen"),
        scoped("agent"),
        _KIND,
        scoped("company"),
    )
    search_fields = ("message",)
    search_ids = ("id", "last_run_id", "agent_id")
    search_identifier = "last_issue__identifier"
    questions = (
        ("Open", "state__exact=open"),
        ("Open and fatal", "state__exact=open&kind=fatal"),
        ("New in 24 h", "kind=new"),
        ("Acknowledged", "state__exact=acknowledged"),
        ("Seen in 24 h", "since=24h"),
    )
    sections = (
        (None, ("message", "severity", "state", "occurrences")),
        ("Where", ("agent", "last_run", "last_issue", "company")),
        ("When", ("first_seen_at", "last_seen_at", "state_changed_at", "state_changed_by")),
    )
    deeds = (
        _deed(
            "acknowledge",
            "Acknowledge",
            "acknowledged",
            TriageState.ACKNOWLEDGED,
            errors.acknowledge_errors,
            "Marks the group as seen: it no longer asks for somebody, and stays listed until it is resolved.",
        ),
        _deed(
            "resolve",
            "Resolve",
            "resolved",
            TriageState.RESOLVED,
            errors.resolve_errors,
            "Says that the cause is gone. If it happens once more, the group opens again by itself.",
        ),
        _deed(
            "ignore",
            "Ignore",
            "ignored",
            TriageState.IGNORED,
            errors.ignore_errors,
            "Occurrences are still counted, but the group never asks for anybody until it is reopened.",
        ),
        _deed(
            "reopen",
            "Reopen",
            "reopened",
            TriageState.OPEN,
            errors.reopen_errors,
            "Puts the group back among what needs somebody.",
        ),
    )


@admin.register(AgentError)
class AgentErrorPage(CompanyAdmin):
    """Occurrences, scrubbed before they were stored."""

    related = ("agent", "group", "issue", "company")
    live_events = (LiveEventType.AGENT_ERROR,)
    list_display = (
        cells.status("severity", order="severity"),
        _message,
        cells.when("created_at", title="when", order="created_at"),
        cells.related("agent"),
        cells.related("group"),
        cells.related("run"),
        cells.related("issue"),
        "source",
        cells.related("company"),
    )
    list_display_links = (_message,)
    list_filter = (choice("severity"), since("created_at"), scoped("agent"), scoped("company"))
    search_ids = ("id", "group_id", "run_id", "agent_id")
    search_identifier = "issue__identifier"
    questions = (("Last 24 h", "since=24h"), ("Fatal", "severity__exact=fatal"))
    sections = (
        (None, ("message", "severity", "created_at", "source")),
        ("Where", ("agent", "group", "run", "issue", "company")),
        ("Context", ("context",)),
    )
