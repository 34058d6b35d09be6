"""The admin's side bar: what triage needs first, records last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

_GROUPS: tuple[tuple[str, bool, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Triage",
        False,
        (
            ("Error groups", "bug_report", "agents.errorgroup"),
            ("Agents", "smart_toy", "agents.agent"),
            ("Issues", "task_alt", "issues.issue"),
            ("Runs", "play_circle", "heartbeats.heartbeatrun"),
            ("Wakeups", "notifications_active", "heartbeats.wakeuprequest"),
            ("Approvals", "approval", "agents.approval"),
            ("Questions", "help", "issues.interaction"),
            ("Budget incidents", "payments", "agents.budgetincident"),
        ),
    ),
    (
        "Machine",
        False,
        (
            ("Sweeps", "cleaning_services", "recovery.sweepstate"),
            ("Sweep runs", "history", "recovery.sweeprun"),
            ("Mass losses", "crisis_alert", "recovery.masslossincident"),
            ("Poison rows", "report", "recovery.poisonrow"),
            ("Hosts", "dns", "heartbeats.host"),
            ("Schedule", "schedule", "django_celery_beat.periodictask"),
            ("Recovery settings", "tune", "recovery.recoverysettings"),
        ),
    ),
    (
        "Records",
        True,
        (
            ("Activity", "list_alt", "agents.activityevent"),
            ("Errors", "error", "agents.agenterror"),
            ("Run events", "timeline", "heartbeats.runevent"),
            ("Late reports", "running_with_errors", "heartbeats.latereport"),
            ("Watchdog decisions", "visibility", "recovery.watchdogdecision"),
            ("Cost events", "receipt_long", "agents.costevent"),
            ("Comments", "chat", "issues.issuecomment"),
            ("Documents", "description", "issues.issuedocument"),
            ("Work products", "inventory_2", "issues.workproduct"),
            ("Blockers", "block", "issues.issuerelation"),
            ("Holds", "pan_tool", "issues.treehold"),
            ("Sessions", "forum", "heartbeats.tasksession"),
            ("Leases", "key_vertical", "heartbeats.environmentlease"),
            ("Workspaces", "folder", "heartbeats.executionworkspace"),
            ("Workspace operations", "construction", "heartbeats.workspaceoperation"),
        ),
    ),
    (
        "Access and set-up",
        True,
        (
            ("Companies", "business", "agents.company"),
            ("Members", "group", "agents.member"),
            ("People", "person", "agents.user"),
            ("Agent keys", "vpn_key", "agents.agentkey"),
            ("Board keys", "key", "agents.boardkey"),
            ("Secrets", "lock", "agents.secret"),
            ("Skills", "school", "agents.skill"),
            ("Projects", "folder_open", "issues.project"),
            ("Budgets", "savings", "agents.budgetpolicy"),
            ("Grants", "verified_user", "agents.agentgrant"),
        ),
    ),
)


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups with the pages that this person may open."""
    return [
        {"title": title, "collapsible": collapsed, "separator": False, "items": list(_items(request, pages))}
        for title, collapsed, pages in _GROUPS
    ]


def _items(request: HttpRequest, pages: tuple[tuple[str, str, str], ...]) -> Iterator[dict[str, Any]]:
    registered = {model._meta.label_lower: page for model, page in admin.site._registry.items()}
    for title, icon, label in pages:
        page = registered.get(label)
        if page is not None and page.has_view_permission(request):
            link = reverse(f"admin:{label.replace('.', '_')}_changelist")
            yield {"title": title, "icon": icon, "link": link, "active": request.path.startswith(link)}
