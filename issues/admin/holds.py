"""Holds on trees of issues."""

from __future__ import annotations

from django.contrib import admin

from agents.admin.base import CompanyAdmin
from config.common.admin import cells
from config.common.admin.filters import choice, scoped, since
from issues.models import TreeHold, TreeHoldMember


@admin.register(TreeHold)
class TreeHoldPage(CompanyAdmin):
    """Holds."""

    related = ("root_issue", "created_by_user", "created_by_agent", "released_by_user", "company")
    list_display = (
        cells.status("mode", order="mode"),
        cells.related("root_issue", title="tree of"),
        cells.status("status", order="status"),
        cells.line("reason", most=80),
        cells.related("created_by_user", title="by"),
        cells.when("created_at", title="since", order="created_at"),
        cells.when("released_at", title="released", order="released_at"),
        cells.related("company"),
    )
    list_filter = (choice("status"), choice("mode"), since("created_at", "since"), scoped("company"))
    search_ids = ("id", "root_issue_id")
    search_identifier = "root_issue__identifier"
    questions = (("Holding now", "status__exact=active"), ("Paused trees", "status__exact=active&mode__exact=pause"))


@admin.register(TreeHoldMember)
class TreeHoldMemberPage(CompanyAdmin):
    """What holds took."""

    related = ("hold", "issue", "company")
    list_display = (
        "issue_identifier",
        cells.line("issue_title", title="title", most=80),
        cells.status("issue_status", title="was"),
        cells.related("hold"),
        cells.number("depth", str),
        cells.flag("skipped", title="skipped", on="yes", off="no"),
        cells.related("company"),
    )
    list_filter = ("skipped", scoped("company"))
    search_ids = ("id", "hold_id", "issue_id")
    search_identifier = "issue_identifier"
