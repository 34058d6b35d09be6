from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.wakeups.policy import HeartbeatPolicy, TimerVerdict, judge_timer, parse_heartbeat_policy

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    [
        "enabled",
        "intervalSec",
        "wakeOnDemand",
        "wakeOnAssignment",
        "maxConcurrentRuns",
        "cooldownSec",
        "skipTimerWhenIdle",
    ]
)


def parse(**heartbeat: Any) -> HeartbeatPolicy:
    return parse_heartbeat_policy({"heartbeat": heartbeat})


@pytest.mark.parametrize("config", [None, {}, {"heartbeat": None}, {"heartbeat": []}, {"heartbeat": {}}])
def test_an_empty_config_means_the_defaults(config: Any) -> None:
    assert parse_heartbeat_policy(config) == HeartbeatPolicy()
    assert not HeartbeatPolicy().enabled
    assert HeartbeatPolicy().wake_on_demand
    assert HeartbeatPolicy().max_concurrent_runs == 5


@pytest.mark.parametrize(
    ("given_value", "runs"),
    [
        (1, 1), (10, 10), (3.9, 3), (0, 1), (-4, 1), (11, 10), (10**400, 5),
        ("3", 5), (None, 5), (True, 5), (float("nan"), 5), (float("inf"), 5), ([], 5),
    ],
)  # fmt: skip
def test_concurrent_runs_are_clamped_and_garbage_means_the_default(given_value: Any, runs: int) -> None:
    assert parse(maxConcurrentRuns=given_value).max_concurrent_runs == runs


@pytest.mark.parametrize("alias", ["wakeOnDemand", "wakeOnAssignment", "wakeOnOnDemand", "wakeOnAutomation"])
def test_wake_on_demand_has_legacy_aliases(alias: str) -> None:
    assert not parse(**{alias: False}).wake_on_demand


def test_the_first_alias_that_is_set_decides() -> None:
    assert parse(wakeOnDemand=True, wakeOnAssignment=False).wake_on_demand
    assert not parse(wakeOnDemand=None, wakeOnAssignment=False).wake_on_demand
    assert parse(wakeOnDemand="no", wakeOnAssignment=False).wake_on_demand


def test_seconds_are_never_negative() -> None:
    policy = parse(intervalSec=-5, cooldownSec=-1)
    assert (policy.interval_sec, policy.cooldown_sec) == (0, 0)


def test_the_compaction_policy_comes_along_with_its_adapter_default() -> None:
    assert parse_heartbeat_policy({}, "cursor").session_compaction.max_session_runs == 200


def timer(policy: HeartbeatPolicy, **given_facts: Any) -> TimerVerdict:
    usual: dict[str, Any] = {
        "now": NOW,
        "created_at": NOW - timedelta(days=1),
        "last_heartbeat_at": None,
        "last_timer_wake_at": None,
        "has_assigned_work": True,
    }
    return judge_timer(policy, **{**usual, **given_facts})


ON = HeartbeatPolicy(enabled=True, interval_sec=60)


def test_the_timer_counts_from_the_last_heartbeat_or_creation() -> None:
    assert timer(ON) == TimerVerdict.DUE
    assert timer(ON, created_at=NOW) == TimerVerdict.NOT_YET
    assert timer(ON, last_heartbeat_at=NOW - timedelta(seconds=59.9)) == TimerVerdict.NOT_YET
    assert timer(ON, last_heartbeat_at=NOW - timedelta(seconds=60)) == TimerVerdict.DUE


@pytest.mark.parametrize("policy", [HeartbeatPolicy(interval_sec=60), HeartbeatPolicy(enabled=True)])
def test_without_interval_or_switched_off_there_is_no_timer(policy: HeartbeatPolicy) -> None:
    assert timer(policy) == TimerVerdict.OFF


def test_the_cooldown_runs_from_the_last_timer_wake() -> None:
    policy = HeartbeatPolicy(enabled=True, interval_sec=60, cooldown_sec=300)
    assert timer(policy, last_timer_wake_at=NOW - timedelta(seconds=299)) == TimerVerdict.COOLING_DOWN
    assert timer(policy, last_timer_wake_at=NOW - timedelta(seconds=300)) == TimerVerdict.DUE


def test_an_idle_agent_is_skipped_only_if_it_asked_for_it() -> None:
    policy = HeartbeatPolicy(enabled=True, interval_sec=60, skip_timer_when_idle=True)
    assert timer(policy, has_assigned_work=False) == TimerVerdict.IDLE
    assert timer(ON, has_assigned_work=False) == TimerVerdict.DUE


@given(st.dictionaries(KEYS, JSON))
def test_no_config_raises_and_every_bound_holds(heartbeat: dict[str, Any]) -> None:
    policy = parse_heartbeat_policy({"heartbeat": heartbeat})
    assert 1 <= policy.max_concurrent_runs <= 10
    assert policy.interval_sec >= 0
    assert policy.cooldown_sec >= 0
    assert timer(policy) in TimerVerdict
