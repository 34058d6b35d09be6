"""The common runner of every sweep: lock, switch, clock, body, record (DESIGN 2, spec/6 section 1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from agents.journal import live_event
from agents.models import LiveEvent
from agents.scrubbing import scrub_text
from agents.vocabulary import LiveEventType
from config.common.clock import wire_time
from recovery.models import SweepRun, SweepState
from recovery.sweeps.cycle import SweepConfig, SweepResults, SweepTally
from recovery.sweeps.lock import Opening, one_pass_at_a_time, without_lock, worth_a_row
from recovery.sweeps.rows import SweepPass
from recovery.vocabulary import SweepName, SweepOutcome

SWITCHED_OFF = "switched_off"
ALREADY_RUNNING = "already_running"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Body = Callable[[SweepPass], None]


@dataclass(frozen=True)
class Sweep:
    """One periodic pass. `quiet`: what it does is no news (it rings again), so it is recorded once a minute at most."""

    name: SweepName
    body: Body
    config: SweepConfig
    quiet: bool = False


@dataclass(frozen=True)
class SweepReport:
    """What one pass did. `skipped_because` is `switched_off` or `already_running`; then nothing was looked at."""

    sweep: SweepName
    outcome: SweepOutcome
    started_at: datetime
    seconds: float = 0.0
    results: SweepResults = field(default_factory=SweepResults)
    counts: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, object] = field(default_factory=dict)
    error: str | None = None
    skipped_because: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Plain values for the API, the command and the admin."""
        return {
            "sweep": self.sweep.value,
            "outcome": self.outcome.value,
            "started_at": wire_time(self.started_at),
            "seconds": round(self.seconds, 4),
            "counts": dict(self.counts),
            "error": self.error,
            "skipped_because": self.skipped_because,
            **self.results.as_dict(),
            "details": dict(self.details),
        }


def run_sweep(sweep: Sweep, *, now: datetime | None = None) -> SweepReport:
    """One pass, unless an operator switched the sweep off or another pass is under way. Never raises for a row.

    `now` stands in for the database's time in tests and replays. What the body itself raises ends in the report, in
    `SweepState.last_error` and in a failed `SweepRun`.
    """
    with one_pass_at_a_time(sweep.name) as opening:
        if not opening.mine or not opening.enabled:
            why = SWITCHED_OFF if opening.mine else ALREADY_RUNNING
            return SweepReport(sweep.name, SweepOutcome.SKIPPED, now or opening.now, skipped_because=why)
        return _carry_out(sweep, opening, now or opening.now)


def run_sweep_by_hand(sweep: Sweep, *, now: datetime | None = None) -> SweepReport:
    """As `run_sweep`, also when the sweep is switched off: an operator asked for this one pass."""
    with one_pass_at_a_time(sweep.name) as opening:
        if not opening.mine:
            return SweepReport(sweep.name, SweepOutcome.SKIPPED, opening.now, skipped_because=ALREADY_RUNNING)
        return _carry_out(sweep, opening, now or opening.now)


def dry_run(sweep: Sweep, *, now: datetime | None = None) -> SweepReport:
    """Say what a pass would do. Decides with the same code, takes no sweep lock, writes nothing, not even a record."""
    opening = without_lock(sweep.name)
    return _report(sweep, _begin(sweep, opening, now or opening.now, dry=True))


def switch_sweep(name: SweepName, *, enabled: bool) -> None:
    """Switch a sweep on or off for all hosts. One statement."""
    SweepState.objects.bulk_create(
        [SweepState(sweep=name, enabled=enabled)],
        update_conflicts=True,
        unique_fields=["sweep"],
        update_fields=["enabled"],
    )


def _carry_out(sweep: Sweep, opening: Opening, now: datetime) -> SweepReport:
    work = _begin(sweep, opening, now, dry=False)
    report = _report(sweep, work)
    _record(sweep, opening, work, report)
    return report


def _begin(sweep: Sweep, opening: Opening, now: datetime, *, dry: bool) -> SweepPass:
    return SweepPass(
        sweep=sweep.name,
        now=now,
        config=sweep.config,
        tally=SweepTally(dry_run=dry),
        dry_run=dry,
        previous_at=opening.last_succeeded_at,
        late_in_a_row=opening.late_in_a_row,
    )


def _report(sweep: Sweep, work: SweepPass) -> SweepReport:
    began = time.monotonic()
    error = None
    try:
        sweep.body(work)
    except Exception as problem:
        error = scrub_text(f"{type(problem).__name__}: {problem}")
        log.exception("sweep_failed", sweep=sweep.name, dry_run=work.dry_run)
    return SweepReport(
        sweep.name,
        SweepOutcome.DONE if error is None else SweepOutcome.FAILED,
        work.now,
        time.monotonic() - began,
        work.tally.results(cut_short=work.cut_short),
        dict(work.counts),
        work.details,
        error,
    )


def _record(sweep: Sweep, opening: Opening, work: SweepPass, report: SweepReport) -> None:
    acted = report.results.acted > 0 and not sweep.quiet
    eventful = acted or report.results.errors > 0 or report.error is not None
    with transaction.atomic():
        if worth_a_row(opening, now=work.now, eventful=eventful):
            run = _run_row(report, work.now)
            run.save(force_insert=True)
            if eventful:
                _announce(run, work)
        _remember_state(report, work)


def _run_row(report: SweepReport, now: datetime) -> SweepRun:
    results = report.results
    return SweepRun(
        sweep=report.sweep,
        outcome=report.outcome,
        host=settings.HOST_ID,
        started_at=now,
        finished_at=now + timedelta(seconds=report.seconds),
        looked_at=results.looked_at,
        acted=results.acted,
        failed=results.errors,
        counts={**report.counts, **{f"skipped_{reason}": n for reason, n in results.skipped.items()}},
        report={**report.details, "ids": results.as_dict()["ids"], "errors": results.as_dict()["error_texts"]},
        error=report.error,
    )


def _announce(run: SweepRun, work: SweepPass) -> None:
    """Tell the companies whose rows were touched; what happened to the others is not their business."""
    LiveEvent.objects.bulk_create(
        live_event(
            company_id,
            LiveEventType.RECOVERY_SWEEP,
            {
                "sweepRunId": str(run.pk),
                "sweep": run.sweep,
                "outcome": run.outcome,
                "acted": acted,
                "startedAt": wire_time(run.started_at),
            },
        )
        for company_id, acted in work.companies.items()
    )


def _remember_state(report: SweepReport, work: SweepPass) -> None:
    succeeded = report.error is None
    state = SweepState(
        sweep=report.sweep,
        last_started_at=work.now,
        last_succeeded_at=work.now if succeeded else work.previous_at,
        late_in_a_row=work.late_in_a_row,
        last_error=report.error,
        last_seconds=report.seconds,
    )
    columns = ["last_started_at", "last_succeeded_at", "late_in_a_row", "last_error", "last_seconds"]
    SweepState.objects.bulk_create([state], update_conflicts=True, unique_fields=["sweep"], update_fields=columns)
