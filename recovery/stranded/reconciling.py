"""The sweep that finds work which nothing moves forward, and moves it or hands it to people (spec/3 E, F, G, K.10)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from uuid import UUID

from recovery.stranded.acting import act_on, would_act_on
from recovery.stranded.adopting import assign_orphan_blocker, find_orphan_blockers
from recovery.stranded.counters import StrandedReport, counter_of
from recovery.stranded.decision import Skip
from recovery.stranded.edges import Edge, find_edges, follow_edge
from recovery.stranded.held import find_unfinished_holds, finish_hold
from recovery.stranded.survey import survey
from recovery.sweeps.rows import Done, Left, RowResult, SweepPass


def reconcile_stranded(work: SweepPass) -> None:
    """Reconcile every agent-owned active issue, blockers that nobody owns, edges gone by unheard, unfinished holds.

    The report of spec/3 E is in the pass's details. Errors and budget stops cost one issue, never the sweep.
    """
    report = _Report()
    limit = work.config.batch_size * work.config.max_batches
    seen = survey(limit)
    report.observe(work, seen.places)
    for issue_id in seen.acting:
        work.guarded(issue_id, partial(_stranded, work, report))
    work.cut_short = len(seen.acting) >= limit
    for blocker_id in find_orphan_blockers(limit):
        work.guarded(blocker_id, partial(_orphan, work, report))
    for edge in find_edges(now=work.now, limit=limit):
        work.guarded(edge.issue_id, partial(_edge, work, edge))
    for hold_id in find_unfinished_holds(limit):
        work.guarded(hold_id, partial(_hold, work))
    work.details |= replace(report.value, errors=work.tally.results().errors).as_dict()


class _Report:
    """The report while it grows."""

    def __init__(self) -> None:
        self.value = StrandedReport()

    def observe(self, work: SweepPass, places: dict[str, int]) -> None:
        """Issues that need nothing, by why."""
        for place, count in places.items():
            work.tally.skip(place, count)
            self.value = self.value.observing(place, count)


def _stranded(work: SweepPass, report: _Report, issue_id: UUID) -> RowResult:
    acted = (would_act_on if work.dry_run else act_on)(issue_id, now=work.now)
    verdict = acted.verdict
    if isinstance(verdict, Left):
        report.value = replace(report.value, skipped=report.value.skipped + 1)
        return verdict
    report.value = report.value.counting(issue_id, verdict)
    if isinstance(verdict, Skip):
        return Left(verdict.reason.value)
    return Done(counter_of(verdict), acted.company_id)


def _edge(work: SweepPass, edge: Edge, _issue_id: UUID) -> RowResult:
    return follow_edge(edge, now=work.now, dry_run=work.dry_run)


def _hold(work: SweepPass, hold_id: UUID) -> RowResult:
    return finish_hold(hold_id, now=work.now, dry_run=work.dry_run)


def _orphan(work: SweepPass, report: _Report, blocker_id: UUID) -> RowResult:
    result = assign_orphan_blocker(blocker_id, now=work.now, dry_run=work.dry_run)
    if isinstance(result, Done):
        report.value = report.value.counting_orphan_blocker(blocker_id)
    return result
