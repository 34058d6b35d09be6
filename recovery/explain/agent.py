"""Explaining one agent: why it does, or does not, run (spec/3 K.13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.vocabulary import NOT_INVOKABLE, AdapterType, Presence
from recovery.explain.answer import Explanation, Standing, WaitsFor, first_answer
from recovery.explain.run import Gate


@dataclass(frozen=True)
class AgentToExplain:
    """One agent. `status_since` is when it took its status; `heartbeat_every` is None when timers are off for it.

    `gate` says why its oldest queued run is not claimed; `last_skip` what its latest wakeup without a run was told.
    """

    name: str
    status: str
    status_since: datetime
    adapter_type: str = AdapterType.PROCESS
    pause_reason: str | None = None
    presence: str | None = None
    last_seen_at: datetime | None = None
    budget: Gate | None = None
    running: int = 0
    slots: int = 1
    running_since: datetime | None = None
    queued: int = 0
    queued_since: datetime | None = None
    gate: Gate | None = None
    last_heartbeat_at: datetime | None = None
    heartbeat_every: timedelta | None = None
    last_skip: Gate | None = None


def explain_agent(facts: AgentToExplain, *, now: datetime) -> Explanation:
    """What this agent does or waits for at `now`. Always an answer."""
    rules = (_uninvokable, _over_budget, _silent_remote, _full, _queued, _running)
    return first_answer(facts, rules) or _idle(facts, now)


def _uninvokable(agent: AgentToExplain) -> Explanation | None:
    if agent.status not in NOT_INVOKABLE:
        return None
    why = f" ({agent.pause_reason})" if agent.pause_reason else ""
    text = f"{agent.name} is {agent.status.replace('_', ' ')}{why} and cannot be woken."
    return Explanation(
        Standing.NEEDS_PERSON, agent.status, text, WaitsFor.PERSON, agent.status_since, notes=_notes(agent)
    )


def _over_budget(agent: AgentToExplain) -> Explanation | None:
    if agent.budget is None:
        return None
    since = agent.budget.since or agent.status_since
    return Explanation(Standing.NEEDS_PERSON, agent.budget.code, agent.budget.text, WaitsFor.PERSON, since)


def _silent_remote(agent: AgentToExplain) -> Explanation | None:
    if agent.adapter_type != AdapterType.REMOTE or agent.presence not in {Presence.OFFLINE, Presence.ERROR}:
        return None
    text = f"{agent.name} is {agent.presence}: it takes no work until its next good heartbeat."
    since = agent.last_seen_at or agent.status_since
    return Explanation(Standing.WAITING, f"presence_{agent.presence}", text, WaitsFor.AGENT, since, notes=_notes(agent))


def _full(agent: AgentToExplain) -> Explanation | None:
    if agent.running < agent.slots or not agent.queued:
        return None
    text = f"All {agent.slots} slots of {agent.name} are taken; {agent.queued} more runs wait."
    return Explanation(Standing.MOVING, "slots_full", text, WaitsFor.RUN, agent.running_since)


def _queued(agent: AgentToExplain) -> Explanation | None:
    if not agent.queued:
        return None
    since = agent.queued_since
    if agent.gate is not None:
        return Explanation(Standing.WAITING, agent.gate.code, agent.gate.text, WaitsFor.GATE, agent.gate.since or since)
    text = f"{agent.queued} runs are queued: the next dispatch claims them."
    return Explanation(Standing.SWEEP, "queued", text, WaitsFor.SWEEP, since)


def _running(agent: AgentToExplain) -> Explanation | None:
    if not agent.running:
        return None
    text = f"{agent.name} is running {agent.running} of {agent.slots}."
    return Explanation(Standing.MOVING, "running", text, WaitsFor.RUN, agent.running_since)


def _idle(agent: AgentToExplain, now: datetime) -> Explanation:
    if agent.heartbeat_every is None:
        text = f"{agent.name} is idle and is woken on demand."
        return Explanation(
            Standing.RESTING, "idle", text, WaitsFor.NOTHING, agent.last_heartbeat_at, notes=_notes(agent)
        )
    due = (agent.last_heartbeat_at or agent.status_since) + agent.heartbeat_every
    if due <= now:
        text = f"The timer of {agent.name} is due: the next tick wakes it."
        return Explanation(Standing.SWEEP, "timer_due", text, WaitsFor.SWEEP, due, notes=_notes(agent))
    text = f"{agent.name} is idle until its timer."
    return Explanation(
        Standing.WAITING, "timer", text, WaitsFor.TIME, agent.last_heartbeat_at, due, notes=_notes(agent)
    )


def _notes(agent: AgentToExplain) -> tuple[str, ...]:
    return () if agent.last_skip is None else (f"Latest wakeup without a run: {agent.last_skip.text}",)
