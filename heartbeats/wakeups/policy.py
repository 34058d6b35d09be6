"""An agent's heartbeat policy, and whether its timer is due (spec/2 A and B "Timers", spec/3 K.15)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from heartbeats.readings import flag_of, number_of, object_of
from heartbeats.runs.compaction import SELF_MANAGED, CompactionPolicy, parse_compaction_policy

MAX_CONCURRENT_RUNS_DEFAULT = 5
MAX_CONCURRENT_RUNS_MIN = 1
MAX_CONCURRENT_RUNS_MAX = 10

# The first one that is set decides, also when it is not a boolean: then the default holds.
_WAKE_ON_DEMAND_KEYS = ("wakeOnDemand", "wakeOnAssignment", "wakeOnOnDemand", "wakeOnAutomation")


@dataclass(frozen=True, kw_only=True)
class HeartbeatPolicy:
    """How an agent may be woken; seconds of 0 switch the timer or the cooldown off."""

    enabled: bool = False
    interval_sec: float = 0
    wake_on_demand: bool = True
    max_concurrent_runs: int = MAX_CONCURRENT_RUNS_DEFAULT
    cooldown_sec: float = 0
    skip_timer_when_idle: bool = False
    session_compaction: CompactionPolicy = field(default=SELF_MANAGED)

    @property
    def has_timer(self) -> bool:
        """True if the clock may wake this agent at all."""
        return self.enabled and self.interval_sec > 0


class TimerVerdict(StrEnum):
    """What the clock decides about one agent."""

    DUE = "due"
    OFF = "off"
    NOT_YET = "not_yet"
    COOLING_DOWN = "cooling_down"
    IDLE = "idle"


def parse_heartbeat_policy(runtime_config: Mapping[str, Any] | None, adapter_type: str = "process") -> HeartbeatPolicy:
    """Read ``runtime_config.heartbeat``. Whatever is missing or garbage takes its default; nothing raises."""
    config = object_of(runtime_config)
    heartbeat = object_of(config.get("heartbeat"))
    wake_on_demand = next((heartbeat[key] for key in _WAKE_ON_DEMAND_KEYS if heartbeat.get(key) is not None), None)
    return HeartbeatPolicy(
        enabled=flag_of(heartbeat.get("enabled"), default=False),
        interval_sec=max(0.0, number_of(heartbeat.get("intervalSec"), 0)),
        wake_on_demand=flag_of(wake_on_demand, default=True),
        max_concurrent_runs=_max_concurrent_runs(heartbeat.get("maxConcurrentRuns")),
        cooldown_sec=max(0.0, number_of(heartbeat.get("cooldownSec"), 0)),
        skip_timer_when_idle=flag_of(heartbeat.get("skipTimerWhenIdle"), default=False),
        session_compaction=parse_compaction_policy(adapter_type, config),
    )


def judge_timer(
    policy: HeartbeatPolicy,
    *,
    now: datetime,
    created_at: datetime,
    last_heartbeat_at: datetime | None,
    last_timer_wake_at: datetime | None,
    has_assigned_work: bool,
) -> TimerVerdict:
    """Decide whether the clock wakes an invokable agent now.

    Due when the interval has passed since the last heartbeat (or creation), the cooldown since the last timer wake,
    and, if the agent asked for it, when something is assigned to it. Not one second early.
    """
    if not policy.has_timer:
        return TimerVerdict.OFF
    if (now - (last_heartbeat_at or created_at)).total_seconds() < policy.interval_sec:
        return TimerVerdict.NOT_YET
    if last_timer_wake_at is not None and (now - last_timer_wake_at).total_seconds() < policy.cooldown_sec:
        return TimerVerdict.COOLING_DOWN
    if policy.skip_timer_when_idle and not has_assigned_work:
        return TimerVerdict.IDLE
    return TimerVerdict.DUE


def _max_concurrent_runs(value: object) -> int:
    wanted = math.floor(number_of(value, MAX_CONCURRENT_RUNS_DEFAULT))
    return max(MAX_CONCURRENT_RUNS_MIN, min(MAX_CONCURRENT_RUNS_MAX, wanted))
