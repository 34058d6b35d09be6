"""Intents: what committed changes still ask for. Normally none is older than a moment."""

from __future__ import annotations

from django.contrib import admin

from agents.admin.base import CompanyAdmin
from config.common.admin import cells
from config.common.admin.filters import choice, scoped
from heartbeats.models import Intent

_kind = cells.cell("kind", lambda intent: intent.kind.replace("_", " "), order="kind")


@admin.register(Intent)
class IntentPage(CompanyAdmin):
    """What was promised with a commit and is not done yet."""

    related = ("company",)
    list_display = (
        _kind,
        cells.when("asked_at", title="asked", order="asked_at"),
        cells.related("company"),
    )
    list_display_links = (_kind,)
    list_filter = (choice("kind"), scoped("company"))
    search_ids = ("id",)
    sections = ((None, ("kind", "asked_at")), ("Asked", ("actor", "body")))
