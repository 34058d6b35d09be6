"""The clock wakes agents (spec/2 B "Timers", spec/3 K.15)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from agents.actors import system
from agents.models import Agent
from agents.vocabulary import NOT_INVOKABLE
from config.common.clock import wire_time
from heartbeats.models import WakeupRequest
from heartbeats.vocabulary import TriggerDetail, WakeReason, WakeupSource, WakeupStatus
from heartbeats.wakeups.policy import HeartbeatPolicy, TimerVerdict, judge_timer
from heartbeats.wakeups.request import WakeupAsk, WakeupConflict, request_wakeup
from issues.models import Issue

MOST_PER_TICK = 1_000
SCHEDULER = system("heartbeat_scheduler")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TimerTick:
    """What one tick looked at and did. `failed` are agents whose wake raised: logged, and tried an interval later."""

    checked: int = 0
    enqueued: int = 0
    skipped: int = 0
    failed: int = 0
    run_ids: tuple[UUID, ...] = field(default=())


def tick_timers(now: datetime) -> TimerTick:
    """Wake every agent whose `timer_due_at` has come, each in its own transaction. One statement when none is due.

    Every verdict moves the agent's deadline, so that no agent is looked at twice for one reason, and none that raises
    hides the rest. Ticks may run at once: the agent's lock decides, the loser skips.
    """
    due = Agent.objects.filter(timer_due_at__lte=now).order_by("timer_due_at", "pk")
    agent_ids = list(due.values_list("pk", flat=True)[:MOST_PER_TICK])
    run_ids: list[UUID] = []
    failed = 0
    for agent_id in agent_ids:
        try:
            run_id = _wake_if_due(agent_id, now)
        except Exception:
            log.exception("timer_wake_failed", agent_id=str(agent_id))
            _postpone(agent_id, now)
            failed += 1
        else:
            run_ids += [run_id] if run_id else []
    skipped = len(agent_ids) - len(run_ids) - failed
    return TimerTick(len(agent_ids), len(run_ids), skipped, failed, tuple(run_ids))


def _wake_if_due(agent_id: UUID, now: datetime) -> UUID | None:
    """The run that serves the wake, None when the agent was not woken after all."""
    with transaction.atomic():
        due = Agent.objects.filter(pk=agent_id, timer_due_at__lte=now)
        agent = due.select_for_update(no_key=True, skip_locked=True).first()
        if agent is None:
            return None
        if agent.status in NOT_INVOKABLE:
            _set_deadline(agent, None)
            return None
        policy = _policy(agent)
        last_wake = _last_timer_wake(agent) if policy.cooldown_sec else None
        verdict = judge_timer(
            policy,
            now=now,
            created_at=agent.created_at,
            last_heartbeat_at=agent.last_heartbeat_at,
            last_timer_wake_at=last_wake,
            has_assigned_work=not policy.skip_timer_when_idle or _has_work(agent),
        )
        _set_deadline(agent, _next_deadline(agent, verdict, last_wake, now))
        return _wake(agent, now) if verdict == TimerVerdict.DUE else None


def _wake(agent: Agent, now: datetime) -> UUID | None:
    ask = WakeupAsk(
        agent_id=agent.pk,
        source=WakeupSource.TIMER,
        trigger_detail=TriggerDetail.SYSTEM,
        reason=WakeReason.HEARTBEAT_TIMER,
        context={"source": "scheduler", "reason": "interval_elapsed", "now": wire_time(now)},
        requested_by=SCHEDULER,
    )
    try:
        return request_wakeup(ask, now=now).run_id
    except WakeupConflict:
        return None


def _next_deadline(agent: Agent, verdict: TimerVerdict, last_wake: datetime | None, now: datetime) -> datetime | None:
    interval = timedelta(seconds=agent.interval_sec)
    match verdict:
        case TimerVerdict.OFF:
            return None
        case TimerVerdict.NOT_YET:
            return (agent.last_heartbeat_at or agent.created_at) + interval
        case TimerVerdict.COOLING_DOWN:
            return (last_wake or now) + timedelta(seconds=agent.cooldown_sec)
    return now + interval


def _set_deadline(agent: Agent, due_at: datetime | None) -> None:
    Agent.objects.filter(pk=agent.pk).update(timer_due_at=due_at)


def _postpone(agent_id: UUID, now: datetime) -> None:
    """A wake that raises is tried again an interval later (at least a minute), so that it does not hold the loop."""
    interval = Agent.objects.filter(pk=agent_id).values_list("interval_sec", flat=True).first() or 0
    later = now + timedelta(seconds=max(interval, 60))
    Agent.objects.filter(pk=agent_id, timer_due_at__lte=now).update(timer_due_at=later)


def _policy(agent: Agent) -> HeartbeatPolicy:
    return HeartbeatPolicy(
        enabled=agent.heartbeat_enabled,
        interval_sec=agent.interval_sec,
        wake_on_demand=agent.wake_on_demand,
        max_concurrent_runs=agent.max_concurrent_runs,
        cooldown_sec=agent.cooldown_sec,
        skip_timer_when_idle=agent.skip_timer_when_idle,
    )


def _last_timer_wake(agent: Agent) -> datetime | None:
    wakes = WakeupRequest.objects.filter(agent_id=agent.pk, source=WakeupSource.TIMER)
    return wakes.exclude(status=WakeupStatus.SKIPPED).values_list("requested_at", flat=True).first()


def _has_work(agent: Agent) -> bool:
    return Issue.objects.open().visible().filter(assignee_agent_id=agent.pk).exists()
