"""How each kind of intent is carried out, in the transaction that removes it (spec/4 section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog

from heartbeats.models import HeartbeatRun
from heartbeats.models.intent import IntentKind
from heartbeats.runs.cancelling import BY_CONTROL_PLANE, cancel_run, cancel_runs_of_issue
from heartbeats.vocabulary import TriggerDetail, WakeupSource
from heartbeats.wakeups import trigger_rules as rules
from heartbeats.wakeups.deferred import promote_orphaned_deferred
from heartbeats.wakeups.intents import Deed, Wanted, does
from heartbeats.wakeups.request import AgentNotFound, WakeupAsk, request_unheard
from issues import announcements as said
from issues.consequences import completed_parent, unblocked_by
from issues.models import Issue

INTERRUPTED = "Interrupted by a comment"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def wake(one: rules.Wake) -> Wanted:
    """Ask for this wake."""
    body = {
        "agentId": str(one.agent_id),
        "source": str(one.source),
        "reason": one.reason,
        "payload": dict(one.payload),
        "context": dict(one.context),
    }
    return Wanted(IntentKind.WAKE, body)


def follow_closing(issue: said.IssueFacts, *, done: bool, closed: bool) -> Wanted:
    """Wake whoever waited for this issue: its dependents when it became `done`, its parent when it `closed` (W8)."""
    return Wanted(IntentKind.FOLLOW_CLOSING, {"issueId": str(issue.id), "done": done, "closed": closed})


def end_runs(issue: said.IssueFacts, reason: str) -> Wanted:
    """Cancel the issue's live run, if it was there when this was asked."""
    return Wanted(IntentKind.END_RUNS, {"issueId": str(issue.id), "reason": reason})


def interrupt(run_id: UUID) -> Wanted:
    """Cancel this run because a person's comment says so."""
    return Wanted(IntentKind.INTERRUPT, {"runId": str(run_id)})


def promote(issue: said.IssueFacts) -> Wanted:
    """Serve what waited for the issue's lock, if nobody runs on it."""
    return Wanted(IntentKind.PROMOTE, {"issueId": str(issue.id)})


@does(IntentKind.WAKE)
def _wake(deed: Deed) -> Sequence[Wanted]:
    """An agent that cannot be woken now is no fault: a row says why, for who asked is gone."""
    body = deed.body
    ask = WakeupAsk(
        agent_id=UUID(body["agentId"]),
        company_id=deed.company_id,
        source=WakeupSource(body["source"]),
        trigger_detail=TriggerDetail.SYSTEM,
        reason=body["reason"],
        payload=body["payload"],
        context=body["context"],
        requested_by=deed.actor,
    )
    try:
        request_unheard(ask, now=deed.now)
    except AgentNotFound as refused:
        log.info("wake_refused", agent_id=body["agentId"], reason=body["reason"], why=str(refused))
    return ()


@does(IntentKind.FOLLOW_CLOSING)
def _follow_closing(deed: Deed) -> Sequence[Wanted]:
    """W8. Read after the commit, so that of several issues that close at once the last one sees all the others."""
    issue = Issue.objects.filter(company_id=deed.company_id, pk=deed.body["issueId"]).first()
    if issue is None:
        return ()
    facts = said.facts_of(issue)
    wakes = rules.on_unblocked(facts, unblocked_by(deed.company_id, facts.id)) if deed.body["done"] else []
    parent_id = facts.parent_id if deed.body["closed"] else None
    completed = completed_parent(deed.company_id, parent_id) if parent_id else None
    wakes += rules.on_children_completed(facts, completed) if completed else []
    return [wake(one) for one in rules.combine(wakes)]


@does(IntentKind.END_RUNS)
def _end_runs(deed: Deed) -> Sequence[Wanted]:
    """A run that came after the cancel is somebody's newer will, and stays."""
    issue_id = UUID(deed.body["issueId"])
    meant = HeartbeatRun.objects.live().filter(issue_id=issue_id, created_at__lte=deed.asked_at)
    if meant.exists():
        cancelled = cancel_runs_of_issue(issue_id, reason=deed.body["reason"], now=deed.now)
        if cancelled.failed:
            raise RuntimeError(f"could not cancel {', '.join(map(str, cancelled.failed))}")
    promote_orphaned_deferred(issue_id, now=deed.now)
    return ()


@does(IntentKind.INTERRUPT)
def _interrupt(deed: Deed) -> Sequence[Wanted]:
    reason = f"{BY_CONTROL_PLANE}: {INTERRUPTED}"
    cancel_run(UUID(deed.body["runId"]), now=deed.now, reason=reason, company_id=deed.company_id)
    return ()


@does(IntentKind.PROMOTE)
def _promote(deed: Deed) -> Sequence[Wanted]:
    """Nothing happens while a run lives (spec/4 16, fault 1)."""
    promote_orphaned_deferred(UUID(deed.body["issueId"]), now=deed.now)
    return ()
