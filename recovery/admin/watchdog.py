"""What was decided about silent runs."""

from __future__ import annotations

from django.contrib import admin

from agents.admin.base import CompanyAdmin
from config.common.admin import cells
from config.common.admin.filters import choice, scoped, since
from recovery.models import WatchdogDecision


@admin.register(WatchdogDecision)
class WatchdogDecisionPage(CompanyAdmin):
    """Decisions."""

    related = ("evaluation_issue", "created_by_agent", "created_by_user", "company")
    list_display = (
        cells.cell("decided", lambda row: row.decision.replace("_", " "), title="decision", order="decision"),
        cells.related("run"),
        cells.when("snoozed_until", title="quiet until", order="snoozed_until"),
        cells.line("reason", most=80),
        cells.related("evaluation_issue", title="issue"),
        cells.related("created_by_agent", title="agent"),
        cells.related("created_by_user", title="person"),
        cells.when("created_at", title="when", order="created_at"),
        cells.related("company"),
    )
    list_filter = (choice("decision"), since("created_at"), scoped("company"))
    search_ids = ("id", "run_id")
    search_identifier = "evaluation_issue__identifier"
