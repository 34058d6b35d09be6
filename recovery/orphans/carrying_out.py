"""From a verdict to the verb that carries it out. Each verb is conditional on the epoch: losing the race is normal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from agents.vocabulary import AdapterType
from heartbeats.execution.giving_back import give_back_stopped, give_back_unstarted
from heartbeats.execution.identity import ProcessIdentity
from heartbeats.execution.orders import attempt_name
from heartbeats.execution.supervisor.ledger import take_back
from heartbeats.execution.supervisor.results import execution_result
from heartbeats.execution.terminate import terminate_group, terminate_marked
from heartbeats.runs.finalising import finalise_run
from heartbeats.runs.leases import HeldRun, renew_leases
from heartbeats.runs.losing import fail_agent_run, lose_run, lose_runs, mark_detached
from heartbeats.runs.loss import Loss as RunLoss
from recovery.orphans.observing import Looker, Seen
from recovery.orphans.verdict import (
    Adopt,
    DetachAndAdopt,
    Evidence,
    FinaliseFromRecord,
    GiveBack,
    Keep,
    Lose,
    LoseAndRetry,
    Park,
    RequeueUnspawned,
    TerminateGroup,
    Verdict,
)
from recovery.sweeps.rows import Done, Left, RowResult

Loss = LoseAndRetry | Lose | Park

GROUP_GRACE_SEC = 1.0
LOST_RACE = "lost_race"


def carry_out(seen: Seen, verdict: Verdict, looker: Looker, *, now: datetime) -> RowResult:
    """Do what was decided about one run, in transactions of the verbs called; processes first, then the row."""
    match verdict:
        case Keep():
            return Left(verdict.evidence.value)
        case TerminateGroup():
            _end_group(seen, looker)
            return carry_out(seen, verdict.then, looker, now=now)
        case DetachAndAdopt() | Adopt():
            return _adopt(seen, verdict, looker, now)
        case FinaliseFromRecord():
            return _finalise(seen, now)
        case GiveBack():
            return _give_up(seen, now)
        case RequeueUnspawned():
            return _give_back(seen, looker, now)
        case _:
            return _lose(seen, verdict, now)


def _adopt(seen: Seen, verdict: DetachAndAdopt | Adopt, looker: Looker, now: datetime) -> RowResult:
    """Hold the lease for a process that nobody watches, here and at its shim, until a supervisor is back."""
    run = seen.candidate
    if seen.attempt is not None:
        seen.attempt.directory.renew_lease()
    held = renew_leases(looker.host, looker.boot_id, [HeldRun(run.run_id, run.epoch)], settings.TIMINGS.lease)
    if run.run_id not in held.kept:
        return Left(LOST_RACE)
    if isinstance(verdict, DetachAndAdopt):
        mark_detached(run.run_id, epoch=run.epoch, message=verdict.text, evidence=evidence_of(seen, verdict), now=now)
    return Done("detached" if isinstance(verdict, DetachAndAdopt) else "adopted", run.company_id)


def _finalise(seen: Seen, now: datetime) -> RowResult:
    run, attempt = seen.candidate, seen.attempt
    assert attempt is not None
    assert attempt.exit is not None
    ended = finalise_run(run.run_id, epoch=run.epoch, result=execution_result(attempt, attempt.exit), now=now)
    return Done("finalised", run.company_id) if ended.won else Left(LOST_RACE)


def _give_up(seen: Seen, now: datetime) -> RowResult:
    run = seen.candidate
    won = give_back_stopped(run.run_id, epoch=run.epoch, now=now)
    return Done("requeued", run.company_id) if won else Left(LOST_RACE)


def _give_back(seen: Seen, looker: Looker, now: datetime) -> RowResult:
    run = seen.candidate
    if run.executor_boot_id == looker.boot_id:
        won = take_back(looker.runs_dir, run.run_id, run.epoch, hopeless=True)
    else:
        won = give_back_unstarted(run.run_id, epoch=run.epoch, now=now)
    return Done("requeued", run.company_id) if won else Left(LOST_RACE)


def _lose(seen: Seen, verdict: Loss, now: datetime) -> RowResult:
    run = seen.candidate
    if run.adapter_type == AdapterType.REMOTE:
        silent_at = now if verdict.evidence.by_absence else None
        lost = fail_agent_run(
            run.run_id, agent_id=run.agent_id, code=verdict.code, reason=verdict.text, now=now, silent_at=silent_at
        )
    else:
        lost = lose_run(_loss(seen, verdict, now), now=now)
    return _result(seen, verdict, won=lost.won)


def lose_together(judged: Sequence[tuple[Seen, Loss]], *, now: datetime) -> dict[UUID, RowResult]:
    """The same for many local runs in one transaction. A run that somebody holds has no answer: try it alone."""
    lost = lose_runs([_loss(seen, verdict, now) for seen, verdict in judged], now=now)
    known = [(seen, verdict) for seen, verdict in judged if seen.candidate.run_id in lost]
    return {
        seen.candidate.run_id: _result(seen, verdict, won=lost[seen.candidate.run_id].won) for seen, verdict in known
    }


def _loss(seen: Seen, verdict: Loss, now: datetime) -> RunLoss:
    parked = isinstance(verdict, Park)
    return RunLoss(
        run_id=seen.candidate.run_id,
        epoch=seen.candidate.epoch,
        code=verdict.code,
        message=verdict.text,
        evidence=evidence_of(seen, verdict),
        may_retry=isinstance(verdict, LoseAndRetry),
        supervisor_lost=verdict.evidence is Evidence.PROCESS_GONE and not parked,
        silent_at=now if verdict.evidence.by_absence else None,
    )


def _result(seen: Seen, verdict: Loss, *, won: bool) -> RowResult:
    if not won:
        return Left(LOST_RACE)
    return Done("parked" if isinstance(verdict, Park) else "reaped", seen.candidate.company_id)


def _end_group(seen: Seen, looker: Looker) -> None:
    """End what is left of the attempt: TERM, then KILL. Strangers are never signalled (spec/6 G8)."""
    run, marker = seen.candidate, attempt_name(seen.candidate.run_id, seen.candidate.epoch)
    if run.process_pid is None or run.process_start_ticks is None or run.process_group_id is None:
        terminate_marked(marker, grace=GROUP_GRACE_SEC)
        return
    leader = ProcessIdentity(run.executor_boot_id or looker.boot_id, run.process_pid, run.process_start_ticks)
    group = run.process_group_id
    terminate_group(leader, group, group, grace=GROUP_GRACE_SEC, marker=marker)


def evidence_of(seen: Seen, verdict: Any) -> dict[str, Any]:  # noqa: ANN401 - any verdict
    """What is kept of why (spec/6 G9)."""
    run = seen.candidate
    lease = run.lease_expires_at
    return {
        "evidence": verdict.evidence.value,
        "pid": run.process_pid,
        "processGroupId": run.process_group_id,
        "descendantsTerminated": seen.facts.group_alive,
        "host": run.executor_host,
        "leaseExpiresAt": lease.isoformat() if lease else None,
        "epoch": run.epoch,
    }


def absence_grace(lease: timedelta, sweep_every: timedelta) -> timedelta:
    """The gap between passes that counts as an absence: three passes, at least a quarter of a lease, less than one."""
    return min(max(lease / 4, 3 * sweep_every), lease * 0.9)
