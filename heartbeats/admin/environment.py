"""Where runs happen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from agents.admin.base import CompanyAdmin
from config.common.admin import cells
from config.common.admin.base import SystemAdmin
from config.common.admin.faces import badge, marked
from config.common.admin.filters import choice, scoped, since
from config.common.clock import utc_now
from heartbeats.models import EnvironmentLease, ExecutionWorkspace, Host, WorkspaceOperation

if TYPE_CHECKING:
    from django.contrib.admin import SimpleListFilter as _Dropdown
else:
    from unfold.contrib.filters.admin import DropdownFilter as _Dropdown

MOST_HOSTS = 100
SILENT_AFTER = timedelta(minutes=2)


class OnHost(_Dropdown):
    """Runs of one of the hosts that have reported."""

    title = "host"
    parameter_name = "host"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """At most 100 hosts. One statement."""
        return [(name, name) for name in Host.objects.values_list("name", flat=True)[:MOST_HOSTS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Its runs."""
        return queryset.filter(executor_host=self.value()) if self.value() else queryset


on_host = OnHost


def _alive(host: Host) -> Any:  # noqa: ANN401 - HTML
    silent = utc_now() - host.last_seen_at > SILENT_AFTER
    return marked("mute", "bad", "Silent") if silent else badge("online")


@admin.register(Host)
class HostPage(SystemAdmin):
    """Machines that execute runs."""

    list_display = (
        "name",
        cells.cell("state", _alive),
        cells.when("last_seen_at", title="last seen", order="last_seen_at"),
        cells.when("started_at", title="supervisor since", order="started_at"),
        cells.number("capacity", str),
        cells.cell("labels", lambda host: ", ".join(map(str, host.labels))),
        cells.identifier("boot_id", title="boot"),
    )
    search_fields = ("name__istartswith",)
    search_ids = ()


@admin.register(EnvironmentLease)
class EnvironmentLeasePage(CompanyAdmin):
    """Runs' holds on their environment."""

    related = ("issue", "workspace", "company")
    list_display = (
        cells.related("run"),
        cells.status("status", order="status"),
        "provider",
        cells.related("issue"),
        cells.related("workspace"),
        cells.when("acquired_at", title="acquired", order="acquired_at"),
        cells.when("released_at", title="released", order="released_at"),
        cells.line("failure_reason", title="why lost", most=60),
        cells.related("company"),
    )
    list_display_links = None
    list_filter = (choice("status"), since("acquired_at", "acquired"), scoped("company"))
    search_ids = ("id", "run_id")
    search_identifier = "issue__identifier"
    questions = (("Held now", "status__exact=active"), ("Lost", "status__exact=failed"))


@admin.register(ExecutionWorkspace)
class ExecutionWorkspacePage(CompanyAdmin):
    """Folders in which runs happen."""

    related = ("project", "source_issue", "company")
    list_display = (
        "name",
        cells.status("status", order="status"),
        cells.line("cwd", title="folder", most=70),
        "host",
        cells.line("branch_name", title="branch", most=40),
        cells.related("project"),
        cells.related("source_issue", title="issue"),
        cells.when("last_used_at", title="last used", order="last_used_at"),
        cells.related("company"),
    )
    list_filter = (choice("status"), scoped("project"), scoped("company"))
    search_fields = ("name__istartswith", "branch_name__istartswith")
    search_identifier = "source_issue__identifier"


@admin.register(WorkspaceOperation)
class WorkspaceOperationPage(CompanyAdmin):
    """What was done to workspaces."""

    related = ("workspace", "company")
    list_display = (
        "phase",
        cells.status("status"),
        cells.related("run"),
        cells.related("workspace"),
        cells.line("command", most=60),
        cells.number("exit_code", str, title="exit"),
        cells.when("started_at", title="started", order="started_at"),
        cells.lasted("started_at", "finished_at"),
        cells.related("company"),
    )
    ordering = ("-started_at",)
    list_filter = (since("started_at", "started"), scoped("company"))
    search_ids = ("id", "run_id", "workspace_id")
