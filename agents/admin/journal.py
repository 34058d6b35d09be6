"""The two logs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from agents.admin.base import CompanyAdmin
from agents.models import ActivityEvent, LiveEvent, LiveFeed
from config.common.admin import cells, links, words
from config.common.admin.filters import choice, scoped, since

_MODELS = {
    "agent": "agents_agent",
    "issue": "issues_issue",
    "heartbeat_run": "heartbeats_heartbeatrun",
    "error_group": "agents_errorgroup",
    "approval": "agents_approval",
    "company": "agents_company",
    "budget_incident": "agents_budgetincident",
    "budget_policy": "agents_budgetpolicy",
    "project": "issues_project",
    "member": "agents_member",
}


def _entity(event: Any) -> SafeString:  # noqa: ANN401 - an ActivityEvent
    known = _MODELS.get(event.entity_type)
    page = links.address(f"admin:{known}_change", event.entity_id) if known else None
    return links.anchor(page, f"{event.entity_type.replace('_', ' ')} {words.short_id(event.entity_id)}")


def _who(event: Any) -> SafeString | str:  # noqa: ANN401 - an ActivityEvent
    if event.agent is not None:
        return links.anchor(links.change_page(type(event.agent), event.agent_id), event.agent.name)
    return f"{event.actor_type} {words.short_id(event.actor_id)}"


@admin.register(ActivityEvent)
class ActivityPage(CompanyAdmin):
    """Who did what."""

    related = ("agent", "issue", "company")
    list_display = (
        cells.when("created_at", title="when", order="created_at"),
        "action",
        cells.cell("who", _who),
        cells.cell("entity", _entity, title="what"),
        cells.related("issue"),
        cells.related("run"),
        cells.related("company"),
    )
    list_filter = (since("created_at"), choice("actor_type"), scoped("agent"), scoped("company"))
    search_ids = ("id", "run_id", "issue_id")
    search_identifier = "issue__identifier"
    search_fields = ("action__startswith",)
    questions = (("Last 24 h", "since=24h"), ("By people", "actor_type__exact=user"))
    sections = (
        (None, ("action", "created_at", "actor_type", "actor_id", "agent")),
        ("On", (cells.cell("entity", _entity, title="what"), "issue", "run", "company")),
        ("Details", ("details",)),
    )


@admin.register(LiveEvent)
class LiveEventPage(CompanyAdmin):
    """What screens were told."""

    related = ("company",)
    list_display = (
        "id",
        "type",
        cells.cell("number", lambda event: event.seq if event.seq is not None else "not sent yet", title="number"),
        cells.when("created_at", title="when"),
        cells.related("company"),
    )
    list_filter = (choice("type"), scoped("company"))
    ordering = ("-id",)
    search_ids = ()


@admin.register(LiveFeed)
class LiveFeedPage(CompanyAdmin):
    """How far each company's feed has come."""

    related = ("company",)
    list_display = (
        cells.cell("feed", lambda feed: feed.company.name, title="company"),
        cells.number("last_seq", str, title="last number"),
        cells.number("pushed_seq", str, title="pushed"),
    )
    ordering = ("company__name",)
    search_ids = ()
    search_fields = ("company__name",)
