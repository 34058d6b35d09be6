from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeats.runs.environment import (
    REDACTED,
    ProcessEnvironment,
    Workspace,
    build_environment,
    inherited,
    looks_secret,
    masked,
)

CONTEXT = {
    "taskId": "t1",
    "issueId": "i1",
    "wakeReason": "issue_commented",
    "wakeCommentIds": ["c1", "c2"],
    "approvalId": "ap1",
    "approvalStatus": "approved",
    "issueIds": ["i1", "i2", None],
}


def build(**facts: Any) -> dict[str, str]:
    usual: dict[str, Any] = {
        "agent_id": "a1",
        "company_id": "co1",
        "run_id": "r1",
        "api_url": "http://localhost:8000",
        "run_token": "jwt",
        "context": CONTEXT,
    }
    return build_environment(ProcessEnvironment(**{**usual, **facts}))


@pytest.mark.parametrize("prefix", ["PAPERCLIP_", "EVERBEAT_"])
def test_both_spellings_carry_identity_and_wake(prefix: str) -> None:
    variables = {key.removeprefix(prefix): value for key, value in build().items() if key.startswith(prefix)}
    assert variables == {
        "AGENT_ID": "a1",
        "COMPANY_ID": "co1",
        "RUN_ID": "r1",
        "API_URL": "http://localhost:8000",
        "API_KEY": "jwt",
        "TASK_ID": "t1",
        "WAKE_REASON": "issue_commented",
        "WAKE_COMMENT_ID": "c2",
        "APPROVAL_ID": "ap1",
        "APPROVAL_STATUS": "approved",
        "LINKED_ISSUE_IDS": "i1,i2",
    }


def test_what_is_unknown_is_left_out() -> None:
    assert {key for key in build(context={}, run_token=None) if key.startswith("PAPERCLIP_")} == {
        "PAPERCLIP_AGENT_ID",
        "PAPERCLIP_COMPANY_ID",
        "PAPERCLIP_RUN_ID",
        "PAPERCLIP_API_URL",
    }


def test_the_task_is_the_issue_when_nothing_else_is_named() -> None:
    assert build(context={"issueId": "i1"})["PAPERCLIP_TASK_ID"] == "i1"


def test_the_workspace_is_described() -> None:
    variables = build(workspace=Workspace(cwd="/w", branch="b", agent_home="/home/a", hints=[{"workspaceId": "w1"}]))
    assert variables["PAPERCLIP_WORKSPACE_CWD"] == variables["EVERBEAT_WORKSPACE_CWD"] == "/w"
    assert variables["PAPERCLIP_WORKSPACE_BRANCH"] == "b"
    assert variables["AGENT_HOME"] == "/home/a"
    assert json.loads(variables["PAPERCLIP_WORKSPACES_JSON"]) == [{"workspaceId": "w1"}]


def test_the_wake_payload_is_handed_over_flat() -> None:
    payload = {"commentWindow": {"requestedCount": 1}, "comments": []}
    assert json.loads(build(wake_payload=payload)["PAPERCLIP_WAKE_PAYLOAD_JSON"])["requestedCount"] == 1


def test_configured_strings_win_and_their_other_spelling_follows() -> None:
    variables = build(configured={"PAPERCLIP_API_KEY": "own", "MODE": "fast", "PORT": 8})
    assert variables["PAPERCLIP_API_KEY"] == variables["EVERBEAT_API_KEY"] == "own"
    assert variables["MODE"] == "fast"
    assert "PORT" not in variables
    assert build(configured={"EVERBEAT_RUN_ID": "x"})["PAPERCLIP_RUN_ID"] == "x"


def test_variables_that_no_process_can_have_are_repaired_or_left_out() -> None:
    variables = build(configured={"A=B": "x", "": "y", "NUL": "a\x00b", "HALF": "\ud800"})
    assert variables["NUL"] == "a\ufffdb"
    assert variables["HALF"] == "\ufffd"
    assert "A=B" not in variables
    assert "" not in variables


def test_of_the_servers_environment_our_variables_and_secrets_stay_behind() -> None:
    server = {
        "PATH": "/bin",
        "ANTHROPIC_API_KEY": "for the agents",
        "PAPERCLIP_API_KEY": "no",
        "PAPERCLIP_RUNTIME_API_URL": "http://x",
        "EVERBEAT_LISTEN_PORT": "1",
        "EVERBEAT_SECRETS_KEY": "no",
        "DATABASE_URL": "no",
        "SECRET_KEY": "no",
    }
    assert set(inherited(server)) == {
        "PATH",
        "ANTHROPIC_API_KEY",
        "PAPERCLIP_RUNTIME_API_URL",
        "EVERBEAT_LISTEN_PORT",
    }


@pytest.mark.parametrize(
    "key",
    [
        "PAPERCLIP_API_KEY", "apiKey", "OPENAI_APIKEY", "APIKey", "GITHUB_TOKEN", "DB_PASSWORD", "dbPassword",
        "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AUTHORIZATION", "SESSION_COOKIE", "GITHUB_PAT", "DATABASE_URL",
        "private-key", "db.password", "JWT", "CLIENT_SECRETS", "SIGNING_KEY", "SENTRY_DSN",
    ],
)  # fmt: skip
def test_these_keys_look_secret(key: str) -> None:
    assert looks_secret(key)
    assert masked({key: "value"}) == {key: REDACTED}


@pytest.mark.parametrize(
    "key",
    [
        "PATH", "HOME", "AUTHOR", "KEYBOARD", "TOKEN_COUNT", "MAX_TOKENS", "SECRET_NAME", "COOKIE_DOMAIN",
        "PASSWORD_AGE", "PAPERCLIP_AGENT_ID", "MONKEY", "PATTERN", "TOKENIZERS_PARALLELISM", "",
    ],
)  # fmt: skip
def test_these_keys_do_not(key: str) -> None:
    assert not looks_secret(key)
    assert masked({key: "value"}) == {key: "value"}


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.text(max_size=8), st.integers())))
def test_any_configuration_gives_variables_that_a_process_can_have(configured: dict[str, Any]) -> None:
    for key, value in build(configured=configured).items():
        assert key
        assert "=" not in key
        assert "\x00" not in key + value
        value.encode()
