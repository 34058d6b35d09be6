"""The pure rules of agents: adapter schemas, policy columns, masking, prefixes, hire payloads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.adapter_schemas import adapter_flaws, knows_adapter
from agents.companies import prefixes
from agents.configuration import url_key_of
from agents.hire_payload import hire_fields
from agents.policy_columns import policy_columns, timer_deadline, with_defaults
from agents.redaction import MASK, holds_mask, redacted, unmasked
from agents.vocabulary import AdapterType, AgentStatus

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS: Any = st.dictionaries(st.text(), JSON, max_size=5)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def sentences(adapter_type: str, config: dict[str, Any]) -> list[str]:
    return [flaw.sentence for flaw in adapter_flaws(adapter_type, config)]


def test_every_adapter_type_has_a_schema_and_others_are_unknown() -> None:
    assert all(knows_adapter(kind) for kind in AdapterType)
    assert not knows_adapter("abacus")


def test_every_flaw_of_a_process_configuration_is_named() -> None:
    config = {
        "command": " ",
        "args": ["a", 1],
        "cwd": "here",
        "env": {"OK": "x", "PORT": 80, "REF": {"type": "secret_ref", "name": "s"}, "BAD": {"type": "secret_ref"}},
        "timeoutSec": True,
        "graceSec": -1,
    }
    assert sentences("process", config) == [
        "adapterConfig.command must be a string that is not empty",
        "adapterConfig.args.1 must be a string",
        "adapterConfig.cwd must be an absolute path, or empty",
        "adapterConfig.env.PORT must be a string or a secret reference",
        "adapterConfig.env.BAD must be a string or a secret reference",
        "adapterConfig.timeoutSec must be a number of at least 0",
        "adapterConfig.graceSec must be a number of at least 0",
    ]


def test_a_process_configuration_that_works_has_no_flaw() -> None:
    config = {"command": "x", "args": [], "cwd": "", "env": {}, "timeoutSec": 0, "graceSec": 15.5, "unknown": object()}
    assert sentences("process", config) == []
    assert sentences("process", {}) == []


@pytest.mark.parametrize("url", ["ftp://x", "http://", "localhost:80", 5, "http://[broken"])
def test_an_http_agent_needs_a_web_address(url: Any) -> None:
    assert sentences("http", {"url": url}) == ["adapterConfig.url must be an http or https address"]
    assert sentences("http", {"url": "https://x.example/hook", "headers": {"A": "b"}}) == []


@given(st.sampled_from(list(AdapterType)), OBJECTS)
def test_no_configuration_breaks_the_check(kind: AdapterType, config: dict[str, Any]) -> None:
    adapter_flaws(kind, config)
    adapter_flaws(kind, dict.fromkeys(("command", "env", "args", "url", "cwd", "timeoutSec"), config))


@given(JSON)
def test_policy_columns_fit_their_columns_whatever_was_configured(value: Any) -> None:
    for config in ({"heartbeat": value}, {"heartbeat": dict.fromkeys(("intervalSec", "maxConcurrentRuns"), value)}):
        columns = policy_columns(config)
        assert 1 <= columns.max_concurrent_runs <= 10
        assert 0 <= columns.interval_sec < 2**31


@pytest.mark.parametrize(("given_slots", "slots"), [(None, 5), ("x", 5), (True, 5), (0, 1), (1, 1), (3.9, 3), (99, 10)])
def test_slots_are_clamped_and_garbage_means_five(given_slots: Any, slots: int) -> None:
    assert policy_columns({"heartbeat": {"maxConcurrentRuns": given_slots}}).max_concurrent_runs == slots


def test_older_names_of_wake_on_demand_count_and_the_new_one_wins() -> None:
    assert not policy_columns({"heartbeat": {"wakeOnAssignment": False}}).wake_on_demand
    assert policy_columns({"heartbeat": {"wakeOnDemand": True, "wakeOnAssignment": False}}).wake_on_demand
    assert policy_columns({"heartbeat": {"wakeOnDemand": "no"}}).wake_on_demand


def test_a_new_agent_gets_the_defaults_that_it_does_not_set() -> None:
    assert with_defaults(None)["heartbeat"] == {"enabled": False, "maxConcurrentRuns": 5}
    assert with_defaults({"heartbeat": {"enabled": True}, "x": 1}) == {
        "heartbeat": {"enabled": True, "maxConcurrentRuns": 5},
        "x": 1,
    }


@pytest.mark.parametrize("status", list(AgentStatus))
def test_only_an_agent_that_may_run_has_a_timer(status: AgentStatus) -> None:
    may_run = status not in {"paused", "pending_approval", "terminated"}
    due = timer_deadline(enabled=True, interval_sec=60, status=status, created_at=NOON, last_heartbeat_at=None)
    assert due == (NOON + timedelta(seconds=60) if may_run else None)


def test_the_timer_counts_from_the_last_heartbeat_and_is_off_without_interval() -> None:
    later = NOON + timedelta(hours=1)
    facts: dict[str, Any] = {"status": "idle", "created_at": NOON, "last_heartbeat_at": later}
    assert timer_deadline(enabled=True, interval_sec=5, **facts) == later + timedelta(seconds=5)
    assert timer_deadline(enabled=True, interval_sec=0, **facts) is None
    assert timer_deadline(enabled=False, interval_sec=5, **facts) is None


def test_masking_hides_secrets_and_keeps_references() -> None:
    config = {
        "env": {"API_KEY": "x", "HOME": "/", "TOKEN": {"type": "secret_ref", "name": "t"}},
        "password": {"type": "plain", "value": "y"},
    }
    assert redacted(config) == {
        "env": {"API_KEY": MASK, "HOME": "/", "TOKEN": {"type": "secret_ref", "name": "t"}},
        "password": {"type": "plain", "value": MASK},
    }


@given(OBJECTS)
def test_what_was_masked_comes_back_from_what_is_stored(config: dict[str, Any]) -> None:
    assert repr(unmasked(redacted(config), config)) == repr(config)


def test_a_mask_without_anything_behind_it_is_noticed() -> None:
    assert holds_mask(unmasked({"env": {"KEY": MASK}}, {}))
    assert not holds_mask(unmasked({"env": {"KEY": MASK}}, {"env": {"KEY": "x"}}))


@given(st.text())
def test_prefixes_are_letters_that_fit_and_never_repeat(name: str) -> None:
    first = list(islice(prefixes(name), 60))
    assert all(prefix.isascii() and prefix.isalpha() and prefix.isupper() and len(prefix) <= 16 for prefix in first)
    assert len(set(first)) == 60


@pytest.mark.parametrize(("name", "key"), [("Ada Lovelace", "ada-lovelace"), ("  R2_D2!", "r2-d2"), ("!!!", "agent")])
def test_a_shortname_is_the_name_in_lower_case_with_dashes(name: str, key: str) -> None:
    assert url_key_of(name) == key


@given(OBJECTS)
def test_any_hire_payload_makes_an_agent(payload: dict[str, Any]) -> None:
    fields = hire_fields(payload)
    assert 0 < len(fields["name"]) <= 200
    assert isinstance(fields["adapter_config"], dict)
