"""Explaining one issue, by the decisions that the sweeps use (spec/3 K.13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from issues.vocabulary import ISSUE_TERMINAL, IssueStatus
from recovery.explain.answer import Explanation, Standing, WaitsFor, first_answer
from recovery.explain.run import Gate, RunToExplain, explain_run
from recovery.graph.classify import Finding
from recovery.links import issue_link
from recovery.stranded.decision import (
    BlockInPlace,
    DispatchAssignment,
    Escalate,
    Skip,
    SkipReason,
    StrandedFacts,
    decide_stranded,
)
from recovery.stranded.missed_edges import MissedEdge, WaitingFacts, find_missed_edge


@dataclass(frozen=True)
class OpenBlocker:
    """A blocker that is not done, and since when it blocks."""

    identifier: str
    status: str
    since: datetime | None = None


@dataclass(frozen=True)
class IssueToExplain:
    """One issue. `since` is when it took its status; `person` names the user it is assigned to.

    `gate` is a pause hold or budget stop; `asks` a pending question, approval or review (with a person or an agent in
    its sentence). `stranded` and `waiting` are what the reconciliation sees; `findings` what the graph sweep sees.
    """

    status: str
    since: datetime
    stranded: StrandedFacts
    waiting: WaitingFacts
    agent_name: str | None = None
    person: str | None = None
    run: RunToExplain | None = None
    gate: Gate | None = None
    asks: Gate | None = None
    blockers: tuple[OpenBlocker, ...] = ()
    findings: tuple[Finding, ...] = ()
    recovery_identifier: str | None = None
    wakeup_since: datetime | None = None


def explain_issue(facts: IssueToExplain, *, now: datetime) -> Explanation:
    """What moves this issue forward, or what it waits for, at `now`.

    Always an answer: `needs_person` when nothing automatic will move it.
    """
    rules = (_closed, lambda issue: _live(issue, now), _held, _asked, _blocked, _assigned, _wakeup, _missed, _stranded)
    answer = first_answer(facts, rules)
    return answer or _person("no_path", "Nothing automatic moves this issue: a person or a comment must.", facts.since)


def _closed(issue: IssueToExplain) -> Explanation | None:
    if issue.status in ISSUE_TERMINAL:
        return Explanation(Standing.CLOSED, issue.status, f"This issue is {issue.status}.", since=issue.since)
    if issue.stranded.hidden:
        return Explanation(Standing.RESTING, "hidden", "This issue is hidden.", since=issue.since)
    return None


def _live(issue: IssueToExplain, now: datetime) -> Explanation | None:
    return None if issue.run is None else explain_run(issue.run, now=now)


def _held(issue: IssueToExplain) -> Explanation | None:
    if issue.gate is None:
        return None
    since = issue.gate.since or issue.since
    return Explanation(Standing.WAITING, issue.gate.code, issue.gate.text, WaitsFor.GATE, since)


def _asked(issue: IssueToExplain) -> Explanation | None:
    if issue.asks is None:
        return None
    since = issue.asks.since or issue.since
    return Explanation(Standing.WAITING, issue.asks.code, issue.asks.text, WaitsFor.PERSON, since)


def _blocked(issue: IssueToExplain) -> Explanation | None:
    finding = next((finding for finding in issue.findings if not finding.covered), None)
    if finding is not None:
        return _person(finding.state.value, f"{finding.reason}.", issue.since)
    if not issue.blockers:
        return None
    names = ", ".join(issue_link(blocker.identifier) for blocker in issue.blockers)
    notes = (f"Recovery issue: {issue_link(issue.recovery_identifier)}",) if issue.recovery_identifier else ()
    since = max((blocker.since for blocker in issue.blockers if blocker.since is not None), default=issue.since)
    text = f"Blocked by {names}."
    return Explanation(Standing.WAITING, "blocked", text, WaitsFor.ISSUE, since, notes=notes)


def _assigned(issue: IssueToExplain) -> Explanation | None:
    if issue.person is not None:
        text = f"Assigned to {issue.person}."
        return Explanation(Standing.WAITING, "assigned_to_person", text, WaitsFor.PERSON, issue.since)
    if not issue.stranded.agent_owned:
        return _person("unassigned", "Nobody is assigned.", issue.since)
    if not issue.stranded.agent_found:
        return _person("agent_missing", "Its agent no longer exists.", issue.since)
    if not issue.stranded.agent_invokable:
        return _person("agent_not_invokable", f"{issue.agent_name or 'Its agent'} cannot be woken.", issue.since)
    if issue.status == IssueStatus.BACKLOG:
        return Explanation(Standing.RESTING, "backlog", "It rests in the backlog.", WaitsFor.PERSON, issue.since)
    return None


def _wakeup(issue: IssueToExplain) -> Explanation | None:
    if issue.wakeup_since is None:
        return None
    if issue.stranded.deferred_wakeup:
        text = "A deferred wakeup follows: the next sweep promotes it, since no live run will."
        return Explanation(Standing.SWEEP, "deferred_wakeup", text, WaitsFor.SWEEP, issue.wakeup_since)
    if issue.stranded.queued_wakeup and issue.stranded.latest_run is None:
        text = f"A wakeup of {issue.agent_name or 'its agent'} is queued."
        return Explanation(Standing.WAITING, "wakeup_queued", text, WaitsFor.AGENT, issue.wakeup_since)
    return None


def _missed(issue: IssueToExplain) -> Explanation | None:
    edge = find_missed_edge(issue.waiting)
    if edge is None:
        return None
    return Explanation(Standing.SWEEP, edge.value, _EDGE_TEXT[edge], WaitsFor.SWEEP, issue.since)


def _stranded(issue: IssueToExplain) -> Explanation | None:
    action = decide_stranded(issue.stranded)
    if isinstance(action, Skip):
        return _at_rest(issue, action.reason)
    if isinstance(action, Escalate | BlockInPlace):
        text = "Automatic recovery is used up: the next sweep hands it to people."
        return Explanation(Standing.SWEEP, f"escalates_{action.cause.value}", text, WaitsFor.SWEEP, issue.since)
    verb = "wakes" if isinstance(action, DispatchAssignment) else "starts one recovery run of"
    text = f"Nothing runs: the next sweep {verb} {issue.agent_name or 'its agent'}."
    return Explanation(Standing.SWEEP, action.wake_reason.value, text, WaitsFor.SWEEP, issue.since)


def _at_rest(issue: IssueToExplain, reason: SkipReason) -> Explanation | None:
    if reason in _REST_TEXT:
        text = _REST_TEXT[reason]
        return Explanation(Standing.RESTING, reason.value, text, WaitsFor.PERSON, issue.since)
    if reason is SkipReason.NOT_A_CANDIDATE:
        return None
    return Explanation(Standing.WAITING, reason.value, _GATE_TEXT[reason], WaitsFor.GATE, issue.since)


def _person(code: str, text: str, since: datetime) -> Explanation:
    return Explanation(Standing.NEEDS_PERSON, code, text, WaitsFor.PERSON, since)


_EDGE_TEXT = {
    MissedEdge.WAKE_BLOCKERS_RESOLVED: "All its blockers are done: the next sweep wakes its agent.",
    MissedEdge.SURFACE_CANCELLED_BLOCKER: "A cancelled issue blocks it: the next sweep tells its owner.",
    MissedEdge.WAKE_PASSED_OVER: "Its agent could not be woken when it was asked: the next sweep asks again.",
    MissedEdge.PROMOTE_DEFERRED: "A deferred wakeup follows: the next sweep promotes it.",
}
_REST_TEXT = {
    SkipReason.RESTING: "Its latest run succeeded without taking it on: it rests until somebody comments or moves it.",
    SkipReason.PRODUCTIVE_CONTINUATION: "Its latest run made progress: it rests until somebody comments or moves it.",
    SkipReason.SUCCESSFUL_CONTINUATION: "Its latest run succeeded: it rests until somebody comments or moves it.",
    SkipReason.SEEDED_BY_HAND: "It was set in progress by hand and never ran: it rests until somebody wakes its agent.",
}
_GATE_TEXT = {
    SkipReason.AGENT_MISSING: "Its agent no longer exists.",
    SkipReason.AGENT_NOT_INVOKABLE: "Its agent cannot be woken.",
    SkipReason.LIVE_RUN: "A run is live on it.",
    SkipReason.DEFERRED_WAKEUP: "A deferred wakeup waits for the run that is live on it.",
    SkipReason.PAUSE_HOLD: "A pause hold is on it or above it.",
    SkipReason.BUDGET_BLOCKED: "A budget stops new runs.",
    SkipReason.WAKEUP_QUEUED: "A wakeup of its agent is queued.",
    SkipReason.UNCLEAR_RUN: "Its latest run is not finished.",
}
