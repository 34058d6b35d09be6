"""The contract of the agent API's edge: authentication, envelope, names, caps (spec/1 B, C, J)."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from agents.models import AgentError
from agents.vocabulary import AgentStatus, Presence
from tests.factories.agents import AgentKeyFactory, BoardKeyFactory
from tests.heartbeats.intake.conftest import BASE, Caller, calling

pytestmark = pytest.mark.django_db

UNAUTHORIZED = {"error": {"code": "AUTH_TOKEN_INVALID", "message": "Authentication token is missing or invalid"}}
WORK = ["tasks/next", "errors"]


def error_of(response: Any) -> str:
    """The message of a 400, its envelope checked."""
    assert response.status_code == 400, response.content
    body = response.json()
    assert body.keys() == {"error"}
    assert body["error"]["code"] == "VALIDATION_ERROR"
    return str(body["error"]["message"])


def raw(caller: Caller, body: bytes, content_type: str | None = "application/json") -> Any:
    """A heartbeat with exactly these bytes."""
    client: Any = APIClient()  # its stub wants the body as text
    return client.generic(
        "POST", f"{BASE}/heartbeat", body, content_type or "", HTTP_AUTHORIZATION=f"Bearer {caller.token}"
    )


def test_the_minimal_body_is_valid_for_ever(caller: Caller) -> None:
    response = caller.beat()
    assert response.status_code == 200
    assert response.json().keys() == {"acknowledged", "nextHeartbeatSec"}
    assert response.json()["acknowledged"] is True


@pytest.mark.parametrize("path", ["heartbeat", *WORK])
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abcdef", "Bearer pcp_unknown", "pcp_x"])
def test_every_refused_caller_gets_the_same_401(db: None, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = APIClient().post(f"{BASE}/{path}", {"status": "online"}, format="json", headers=headers)
    assert (response.status_code, response.json()) == (401, UNAUTHORIZED)
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["heartbeat", *WORK])
def test_a_revoked_key_is_a_401(path: str) -> None:
    caller = calling()
    token = AgentKeyFactory(agent=caller.agent, revoked_at=timezone.now()).token
    response = Caller(caller.agent, token).post(path, {"status": "online"})
    assert (response.status_code, response.json()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("path", ["heartbeat", *WORK])
@pytest.mark.parametrize("status", [AgentStatus.TERMINATED, AgentStatus.PENDING_APPROVAL])
def test_terminated_and_pending_agents_are_a_401(path: str, status: AgentStatus) -> None:
    response = calling(status=status).post(path, {"status": "online"})
    assert (response.status_code, response.json()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("path", ["heartbeat", *WORK])
def test_a_person_is_a_401(db: None, path: str) -> None:
    caller = calling()
    response = Caller(caller.agent, BoardKeyFactory().token).post(path, {"status": "online"})
    assert (response.status_code, response.json()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("path", WORK)
def test_an_errored_agent_may_only_send_heartbeats(path: str) -> None:
    caller = calling(presence=Presence.ERROR)
    assert caller.post(path, {"severity": "warning", "message": "x"}).json() == UNAUTHORIZED
    assert caller.beat("online").status_code == 200
    assert caller.post(path, {"severity": "warning", "message": "x"}).status_code == 200


def test_an_unknown_caller_does_not_learn_whether_its_body_was_valid(db: None) -> None:
    response = APIClient().post(f"{BASE}/heartbeat", {"status": "?"}, format="json", HTTP_AUTHORIZATION="Bearer pcp_x")
    assert response.status_code == 401


def test_an_unknown_status_is_a_400(caller: Caller) -> None:
    assert error_of(caller.beat("sleeping")).startswith("status: ")


def test_an_agent_cannot_report_offline(caller: Caller) -> None:
    assert error_of(caller.beat("offline")).startswith("status: ")


def test_all_issues_come_in_one_message_with_their_paths(caller: Caller) -> None:
    message = error_of(caller.beat("?", currentTask={"progress": -1}, error={"severity": "fatal"}))
    paths = [issue.split(": ")[0] for issue in message.split("; ")]
    assert paths == ["status", "currentTask.taskId", "currentTask.progress", "currentTask.speed", "error.message"]


@pytest.mark.parametrize("name", ["capabilities", "deviceInfo", "currentTask", "error"])
def test_null_for_an_optional_object_is_a_400(caller: Caller, name: str) -> None:
    assert error_of(caller.post("heartbeat", {"status": "online", name: None})).startswith(f"{name}: ")


@pytest.mark.parametrize("severity", ["error", "critical", "FATAL", "", 1])
def test_a_heartbeat_knows_only_warnings_and_fatal_errors(caller: Caller, severity: object) -> None:
    assert error_of(caller.beat(error={"severity": severity, "message": "x"})).startswith("error.severity: ")


def test_an_empty_message_is_a_400(caller: Caller) -> None:
    assert error_of(caller.beat(error={"severity": "warning", "message": ""})).startswith("error.message: ")


def test_a_message_may_have_4096_characters_and_no_more(caller: Caller) -> None:
    assert caller.beat(error={"severity": "warning", "message": "ä" * 4096}).status_code == 200
    assert error_of(caller.beat(error={"severity": "warning", "message": "ä" * 4097})).startswith("error.message: ")


def test_a_context_may_have_16384_characters_of_compact_json_and_no_more(caller: Caller) -> None:
    overhead = len('{"blob":""}')
    at_cap = {"blob": "ß" * (16_384 - overhead)}
    over = {"blob": "ß" * (16_384 - overhead + 1)}
    assert caller.beat(error={"severity": "warning", "message": "m", "context": at_cap}).status_code == 200
    refused = error_of(caller.beat(error={"severity": "warning", "message": "m", "context": over}))
    assert refused.startswith("error.context: ")


def test_the_caps_hold_for_what_was_received_not_for_what_scrubbing_leaves(caller: Caller) -> None:
    context = {"password": "x" * 16_384}
    refused = error_of(caller.beat(error={"severity": "warning", "message": "m", "context": context}))
    assert refused.startswith("error.context: ")


@pytest.mark.parametrize("field", ["taskId", "progress", "speed"])
def test_a_current_task_needs_its_three_fields(caller: Caller, field: str) -> None:
    task = {"taskId": "x", "progress": 0, "speed": 1.5}
    del task[field]
    assert error_of(caller.beat(currentTask=task)).startswith(f"currentTask.{field}: ")


def test_negative_progress_is_a_400(caller: Caller) -> None:
    refused = error_of(caller.beat(currentTask={"taskId": "x", "progress": -0.1, "speed": 0}))
    assert refused.startswith("currentTask.progress: ")


def test_numbers_are_numbers(caller: Caller) -> None:
    refused = error_of(caller.beat(currentTask={"taskId": "x", "progress": "1", "speed": True}))
    assert [part.split(": ")[0] for part in refused.split("; ")] == ["currentTask.progress", "currentTask.speed"]


def test_unknown_fields_are_ignored_at_every_level(caller: Caller) -> None:
    body = {
        "status": "online",
        "mood": 1,
        "currentTask": {"taskId": "x", "progress": 0, "speed": 0, "colour": None},
        "error": {"severity": "warning", "message": "m", "stack": []},
    }
    assert caller.post("heartbeat", body).status_code == 200


def test_capabilities_and_hardware_are_replaced_whole_and_keep_unknown_keys(caller: Caller) -> None:
    caller.beat(capabilities={"a": {"someThing": 1}}, deviceInfo={"os": "x", "gpu_count": 2})
    caller.beat(capabilities={"b": 2})
    agent = caller.fresh()
    assert agent.reported_capabilities == {"b": 2}
    assert agent.hardware == {"os": "x", "gpu_count": 2}


def test_nul_and_lone_surrogates_never_cost_a_heartbeat(caller: Caller) -> None:
    body = (
        rb'{"status":"online","capabilities":{"k\u0000":"\ud800"},"deviceInfo":{"os":"\udfff"},'
        rb'"currentTask":{"taskId":"\u0000","progress":1,"speed":1},'
        rb'"error":{"severity":"warning","message":"a\u0000b\ud83d","context":{"\u0000":["\udc00"]}}}'
    )
    assert raw(caller, body).status_code == 200
    error = AgentError.objects.get(agent=caller.agent)
    assert error.message == "a\ufffdb\ufffd"
    assert error.context == {"\ufffd": ["\ufffd"]}
    assert caller.fresh().reported_capabilities == {"k\ufffd": "\ufffd"}


@pytest.mark.parametrize("body", [b"", b"{", b"nul", b"[1", b'{"status": NaN}', b"\xff\xfe", b"[" * 50_000])
def test_malformed_json_is_a_400_in_the_envelope(caller: Caller, body: bytes) -> None:
    assert error_of(raw(caller, body))


@pytest.mark.parametrize("body", [b"[]", b'"online"', b"null", b"1"])
def test_a_body_that_is_no_object_is_called_body(caller: Caller, body: bytes) -> None:
    assert error_of(raw(caller, body)).startswith("body: ")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_another_content_type_is_a_415_in_the_envelope(caller: Caller, content_type: str) -> None:
    response = raw(caller, b'{"status":"online"}', content_type)
    assert response.status_code == 415
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"


def test_a_body_above_one_mebibyte_is_a_413_in_the_envelope(caller: Caller) -> None:
    fits = b'{"status":"online"}'.ljust(2**20)
    assert raw(caller, fits).status_code == 200
    response = raw(caller, fits + b" ")
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"


def test_a_context_of_twenty_levels_is_kept_to_depth_six(caller: Caller) -> None:
    context: dict[str, Any] = {"leaf": 1}
    for _ in range(20):
        context = {"level": context}
    assert caller.beat(error={"severity": "warning", "message": "m", "context": context}).status_code == 200
    stored: Any = AgentError.objects.get(agent=caller.agent).context
    depth = 0
    while isinstance(stored, dict):
        stored, depth = stored["level"], depth + 1
    assert (stored, depth) == ("[REDACTED]", 7)


def test_errors_take_a_third_severity_and_the_same_caps(caller: Caller) -> None:
    assert caller.post("errors", {"severity": "error", "message": "x"}).json() == {"acknowledged": True}
    assert error_of(caller.post("errors", {"severity": "critical", "message": "x"})).startswith("severity: ")
    assert error_of(caller.post("errors", {"severity": "error", "message": ""})).startswith("message: ")
    assert error_of(caller.post("errors", {"severity": "error", "message": "x" * 4097})).startswith("message: ")
    over = {"severity": "error", "message": "x", "context": {"blob": "x" * 16_384}}
    assert error_of(caller.post("errors", over)).startswith("context: ")
    assert error_of(caller.post("errors", {"severity": "error", "message": "x", "context": None}))


def test_an_unknown_route_answers_in_the_envelope(caller: Caller) -> None:
    response = caller.post("nothing/here")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "NOT_FOUND"


def test_a_fault_of_ours_says_nothing_of_its_cause(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("heartbeats.intake.views.hear", broken)
    response = caller.beat(capabilities={})
    assert response.status_code == 500
    assert response.json() == {"error": {"code": "HEARTBEAT_ERROR", "message": "Internal server error"}}
