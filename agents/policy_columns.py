"""The columns that repeat an agent's runtime policy, and the deadline of its next timer wake. Pure (spec/2 A)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agents.vocabulary import NOT_INVOKABLE

MOST_SECONDS = 2**31 - 1
SLOTS_DEFAULT = 5
SLOTS_LEAST = 1
SLOTS_MOST = 10
LABEL_LENGTH = 64
# The first that is present decides; the later ones are what older clients call it.
_WAKE_KEYS = ("wakeOnDemand", "wakeOnAssignment", "wakeOnOnDemand", "wakeOnAutomation")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyColumns:
    """What sweeps and gates read of `runtime_config.heartbeat`, and the label of the hosts an agent is pinned to."""

    heartbeat_enabled: bool
    wake_on_demand: bool
    max_concurrent_runs: int
    interval_sec: int
    cooldown_sec: int
    skip_timer_when_idle: bool
    host_label: str


def policy_columns(runtime_config: Mapping[str, Any] | None) -> PolicyColumns:
    """Read the policy. What is missing or garbage takes its default; a fraction of a second is rounded up."""
    heartbeat = (runtime_config or {}).get("heartbeat")
    policy: Mapping[str, Any] = heartbeat if isinstance(heartbeat, Mapping) else {}
    wake = next((policy[key] for key in _WAKE_KEYS if policy.get(key) is not None), None)
    return PolicyColumns(
        heartbeat_enabled=policy.get("enabled") is True,
        wake_on_demand=wake if isinstance(wake, bool) else True,
        max_concurrent_runs=_slots(policy.get("maxConcurrentRuns")),
        interval_sec=_seconds(policy.get("intervalSec")),
        cooldown_sec=_seconds(policy.get("cooldownSec")),
        skip_timer_when_idle=policy.get("skipTimerWhenIdle") is True,
        host_label=_label((runtime_config or {}).get("hostLabel")),
    )


def with_defaults(runtime_config: Mapping[str, Any] | None) -> dict[str, Any]:
    """The configuration of a new agent: `enabled` false and `maxConcurrentRuns` 5 where it says nothing (spec/4 2)."""
    config = dict(runtime_config or {})
    heartbeat = config.get("heartbeat")
    given = dict(heartbeat) if isinstance(heartbeat, Mapping) else {}
    config["heartbeat"] = {"enabled": False, "maxConcurrentRuns": SLOTS_DEFAULT, **given}
    return config


def timer_deadline(
    *, enabled: bool, interval_sec: int, status: str, created_at: datetime, last_heartbeat_at: datetime | None
) -> datetime | None:
    """When the clock may wake the agent next; None when it may not: no timer, or an agent that may not run."""
    if not enabled or interval_sec == 0 or status in NOT_INVOKABLE:
        return None
    return (last_heartbeat_at or created_at) + timedelta(seconds=interval_sec)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _seconds(value: object) -> int:
    return min(MOST_SECONDS, max(0, math.ceil(_number(value) or 0)))


def _label(value: object) -> str:
    return value.strip()[:LABEL_LENGTH] if isinstance(value, str) else ""


def _slots(value: object) -> int:
    number = _number(value)
    wanted = SLOTS_DEFAULT if number is None else math.floor(number)
    return max(SLOTS_LEAST, min(SLOTS_MOST, wanted))
