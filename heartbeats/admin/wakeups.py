"""Wakeup requests: why an agent woke, or why it did not."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q

from agents.admin.base import CompanyAdmin
from config.common.admin import cells
from config.common.admin.filters import answers, choice, scoped, since
from heartbeats.models import WakeupRequest
from heartbeats.vocabulary import WakeupRowReason, WakeupStatus

_why = cells.cell(
    "why", lambda wake: (wake.reason or wake.wake_reason or wake.source).replace("_", " "), order="reason"
)


@admin.register(WakeupRequest)
class WakeupPage(CompanyAdmin):
    """Wakeups."""

    related = ("agent", "issue", "company")
    watched = True  # not every wakeup is announced: what was skipped or merged leaves a row and no event
    list_display = (
        _why,
        cells.status("status", order="status"),
        cells.related("agent"),
        cells.related("issue"),
        cells.related("run"),
        "source",
        cells.cell("asked_by", lambda wake: wake.requested_by_type, title="asked by"),
        cells.number("coalesced_count", lambda n: str(n) if n else "", title="merged"),
        cells.when("requested_at", title="asked", order="requested_at"),
        cells.when("finished_at", title="closed", order="finished_at"),
        cells.related("company"),
    )
    list_display_links = (_why,)
    list_filter = (
        choice("status"),
        answers(
            "refused",
            "refused by",
            {
                reason.name.lower(): (reason.value.replace("_", " "), Q(reason=reason.value))
                for reason in WakeupRowReason
            },
        ),
        choice("source"),
        since("requested_at", "asked"),
        scoped("agent"),
        answers("open", "open", {"open": ("still waits", Q(status__in=WakeupStatus.OPEN))}),
        scoped("company"),
    )
    search_fields = ("idempotency_key__exact", "reason__exact")
    search_ids = ("id", "run_id", "issue_id", "agent_id")
    search_identifier = "issue__identifier"
    questions = (
        ("Waits", "open=open"),
        ("Deferred", "status__exact=deferred_issue_execution"),
        ("Skipped in 24 h", "status__exact=skipped&since=24h"),
        ("Stopped by a budget", "refused=budget_blocked"),
        ("Blocked by dependencies", "refused=dependencies_blocked"),
        ("Held", "refused=tree_hold_active"),
    )
    sections = (
        (None, ("status", "reason", "wake_reason", "source", "trigger_detail", "error")),
        ("For", ("agent", "issue", "run", "task_key", "wake_comment")),
        ("Asked", ("requested_by_type", "requested_by_id", "requested_at", "claimed_at", "finished_at")),
        ("Payload", ("payload", "context")),
    )
