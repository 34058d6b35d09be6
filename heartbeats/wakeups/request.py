"""Asking that an agent run: one verb, every gate, and a row that says what became of it (spec/2 B)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from heartbeats.vocabulary import WakeupRowReason, WakeupStatus
from heartbeats.wakeups import facts
from heartbeats.wakeups.asking import AgentNotFound, WakeupAsk, WakeupConflict, WakeupOutcome
from heartbeats.wakeups.gates import AnsweredBefore, Refused, Verdict, WakeFacts, admit, place
from heartbeats.wakeups.incoming import IncomingWake, read_wake
from heartbeats.wakeups.interactions import Requester, is_verified_interaction
from heartbeats.wakeups.live_run import IssuePath, LiveRunFinding, find_live_run
from heartbeats.wakeups.policy import HeartbeatPolicy
from heartbeats.wakeups.recording import apply_verdict, heal_lock, keep_refusal

__all__ = ["AgentNotFound", "WakeupAsk", "WakeupConflict", "WakeupOutcome", "request_unheard", "request_wakeup"]

_KEY_CONSTRAINT = "wakeup_idempotency_key_once"

_LOCK_ISSUE = """select i.id from issues_issue i join agents_agent a on a.id = %s and a.company_id = i.company_id
                 where i.id = %s for no key update of i"""
_LOCK_AGENT = "select id from agents_agent where id = %s for no key update"


def request_wakeup(ask: WakeupAsk, *, now: datetime) -> WakeupOutcome:
    """Decide one request under the issue's lock (without issue: the agent's) and leave its row; ring the workers.

    May be called inside a transaction whose locks precede issue → run → wakeup. Raises AgentNotFound and
    WakeupConflict; the row that gate 2 leaves is kept although it raises, unless an outer transaction rolls back.
    """
    try:
        outcome = _attempt(ask, now)
    except IntegrityError as clash:
        # Somebody else asked with the same key at the same moment and committed first: its row answers.
        if ask.idempotency_key is None or _KEY_CONSTRAINT not in str(clash):
            raise
        outcome = _attempt(ask, now)
    if isinstance(outcome, Refused):
        raise WakeupConflict(outcome.message, outcome.details)
    return outcome


def request_unheard(ask: WakeupAsk, *, now: datetime) -> WakeupOutcome | None:
    """`request_wakeup` where nobody waits for the answer: gate 3, too, leaves its row. None: refused.

    Whoever asked got no 409, so the table has to say why the agent did not wake. Raises AgentNotFound.
    """
    outcome = _attempt(ask, now, unheard=WakeupRowReason.AGENT_NOT_INVOKABLE)
    return None if isinstance(outcome, Refused) else outcome


def _attempt(ask: WakeupAsk, now: datetime, unheard: WakeupRowReason | None = None) -> WakeupOutcome | Refused:
    with transaction.atomic():
        wake = read_wake(ask)
        _lock(wake)
        row = facts.load_facts(wake.query(now))
        if row is None or ask.company_id not in (None, row["company_id"]):
            raise AgentNotFound(str(ask.agent_id))
        finding = _live_run(row)
        verdict = _decide(wake, row, finding)
        if isinstance(verdict, AnsweredBefore):
            return _answer_again(row["repeated"])
        if isinstance(verdict, Refused):
            keep_refusal(wake, row, verdict, verdict.row_reason or unheard, now=now)
            return verdict
        if finding is not None:
            heal_lock(row, finding, now=now)
        recorded = apply_verdict(wake, row, verdict, now=now)
        return WakeupOutcome(recorded.wakeup_id, recorded.status, recorded.reason, recorded.run_id)


def _lock(wake: IncomingWake) -> None:
    """The issue's row, or without issue the agent's: whoever decides about the same execution path waits here."""
    with connection.cursor() as cursor:
        if wake.names_issue:
            if wake.issue_id is not None:
                cursor.execute(_LOCK_ISSUE, [wake.ask.agent_id, wake.issue_id])
        else:
            cursor.execute(_LOCK_AGENT, [wake.ask.agent_id])


def _live_run(row: facts.Row) -> LiveRunFinding | None:
    if row["issue_id"] is None:
        return None
    lock, assignee = row["execution_run_id"], row["assignee_agent_id"]
    path = IssuePath(row["issue_status"], str(assignee) if assignee else None, str(lock) if lock else None)
    return find_live_run(path, facts.live_runs(row))


def _decide(wake: IncomingWake, row: facts.Row, finding: LiveRunFinding | None) -> Verdict:
    gathered = WakeFacts(
        agent_id=str(wake.ask.agent_id),
        agent_status=row["agent_status"],
        source=wake.ask.source,
        context=wake.context,
        policy=HeartbeatPolicy(enabled=row["heartbeat_enabled"], wake_on_demand=row["wake_on_demand"]),
        trigger_detail=wake.ask.trigger_detail,
        reason=wake.ask.reason,
        requester_type=wake.ask.requested_by.type,
        repeated_wakeup_id=row["repeated"]["id"] if row["repeated"] else None,
        budget_block=facts.budget_block(row, wake.ask.agent_id),
        issue_id=wake.issue_ref,
        issue_found=row["issue_id"] is not None,
        hold=row["hold"],
        verified_interaction=row["hold"] is not None and _is_verified(wake, row),
        blockers=row["blockers"] or (),
        live_run=finding.live if finding else None,
        deferred_wakeup_id=row["deferred"]["id"] if row["deferred"] else None,
        agent_runs=facts.live_runs(row) if row["issue_id"] is None else (),
    )
    return admit(gathered) or wake.own_comment(facts.spoken_comments(row)) or place(gathered)


def _is_verified(wake: IncomingWake, row: facts.Row) -> bool:
    current = next((spoken for spoken in facts.spoken_comments(row) if spoken.id == wake.current_comment), None)
    return is_verified_interaction(
        wake.context,
        company_id=str(row["company_id"]),
        issue_id=str(row["issue_id"]),
        comment=current,
        requesters=[Requester(wake.ask.requested_by.type, wake.ask.requested_by.id)],
    )


def _answer_again(earlier: Mapping[str, Any]) -> WakeupOutcome:
    run_id = UUID(earlier["runId"]) if earlier["runId"] else None
    return WakeupOutcome(UUID(earlier["id"]), WakeupStatus(earlier["status"]), earlier["reason"], run_id, repeated=True)
