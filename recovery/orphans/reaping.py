"""The sweep that finds runs which nobody executes, and judges each (spec/3 A, DESIGN 5 "judging death").

Two questions come before any verdict by absence: was I away, and is it everybody? Evidence from this host asks neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings

from agents.vocabulary import AdapterType
from recovery.orphans.absence import AbsencePolicy, Presence, WasAway, ask_whether_away
from recovery.orphans.candidates import count_live_leases, extend_every_lease, find_candidates
from recovery.orphans.carrying_out import Loss, absence_grace, carry_out, lose_together
from recovery.orphans.facts import Observer
from recovery.orphans.incidents import ask_breaker, current_incident
from recovery.orphans.mass_loss import BreakerPolicy
from recovery.orphans.observing import Looker, Seen, look_at, looker_here
from recovery.orphans.verdict import Keep, Verdict, judge_run
from recovery.sweeps.rows import Done, Left, RowResult, SweepPass

# Runs that end in one transaction: it holds their agents, issues and rows for some tens of milliseconds.
TOGETHER = 25
WITHHELD_AWAY = "withheld_after_absence"
WITHHELD_MASS = "withheld_mass_loss"

Judged = tuple[Seen, Verdict]

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def reap_orphans(work: SweepPass, looker: Looker | None = None) -> None:
    """Judge every running run that nobody seems to hold, each under its own guard."""
    looker = looker or looker_here()
    timings = settings.TIMINGS
    candidates = find_candidates(
        now=work.now, host=looker.host, boot_id=looker.boot_id, lease=timings.lease, renew_every=timings.renew_every
    )
    away = _was_away(work)
    observer = Observer(looker.host, looker.boot_id, work.now)
    judged = [(seen, judge_run(seen.facts, observer)) for seen in look_at(candidates, looker)]
    evident = [one for one in judged if not _by_absence(one)]
    absent = [one for one in judged if _by_absence(one)]
    _carry_out_all(work, evident, looker)
    if away:
        for _ in absent:
            work.tally.skip(WITHHELD_AWAY)
        return
    _carry_out_all(work, _admitted(work, absent), looker)


def _by_absence(judged: Judged) -> bool:
    return judged[1].evidence.by_absence


def _was_away(work: SweepPass) -> bool:
    """The first question. After an absence every live lease is extended by a full one."""
    lease = timedelta(seconds=settings.TIMINGS.lease)
    noticed = absence_grace(lease, timedelta(seconds=settings.TIMINGS.sweep_every))
    presence = Presence(work.previous_at, work.late_in_a_row)
    answer = ask_whether_away(presence, now=work.now, policy=AbsencePolicy(lease, noticed))
    work.late_in_a_row = answer.presence.late_in_a_row
    if not isinstance(answer, WasAway):
        return False
    work.details["absence"] = answer.text
    if not work.dry_run:
        extended = extend_every_lease(answer.extend_to)
        work.details["leases_extended"] = extended
        log.warning("reaper_was_away", text=answer.text, leases_extended=extended)
    return True


def _admitted(work: SweepPass, absent: Sequence[Judged]) -> Sequence[Judged]:
    """The second question: of the verdicts by absence as many as the breaker lets through, longest expired first."""
    if not absent and current_incident() is None:
        return absent
    admission = ask_breaker(
        due=len(absent), live=count_live_leases(), now=work.now, policy=BreakerPolicy(), dry_run=work.dry_run
    )
    if admission.text:
        work.details["mass_loss"] = admission.text
    for _ in range(len(absent) - admission.allowed):
        work.tally.skip(WITHHELD_MASS)
    return absent[: admission.allowed]


def _carry_out_all(work: SweepPass, judged: Sequence[Judged], looker: Looker) -> None:
    together: list[tuple[Seen, Loss]] = []
    for seen, verdict in judged:
        if not work.dry_run and isinstance(verdict, Loss) and seen.candidate.adapter_type != AdapterType.REMOTE:
            together.append((seen, verdict))  # rows only: no process to wait for, no failure policy of a far agent
        else:
            work.guarded(seen.candidate.run_id, partial(_one, work, seen, verdict, looker))
    together.sort(key=lambda one: str(one[0].candidate.agent_id))
    for start in range(0, len(together), TOGETHER):
        _lose_together(work, together[start : start + TOGETHER], looker)


def _lose_together(work: SweepPass, judged: Sequence[tuple[Seen, Loss]], looker: Looker) -> None:
    by_run = {seen.candidate.run_id: (seen, verdict) for seen, verdict in judged}

    def lose(run_ids: Sequence[UUID]) -> Mapping[UUID, RowResult]:
        return lose_together([by_run[run_id] for run_id in run_ids], now=work.now)

    def alone(run_id: UUID) -> RowResult:
        return _one(work, *by_run[run_id], looker, run_id)

    work.together(list(by_run), lose, alone)


def _one(work: SweepPass, seen: Seen, verdict: Verdict, looker: Looker, _run_id: UUID) -> RowResult:
    if not work.dry_run:
        return carry_out(seen, verdict, looker, now=work.now)
    if isinstance(verdict, Keep):
        return Left(verdict.evidence.value)
    return Done(type(verdict).__name__, seen.candidate.company_id)
