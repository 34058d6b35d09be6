"""The gates that a requested wakeup passes, in order; the first match wins (spec/2 B, table 0 to 12).

``decide_wakeup`` is the whole table. A service that loads in two steps calls ``admit`` (0 to 6) first and ``place``
(7 to 12) under the issue's lock, with the live run that ``live_run.find_live_run`` chose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.vocabulary import NOT_INVOKABLE, ActorType
from heartbeats.readings import JsonObject
from heartbeats.vocabulary import (
    RunStatus,
    TriggerDetail,
    WakeupRowReason,
    WakeupSource,
)
from heartbeats.wakeups.context import (
    Context,
    answers,
    current_comment_id,
    derive_task_key,
    is_interaction_wake,
    needs_followup,
    same_task_scope,
    with_blocked_interaction,
    with_hold_interaction,
)
from heartbeats.wakeups.live_run import LiveRun
from heartbeats.wakeups.policy import HeartbeatPolicy

HOLD_ACTIVITY = "issue.tree_hold_wakeup_deferred"


@dataclass(frozen=True)
class BudgetBlock:
    """A hard stop that covers this wake."""

    reason: str
    scope_type: str
    scope_id: str


@dataclass(frozen=True, kw_only=True)
class WakeFacts:
    """All that the gates look at, already loaded; ids are strings.

    ``context`` is enriched. ``agent_status`` is None for an unknown agent. ``hold`` are the facts of the active pause
    hold on the issue or an ancestor. ``blockers`` are summaries (at least ``id``) of the unresolved ones.
    ``deferred_wakeup_id`` is this agent's deferred wakeup on this issue. ``agent_runs`` are the agent's live runs,
    newest first; they matter only without an issue.
    """

    agent_id: str
    agent_status: str | None
    source: str
    context: Context
    policy: HeartbeatPolicy
    trigger_detail: str | None = None
    reason: str | None = None
    requester_type: str | None = None
    repeated_wakeup_id: str | None = None
    budget_block: BudgetBlock | None = None
    issue_id: str | None = None
    issue_found: bool = True
    hold: Mapping[str, Any] | None = None
    verified_interaction: bool = False
    blockers: Sequence[Context] = ()
    live_run: LiveRun | None = None
    deferred_wakeup_id: str | None = None
    agent_runs: Sequence[LiveRun] = ()


@dataclass(frozen=True)
class AnsweredBefore:
    """The same request came before; its row answers again. No new row."""

    wakeup_id: str


@dataclass(frozen=True)
class Refused:
    """The caller gets an error. A row ``skipped`` with ``row_reason`` is kept if there is one, else no row."""

    http_status: int
    message: str
    details: Mapping[str, str] = field(default_factory=dict)
    row_reason: WakeupRowReason | None = None


@dataclass(frozen=True)
class Skipped:
    """A row ``skipped`` with this reason, and ``payload_additions`` in its payload; ``activity`` is logged if named."""

    reason: WakeupRowReason
    payload_additions: Mapping[str, Any] = field(default_factory=dict)
    activity: str | None = None


@dataclass(frozen=True)
class Coalesce:
    """A row ``coalesced`` (count 1) served by this run, whose context takes in ``context`` (``merge_coalesced``).

    ``reason`` is for the row. ``promote_retry``: the run is a parked retry and a person waits, so it becomes queued
    at once (spec/3 K.8).
    """

    run_id: str
    reason: str | None
    context: JsonObject
    promote_retry: bool = False


@dataclass(frozen=True)
class Defer:
    """Wait until the live run is over: a new deferred row, or merged into the agent's own (count + 1)."""

    context: JsonObject
    merge_into: str | None = None
    reason: WakeupRowReason = WakeupRowReason.DEFERRED


@dataclass(frozen=True)
class Queue:
    """A row ``queued`` with the given reason, and a queued run with this context. The issue's lock is not stamped."""

    context: JsonObject
    reason: str | None


Verdict = AnsweredBefore | Refused | Skipped | Coalesce | Defer | Queue


def decide_wakeup(facts: WakeFacts) -> Verdict:
    """What becomes of a requested wakeup; every fact must be loaded."""
    return admit(facts) or place(facts)


def admit(facts: WakeFacts) -> AnsweredBefore | Refused | Skipped | None:
    """Gates 0 to 6: may this agent be woken for this at all? None lets the wake go on to ``place``."""
    if facts.repeated_wakeup_id is not None:
        return AnsweredBefore(facts.repeated_wakeup_id)
    return _refusal(facts) or _policy_skip(facts) or _hold_skip(facts)


def place(facts: WakeFacts) -> Skipped | Coalesce | Defer | Queue:
    """Gates 7 to 12: which run serves the wake? The issue's row must be locked."""
    if facts.issue_id is None:
        return _place_without_issue(facts)
    if not facts.issue_found:
        return Skipped(WakeupRowReason.ISSUE_NOT_FOUND)
    context = _context_with_interactions(facts)
    if facts.live_run is not None:
        return _meet_live_run(facts, facts.live_run, context)
    if facts.blockers and not is_interaction_wake(facts.context):
        blocker_ids = [blocker["id"] for blocker in facts.blockers]
        additions = {"issueId": facts.issue_id, "unresolvedBlockerIssueIds": blocker_ids}
        return Skipped(WakeupRowReason.DEPENDENCIES_BLOCKED, additions)
    return Queue(context, facts.reason)


def _refusal(facts: WakeFacts) -> Refused | None:
    if facts.agent_status is None:
        return Refused(404, "Agent not found")
    block = facts.budget_block
    if block is not None:
        details = {"scopeType": block.scope_type, "scopeId": block.scope_id}
        return Refused(409, block.reason, details, WakeupRowReason.BUDGET_BLOCKED)
    if facts.agent_status in NOT_INVOKABLE:
        return Refused(409, "Agent is not invokable in its current state", {"status": facts.agent_status})
    return None


def _policy_skip(facts: WakeFacts) -> Skipped | None:
    if facts.source == WakeupSource.TIMER:
        return None if facts.policy.enabled else Skipped(WakeupRowReason.HEARTBEAT_DISABLED)
    return None if facts.policy.wake_on_demand else Skipped(WakeupRowReason.WAKE_ON_DEMAND_DISABLED)


def _hold_skip(facts: WakeFacts) -> Skipped | None:
    if facts.issue_id is None or facts.hold is None or facts.verified_interaction:
        return None
    return Skipped(WakeupRowReason.TREE_HOLD_ACTIVE, activity=HOLD_ACTIVITY)


def _context_with_interactions(facts: WakeFacts) -> JsonObject:
    context = dict(facts.context)
    if facts.hold is not None and facts.verified_interaction:
        context = with_hold_interaction(context, facts.hold)
    if facts.blockers and is_interaction_wake(facts.context):
        context = with_blocked_interaction(context, facts.blockers)
    return context


def _meet_live_run(facts: WakeFacts, live: LiveRun, context: JsonObject) -> Coalesce | Defer:
    same_agent = live.agent_id == facts.agent_id
    unseen = live.status == RunStatus.RUNNING and needs_followup(context)
    if same_agent and not unseen:
        return Coalesce(live.id, WakeupRowReason.COALESCED_SAME_AGENT, context, _promotes(facts, live))
    return Defer(context, merge_into=facts.deferred_wakeup_id)


def _place_without_issue(facts: WakeFacts) -> Coalesce | Queue:
    context = dict(facts.context)
    task_key = derive_task_key(context)
    same_scope = [run for run in facts.agent_runs if same_task_scope(run.task_key, task_key)]
    open_to = [RunStatus.QUEUED, RunStatus.SCHEDULED_RETRY]
    if not needs_followup(context):
        open_to.append(RunStatus.RUNNING)
    for status in open_to:
        for run in same_scope:
            if run.status == status:
                return Coalesce(run.id, facts.reason, context, _promotes(facts, run))
    return Queue(context, facts.reason)


def _promotes(facts: WakeFacts, run: LiveRun) -> bool:
    """A person's comment, answer or "run now" does not wait behind a parked retry (spec/3 K.8)."""
    if run.status != RunStatus.SCHEDULED_RETRY or facts.requester_type != ActorType.USER:
        return False
    run_now = facts.source == WakeupSource.ON_DEMAND and facts.trigger_detail == TriggerDetail.MANUAL
    return run_now or current_comment_id(facts.context) is not None or answers(facts.context)
