"""What agents remember between runs."""

from __future__ import annotations

from django.contrib import admin

from agents.admin.base import CompanyAdmin
from agents.redaction import redacted
from config.common.admin import cells, words
from config.common.admin.filters import scoped, since
from heartbeats.models import RuntimeState, TaskSession


@admin.register(TaskSession)
class TaskSessionPage(CompanyAdmin):
    """Adapters' sessions for tasks."""

    related = ("agent", "company")
    hidden = frozenset({"session_params"})
    list_display = (
        cells.cell("task", lambda session: words.short_id(session.task_key), title="task", order="task_key"),
        cells.related("agent"),
        "adapter_type",
        cells.identifier("session_display_id", title="session"),
        cells.related("last_run", title="last run"),
        cells.line("last_error", title="last error", most=60),
        cells.when("updated_at", title="changed", order="updated_at"),
        cells.related("company"),
    )
    list_filter = (scoped("agent"), since("updated_at", "changed"), scoped("company"))
    search_ids = ("id", "agent_id", "task_key")
    sections = (
        (None, ("agent", "adapter_type", "task_key", "session_display_id", "last_run", "last_error")),
        ("Parameters", (cells.cell("params", lambda row: cells.block(*words.pretty(redacted(row.session_params)))),)),
    )


@admin.register(RuntimeState)
class RuntimeStatePage(CompanyAdmin):
    """Agents' totals."""

    related = ("agent", "company")
    list_display = (
        cells.cell("agent_name", lambda state: state.agent.name, title="agent", order="agent__name"),
        cells.status("last_run_status", title="last run"),
        cells.number("total_cost_cents", words.money, title="cost"),
        cells.number("total_input_tokens", lambda n: f"{n:,}", title="in"),
        cells.number("total_output_tokens", lambda n: f"{n:,}", title="out"),
        cells.identifier("session_id", title="session"),
        cells.when("updated_at", title="changed", order="updated_at"),
        cells.related("company"),
    )
    list_filter = (scoped("company"),)
    search_fields = ("agent__name",)
    search_ids = ("id", "agent_id")
