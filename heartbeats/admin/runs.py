"""Runs and what happened in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin.base import CompanyAdmin, actor_of
from agents.vocabulary import LiveEventType
from config.common.admin import cells, links, words
from config.common.admin.deeds import Deed, Skipped
from config.common.admin.filters import answers, choice, scoped, since
from config.common.clock import utc_now
from heartbeats.admin.environment import on_host
from heartbeats.models import HeartbeatRun, LateReport, RunEvent
from heartbeats.runs.operating import cancel_run_for, retry_run, run_parked_retry_now
from heartbeats.vocabulary import RunStatus


def _cancel(request: HttpRequest, run: HeartbeatRun, _given: Mapping[str, Any]) -> bool | Skipped:
    cancelled = cancel_run_for(actor_of(request), run.pk, company_id=run.company_id, now=utc_now())
    return True if cancelled.won else Skipped(f"already {cancelled.run.status.replace('_', ' ')}")


def _retry(request: HttpRequest, run: HeartbeatRun, _given: Mapping[str, Any]) -> bool | Skipped:
    again = retry_run(actor_of(request), run, now=utc_now())
    return Skipped(again.why_not) if again.run_id is None else True


def _run_now(request: HttpRequest, run: HeartbeatRun, _given: Mapping[str, Any]) -> bool:
    return run_parked_retry_now(actor_of(request), run.pk, company_id=run.company_id)


def _not_parked(run: HeartbeatRun) -> str | None:
    return None if run.status == RunStatus.SCHEDULED_RETRY else run.status.replace("_", " ")


def _not_live(run: HeartbeatRun) -> str | None:
    return None if run.status in RunStatus.LIVE else f"already {run.status.replace('_', ' ')}"


def _not_unsuccessful(run: HeartbeatRun) -> str | None:
    if run.status in RunStatus.UNSUCCESSFUL:
        return None
    return f"{run.status.replace('_', ' ')}" if run.status in RunStatus.LIVE else "it succeeded"


def _name(run: HeartbeatRun) -> SafeString:
    return format_html('<span class="eb-mono">{}</span>', words.short_id(run.pk))


def _what_for(run: HeartbeatRun) -> Any:  # noqa: ANN401 - HTML or None
    if run.issue is None:
        return run.wake_reason
    link = links.anchor(links.change_page(type(run.issue), run.issue_id), run.issue.identifier, hint=run.issue.title)
    return format_html('<span class="eb-line">{} <span class="eb-muted">{}</span></span>', link, run.issue.title[:80])


def _outcome(run: HeartbeatRun) -> Any:  # noqa: ANN401 - HTML or None
    code = run.error_code or (f"exit {run.exit_code}" if run.exit_code else None)
    return format_html('<span title="{}">{}</span>', (run.error or "")[:500], code) if code else None


_run = cells.cell("run", _name, order="created_at")


@admin.register(HeartbeatRun)
class RunPage(CompanyAdmin):
    """Runs."""

    related = ("agent", "issue", "company")
    live_events = (LiveEventType.RUN_QUEUED, LiveEventType.RUN_STATUS)
    list_display = (
        _run,
        cells.status("status", order="status"),
        cells.when("created_at", title="asked", order="created_at"),
        cells.lasted("started_at", "finished_at"),
        cells.related("agent"),
        cells.cell("what_for", _what_for, title="for"),
        cells.cell("outcome", _outcome, title="error or exit"),
        cells.cell("retry", lambda run: run.retry_reason and run.retry_reason.replace("_", " "), title="a retry after"),
        cells.when("last_output_at", title="last output"),
        cells.cell("host", lambda run: run.executor_host),
        cells.cell("board", lambda run: links.to_board(links.board_page_of(run)), title=""),
        cells.related("company"),
    )
    list_display_links = (_run,)
    list_filter = (
        choice("status"),
        choice("retry_reason"),
        since("created_at", "asked"),
        scoped("agent"),
        choice("liveness_state"),
        answers(
            "trouble",
            "trouble",
            {
                "bad": ("failed or timed out", Q(status__in=["failed", "timed_out"])),
                "live": ("live", Q(status__in=RunStatus.LIVE)),
                "lease": ("running, lease over", lambda: Q(status="running", lease_expires_at__lt=utc_now())),
                "lost": ("process lost", Q(error_code="process_lost")),
                "stopping": ("cancelled, still stopping", Q(process_stopping=True)),
            },
        ),
        on_host,
        scoped("company"),
    )
    search_fields = ("agent__name__istartswith",)
    search_ids = ("id", "issue_id", "agent_id", "retry_of_run_id")
    search_identifier = "issue__identifier"
    questions = (
        ("Running", "status__exact=running"),
        ("Queued", "status__exact=queued"),
        ("Retry waits", "status__exact=scheduled_retry"),
        ("Failed in 24 h", "trouble=bad&since=24h"),
        ("Lease over", "trouble=lease"),
        ("Process lost", "trouble=lost"),
    )
    sections = (
        (None, ("status", "agent", "issue", "invocation_source", "wake_reason", "wakeup")),
        ("Outcome", ("error_code", "error", "exit_code", "signal", "liveness_state", "liveness_reason", "next_action")),
        ("When", ("created_at", "claimed_at", "started_at", "finished_at", "last_output_at", "cancel_requested_at")),
        ("Where", ("executor_host", "epoch", "lease_expires_at", "process_pid", "process_stopping")),
        ("Retry", ("retry_of_run", "retry_reason", "scheduled_retry_at", "scheduled_retry_attempt")),
        ("Output", ("stdout_excerpt", "stderr_excerpt", "log_bytes", "result", "usage")),
        ("Handed over", ("context",)),
    )
    deeds = (
        Deed(
            name="cancel",
            title="Cancel",
            done="cancelled",
            says="Stops the run: its process group is ended, its issue released, and whoever waits behind it is next.",
            do=_cancel,
            refuse=_not_live,
            danger=True,
        ),
        Deed(
            name="retry",
            title="Retry",
            done="requested again",
            says="Asks that the agent run once more for the same issue with the same context. Every gate applies: a "
            "budget, a pause, a blocker or a live run may skip or delay it.",
            do=_retry,
            refuse=_not_unsuccessful,
        ),
        Deed(
            name="run_now",
            title="Run the retry now",
            done="queued",
            says="A retry that waits for its time goes to the queue at once, as if its time had come.",
            do=_run_now,
            refuse=_not_parked,
        ),
    )


@admin.register(RunEvent)
class RunEventPage(CompanyAdmin):
    """What happened in runs."""

    related = ("agent", "company")
    list_display = (
        cells.when("created_at", title="when"),
        cells.related("run"),
        cells.number("seq", str, title="number"),
        "event_type",
        cells.status("level"),
        cells.line("message"),
        cells.related("agent"),
        cells.related("company"),
    )
    ordering = ("-id",)
    list_filter = (scoped("company"),)
    search_ids = ("run_id",)


@admin.register(LateReport)
class LateReportPage(CompanyAdmin):
    """What stale executions tried to write."""

    related = ("company",)
    list_display = (
        cells.when("created_at", title="when", order="created_at"),
        cells.related("run"),
        "origin",
        cells.number("epoch", str, title="of epoch"),
        cells.number("current_epoch", str, title="now epoch"),
        cells.related("company"),
    )
    list_filter = (since("created_at"), scoped("company"))
    search_ids = ("id", "run_id")
