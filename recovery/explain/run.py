"""Explaining one run, by the decisions that the sweeps use (spec/3 K.13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from heartbeats.vocabulary import RunStatus
from recovery.explain.answer import Explanation, Standing, WaitsFor, first_answer
from recovery.orphans.facts import Observer, RunFacts
from recovery.orphans.verdict import Keep, judge_run
from recovery.retries.promotion import CancelStale, ParkedRetry, RetriedIssue, decide_promotion
from recovery.silence.level import SilenceFacts, SilenceLevel, judge_silence
from recovery.silence.texts import duration_text


@dataclass(frozen=True)
class Gate:
    """What a claim gate or a full slot says: a code, a sentence, and since when it holds."""

    code: str
    text: str
    since: datetime | None = None


@dataclass(frozen=True)
class RunToExplain:
    """One run. `gate` is what keeps a queued run from being claimed now; None when it could be.

    `execution` and `observer` are given where this host can look at the run's process; else the lease speaks alone.
    """

    status: str
    agent_name: str
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error_code: str | None = None
    gate: Gate | None = None
    retry: ParkedRetry | None = None
    retried_issue: RetriedIssue | None = None
    silence: SilenceFacts | None = None
    execution: RunFacts | None = None
    observer: Observer | None = None
    followed_by: str | None = None


def explain_run(facts: RunToExplain, *, now: datetime) -> Explanation:
    """What this run does or waits for at `now`. Never raises for any combination of facts."""
    rules = (_terminal, lambda run: _parked(run, now), _queued, _orphaned, lambda run: _running(run, now))
    answer = first_answer(facts, rules)
    return answer or Explanation(Standing.NEEDS_PERSON, "unknown_status", f"Unknown run status `{facts.status}`.")


def _terminal(run: RunToExplain) -> Explanation | None:
    if run.status not in RunStatus.TERMINAL:
        return None
    code = f" with `{run.error_code}`" if run.error_code else ""
    next_run = f" Run {run.followed_by} followed." if run.followed_by else ""
    text = f"Ended {run.status.replace('_', ' ')}{code}.{next_run}"
    return Explanation(Standing.CLOSED, run.status, text, since=run.finished_at)


def _parked(run: RunToExplain, now: datetime) -> Explanation | None:
    if run.status != RunStatus.SCHEDULED_RETRY or run.retry is None:
        return None
    decision = decide_promotion(run.retry, run.retried_issue, now=max(now, run.retry.due_at))
    due = run.retry.due_at
    if isinstance(decision, CancelStale):
        text = f"This retry is stale and will be cancelled when due: {decision.reason.sentence}."
        return Explanation(Standing.SWEEP, decision.reason.value, text, WaitsFor.SWEEP, run.created_at, due)
    if now >= due:
        text = "The retry is due: the next promotion sweep queues it."
        return Explanation(Standing.SWEEP, "retry_due", text, WaitsFor.SWEEP, due)
    text = f"Waits for its retry time, attempt {run.retry.attempt}."
    return Explanation(Standing.WAITING, "scheduled_retry", text, WaitsFor.TIME, run.created_at, due)


def _queued(run: RunToExplain) -> Explanation | None:
    if run.status != RunStatus.QUEUED:
        return None
    if run.gate is not None:
        since = run.gate.since or run.created_at
        return Explanation(Standing.WAITING, run.gate.code, run.gate.text, WaitsFor.GATE, since)
    text = f"Queued for {run.agent_name}: the next dispatch claims it."
    return Explanation(Standing.SWEEP, "queued", text, WaitsFor.SWEEP, run.created_at)


def _orphaned(run: RunToExplain) -> Explanation | None:
    if run.status != RunStatus.RUNNING or run.execution is None or run.observer is None:
        return None
    verdict = judge_run(run.execution, run.observer)
    if isinstance(verdict, Keep):
        return None
    code = f"reaper_{verdict.evidence.value}"
    text = f"The reaper acts on it next: {verdict.text}."
    return Explanation(Standing.SWEEP, code, text, WaitsFor.SWEEP, run.execution.lease_expires_at)


def _running(run: RunToExplain, now: datetime) -> Explanation | None:
    if run.status != RunStatus.RUNNING:
        return None
    started = run.started_at or run.created_at
    text = f"{run.agent_name} is running it."
    if run.silence is None:
        return Explanation(Standing.MOVING, "running", text, WaitsFor.RUN, started)
    silence = judge_silence(run.silence, now=now)
    if silence.alarming:
        text = f"{run.agent_name} is running it, silent for {duration_text(silence.age)} ({silence.level.value})."
        return Explanation(Standing.MOVING, f"running_{silence.level.value}", text, WaitsFor.RUN, silence.since)
    notes = ("The silence alarm is snoozed.",) if silence.level is SilenceLevel.SNOOZED else ()
    return Explanation(Standing.MOVING, "running", text, WaitsFor.RUN, started, silence.quiet_until, notes)
