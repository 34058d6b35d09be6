"""Issues: what is stuck, who holds it, what it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin.base import CompanyAdmin, actor_of
from agents.models import Agent, Company
from config.common.admin import cells, links, words
from config.common.admin.deeds import Deed
from config.common.admin.filters import answers, choice, scoped, since
from config.common.admin.making import AddedByVerb, Made
from config.common.clock import utc_now
from issues.checkout import force_release_issue
from issues.creating import NewIssue, create_issue
from issues.models import Issue, IssueApproval, IssueRelation, Label, Project
from issues.vocabulary import ISSUE_ACTIVE, ISSUE_TERMINAL, RECOVERY_ORIGINS, IssueStatus, Priority

OPEN = ~Q(status__in=ISSUE_TERMINAL)
ACTIVE_OF_AGENT = Q(
    status__in=ISSUE_ACTIVE, assignee_agent__isnull=False, assignee_user__isnull=True, hidden_at__isnull=True
)
LOCKED = Q(execution_run__isnull=False) | Q(checkout_run__isnull=False)
RECOVERY = Q(origin_kind__in=RECOVERY_ORIGINS) & OPEN


def without_mover() -> Q:
    """Agent-owned, active, and nothing moves it: no live run, no wakeup that waits, no recovery issue (DESIGN 2)."""
    runs = apps.get_model("heartbeats", "HeartbeatRun")._default_manager
    wakes = apps.get_model("heartbeats", "WakeupRequest")._default_manager
    live = runs.filter(issue=OuterRef("pk"), status__in=("queued", "running", "scheduled_retry"))
    waiting = wakes.filter(issue=OuterRef("pk"), status__in=("queued", "claimed", "deferred_issue_execution"))
    return ACTIVE_OF_AGENT & ~Exists(live) & ~Exists(waiting)


STUCK = {
    "unmoved": ("nothing moves it", without_mover),
    "recovery": ("recovery issues, open", RECOVERY),
    "ownerless": ("recovery without owner", RECOVERY & Q(assignee_agent__isnull=True, assignee_user__isnull=True)),
    "blocked": ("blocked", Q(status=IssueStatus.BLOCKED)),
    "locked": ("holds a lock", LOCKED),
    "old": ("in progress for a day", lambda: Q(status="in_progress", started_at__lt=utc_now() - timedelta(hours=24))),
}


class IssueForm(forms.Form):
    """What work needs."""

    company = forms.ModelChoiceField(Company.objects.none())
    title = forms.CharField(max_length=1000)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 6}))
    priority = forms.ChoiceField(choices=[(p.value, p.value) for p in Priority], initial=Priority.MEDIUM.value)
    project = forms.ModelChoiceField(Project.objects.none(), required=False)
    assignee_agent = forms.ModelChoiceField(
        Agent.objects.none(), required=False, label="Assign to", help_text="The agent is woken. Without one it waits."
    )


def _release(request: HttpRequest, issue: Issue, _given: Mapping[str, Any]) -> bool:
    force_release_issue(actor_of(request), issue.pk, clear_assignee=False, now=utc_now())
    return True


def _unlocked(issue: Issue) -> str | None:
    return None if issue.execution_run_id or issue.checkout_run_id else "not locked"


def _title(issue: Issue) -> SafeString:
    return format_html(
        '<span class="eb-line" title="{}"><span class="eb-mono">{}</span> {}</span>',
        issue.title,
        issue.identifier,
        issue.title[:110],
    )


def _owner(issue: Issue) -> Any:  # noqa: ANN401 - HTML, a name or None
    if issue.assignee_agent is not None:
        return links.anchor(links.change_page(Agent, issue.assignee_agent_id), issue.assignee_agent.name)
    return issue.assignee_user.get_username() if issue.assignee_user else None


def _lock(issue: Issue) -> Any:  # noqa: ANN401
    run = issue.execution_run_id or issue.checkout_run_id
    if run is None:
        return None
    kind = "execution" if issue.execution_run_id else "checkout"
    page = links.address("admin:heartbeats_heartbeatrun_change", run)
    return links.anchor(page, format_html('{} <span class="eb-mono">{}</span>', kind, words.short_id(run)))


_headline = cells.cell("issue", _title, order="number")


@admin.register(Issue)
class IssuePage(AddedByVerb, CompanyAdmin):
    """Issues."""

    make_form = IssueForm
    related = ("assignee_agent", "assignee_user", "project", "parent", "company")
    list_display = (
        _headline,
        cells.status("status", order="status"),
        cells.status("priority"),
        cells.cell("owner", _owner),
        cells.when("updated_at", title="changed", order="updated_at"),
        cells.cell("lock", _lock, title="held by run"),
        cells.cell(
            "origin", lambda issue: None if issue.origin_kind == "manual" else issue.origin_kind.replace("_", " ")
        ),
        cells.when("created_at", title="created", order="created_at"),
        cells.cell("board", lambda issue: links.to_board(links.board_page_of(issue)), title=""),
        cells.related("company"),
    )
    list_display_links = (_headline,)
    list_filter = (
        choice("status"),
        choice("priority"),
        answers("stuck", "stuck", STUCK),
        scoped("assignee_agent"),
        since("created_at", "created"),
        scoped("company"),
    )
    search_fields = ("title",)
    search_ids = ("id", "parent_id", "execution_run_id", "checkout_run_id")
    search_identifier = "identifier"
    questions = (
        ("Nothing moves it", "stuck=unmoved"),
        ("Recovery", "stuck=recovery"),
        ("Without owner", "stuck=ownerless"),
        ("Blocked", "stuck=blocked"),
        ("Locked", "stuck=locked"),
        ("In progress for a day", "stuck=old"),
    )
    sections = (
        (None, ("title", "identifier", "status", "priority", "description")),
        ("Who", ("assignee_agent", "assignee_user", "company", "project", "parent")),
        ("Held by", ("execution_run", "execution_locked_at", "checkout_run")),
        ("Origin", ("origin_kind", "origin_id", "origin_run", "origin_fingerprint")),
        ("When", ("created_at", "started_at", "completed_at", "cancelled_at", "hidden_at", "last_human_action_at")),
    )
    deeds: tuple[Deed, ...] = (
        Deed(
            name="release_lock",
            title="Release lock",
            done="released",
            says="Clears the execution lock and the checkout. Status and assignee stay. A run that still works on the "
            "issue loses its claim to it: cancel that run first if it lives.",
            do=_release,
            refuse=_unlocked,
            danger=True,
        ),
    )

    def make(self, request: HttpRequest, given: Mapping[str, Any]) -> Made:
        """Create it: `todo` and its agent woken when it has one, else in the backlog."""
        agent, project = given["assignee_agent"], given["project"]
        columns = {
            "title": given["title"],
            "description": given["description"] or None,
            "priority": given["priority"],
            "project_id": project.pk if project else None,
            "assignee_agent_id": agent.pk if agent else None,
            "status": IssueStatus.TODO if agent else IssueStatus.BACKLOG,
        }
        return Made(create_issue(actor_of(request), given["company"].pk, NewIssue(columns=columns), now=utc_now()))


@admin.register(IssueRelation)
class IssueRelationPage(CompanyAdmin):
    """What blocks what."""

    related = ("blocker", "blocked", "company")
    list_display = (
        cells.cell("edge", lambda edge: f"{edge.blocker.identifier} blocks {edge.blocked.identifier}", title="what"),
        cells.related("blocker"),
        cells.status("blocker__status", title="blocker is"),
        cells.related("blocked"),
        cells.status("blocked__status", title="blocked is"),
        cells.when("created_at", title="since", order="created_at"),
        cells.related("company"),
    )
    list_filter = (
        answers(
            "blocker",
            "blocker",
            {
                "open": ("still open", ~Q(blocker__status__in=ISSUE_TERMINAL)),
                "cancelled": ("cancelled", Q(blocker__status="cancelled")),
                "done": ("done", Q(blocker__status="done")),
            },
        ),
        scoped("company"),
    )
    search_ids = ("id", "blocker_id", "blocked_id")
    search_identifier = "blocked__identifier"
    questions = (("Still blocks", "blocker=open"), ("Blocked by cancelled work", "blocker=cancelled"))


@admin.register(Label)
class LabelPage(CompanyAdmin):
    """Words people sort by."""

    related = ("company",)
    list_display = (
        "name",
        cells.cell("color", lambda label: format_html('<span class="eb-mono">{}</span>', label.color)),
        cells.related("company"),
    )
    list_filter = (scoped("company"),)
    search_fields = ("name",)


@admin.register(IssueApproval)
class IssueApprovalPage(CompanyAdmin):
    """Approvals that issues wait for."""

    related = ("issue", "approval", "company")
    list_display = (
        cells.cell("link", lambda row: f"{row.issue.identifier} waits", title="what"),
        cells.related("issue"),
        cells.related("approval"),
        cells.status("approval__status", title="approval is"),
        cells.when("created_at", title="since", order="created_at"),
        cells.related("company"),
    )
    list_filter = (scoped("company"),)
    search_ids = ("id", "issue_id", "approval_id")
    search_identifier = "issue__identifier"
