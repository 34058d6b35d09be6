"""What an issue overrides of its assignee's configuration, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.effective_config import effective_config

SECRET = {"type": "secret_ref", "name": "token"}
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["adapterConfig", "env", "type"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def test_keys_of_the_issue_replace_those_of_the_agent_and_leave_the_others() -> None:
    own = {"model": "small", "timeoutSec": 5, "args": ["a"]}
    made = effective_config(own, {"adapterConfig": {"model": "large", "args": []}}, is_assignee=True)
    assert (made.values, made.notes) == ({"model": "large", "timeoutSec": 5, "args": []}, ())
    assert own["model"] == "small"


def test_only_the_assignee_is_meant() -> None:
    made = effective_config({"model": "small"}, {"adapterConfig": {"model": "large"}}, is_assignee=False)
    assert made.values == {"model": "small"}


@pytest.mark.parametrize("key", ["env", "headers"])
def test_an_issue_opens_no_secret_that_is_not_the_agent_s(key: str) -> None:
    asked = {"adapterConfig": {key: {"A": SECRET, "B": "plain"}}}
    denied = effective_config({key: {"C": "own"}}, asked, is_assignee=True)
    assert denied.values == {key: {"B": "plain"}}
    assert denied.notes == (
        f"Configuration: the issue's override of {key}.A names a secret that is not the agent's; it is left out.",
    )
    known = effective_config({key: {"ANY": SECRET}}, asked, is_assignee=True)
    assert (known.values, known.notes) == ({key: {"A": SECRET, "B": "plain"}}, ())


@given(JSON, JSON, st.booleans())
def test_no_override_breaks_a_start(configured: Any, overrides: Any, mine: bool) -> None:
    own = configured if isinstance(configured, dict) else None
    made = effective_config(own, overrides, is_assignee=mine)
    assert made == effective_config(own, overrides, is_assignee=mine)
    assert mine or made.values == (own or {})
