"""Sweeps: whether they run, what they did, and a hand on the switch. Superusers only: they serve every company."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from config.common.admin import cells, words
from config.common.admin.base import SystemAdmin
from config.common.admin.deeds import Deed, Skipped, Told
from config.common.admin.faces import badge, marked
from config.common.admin.filters import answers, choice, since
from config.common.clock import utc_now
from recovery.models import SweepRun, SweepState
from recovery.schedule import late_after, periods
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep_by_hand, switch_sweep
from recovery.vocabulary import SweepName, SweepOutcome

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def _report(report: SweepReport, would: str) -> bool | Skipped | Told:
    if report.skipped_because is not None:
        return Skipped(report.skipped_because.replace("_", " "))
    results = report.results
    text = f"{report.sweep}: looked at {results.looked_at}, {would} {results.acted}"
    text += "".join(f", {count} {reason.replace('_', ' ')}" for reason, count in results.skipped.items())
    text += f", {results.errors} raised" if results.errors else ""
    return Told(f"{text}. {report.error or ''}".strip())


def _run(request: HttpRequest, state: SweepState, _given: Mapping[str, Any]) -> bool | Skipped | Told:
    log.info("sweep_run_by_hand", sweep=state.sweep, user_id=str(request.user.pk))
    return _report(run_sweep_by_hand(sweep_named(SweepName(state.sweep))), "acted on")


def _dry_run(_request: HttpRequest, state: SweepState, _given: Mapping[str, Any]) -> bool | Skipped | Told:
    return _report(dry_run(sweep_named(SweepName(state.sweep))), "would act on")


def _switch(enabled: bool) -> Any:  # noqa: ANN401 - a Deed's `do`
    def do(request: HttpRequest, state: SweepState, _given: Mapping[str, Any]) -> bool:
        switch_sweep(SweepName(state.sweep), enabled=enabled)
        log.warning("sweep_switched", sweep=state.sweep, enabled=enabled, user_id=str(request.user.pk))
        return True

    return do


def freshness(state: SweepState) -> Any:  # noqa: ANN401 - HTML
    """Whether the sweep succeeded lately enough."""
    if not state.enabled:
        return marked("pause", "warn", "Switched off")
    last = state.last_succeeded_at
    if last is None or utc_now() - last > late_after(SweepName(state.sweep), settings.TIMINGS):
        return marked("alert", "bad", "Late")
    return badge("active")


def _period(state: SweepState) -> str:
    return words.span(periods(settings.TIMINGS)[SweepName(state.sweep)])


@admin.register(SweepState)
class SweepStatePage(SystemAdmin):
    """One row per sweep."""

    watched = True
    list_display = (
        "sweep",
        cells.cell("state", freshness),
        cells.cell("every", _period),
        cells.when("last_succeeded_at", title="last success", order="last_succeeded_at"),
        cells.when("last_started_at", title="last start", order="last_started_at"),
        cells.number("last_seconds", words.duration, title="took"),
        cells.number("late_in_a_row", str, title="late in a row"),
        cells.line("last_error", title="last error", most=70),
    )
    list_filter = ("enabled",)
    search_ids = ()
    questions = (("Switched off", "enabled__exact=0"),)
    deeds = (
        Deed(
            name="dry_run",
            title="Dry run",
            done="looked",
            says="Decides like a real pass and says what it would do. Nothing is written.",
            do=_dry_run,
            refuse=lambda _state: None,
        ),
        Deed(
            name="run_now",
            title="Run now",
            done="run",
            says="Runs one pass now, in this request, also of a sweep that is switched off.",
            do=_run,
            refuse=lambda _state: None,
        ),
        Deed(
            name="switch_off",
            title="Switch off",
            done="switched off",
            says="The sweep does nothing on any host until somebody switches it on. What it guards against stays "
            "unseen, and the status strip leaves it out.",
            do=_switch(False),
            refuse=lambda state: None if state.enabled else "already off",
            danger=True,
        ),
        Deed(
            name="switch_on",
            title="Switch on",
            done="switched on",
            says="The sweep acts again with its next tick.",
            do=_switch(True),
            refuse=lambda state: "already on" if state.enabled else None,
        ),
    )


@admin.register(SweepRun)
class SweepRunPage(SystemAdmin):
    """Passes of sweeps."""

    list_display = (
        cells.when("started_at", title="when", order="started_at"),
        "sweep",
        cells.status("outcome", order="outcome"),
        cells.number("looked_at", lambda n: f"{n:,}", title="looked at"),
        cells.number("acted", lambda n: f"{n:,}", title="acted on"),
        cells.number("failed", lambda n: f"{n:,}", title="raised"),
        cells.lasted("started_at", "finished_at"),
        "host",
        cells.line("error", most=70),
    )
    list_filter = (
        choice("sweep"),
        choice("outcome"),
        since("started_at"),
        answers(
            "did",
            "what it did",
            {"acted": ("acted", Q(acted__gt=0)), "bad": ("failed", Q(outcome=SweepOutcome.FAILED) | Q(failed__gt=0))},
        ),
    )
    questions = (("Acted in 24 h", "did=acted&since=24h"), ("Failed in 24 h", "did=bad&since=24h"))
    sections = (
        (None, ("sweep", "outcome", "started_at", "finished_at", "host", "dry_run")),
        ("What it did", ("looked_at", "acted", "failed", "counts", "error")),
        ("Report", ("report",)),
    )
