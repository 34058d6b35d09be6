"""Every failure has an answer in the dialect of its API, and tells nothing of what went on inside."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import psycopg
import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from rest_framework import exceptions, permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from structlog.contextvars import bound_contextvars
from structlog.testing import capture_logs

from config.common.wire.camel import MEBIBYTE
from config.common.wire.envelope import fault_response, route_not_found, server_error
from config.common.wire.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    StaleEpoch,
    TaskError,
    Unauthorized,
    Unprocessable,
)
from config.common.wire.serializers import WireSerializer
from config.common.wire.views import AgentWireView, WireView, path_uuid

SECRET = "relation agents_agent, password hunter2"


class Shape(WireSerializer):
    given_name = serializers.CharField()
    birth_year = serializers.IntegerField()


class Api(WireView):
    authentication_classes = ()
    permission_classes = ()
    action: ClassVar[Callable[[WireView], Any]]

    def post(self, _request: Request) -> Response:
        return Response(type(self).action(self))


class AgentApi(AgentWireView, Api):
    failure_code = "HEARTBEAT_ERROR"


def ask(view: type[WireView], action: Callable[[WireView], Any], body: Any = b"", **extra: Any) -> HttpResponse:
    acting: Any = type("Acting", (view,), {"action": action})
    extra.setdefault("content_type", "application/json")
    response: HttpResponse = acting.as_view()(RequestFactory().generic("POST", "/x", body, **extra)).render()
    return response


def read_body(view: WireView) -> dict[str, Any]:
    return view.body(Shape)


def raising(error: Exception) -> Callable[[WireView], Any]:
    def act(_view: WireView) -> Any:
        raise error

    return act


def answer(view: type[WireView], error: Exception) -> tuple[int, Any]:
    response = ask(view, raising(error))
    return response.status_code, json.loads(response.content)


def database_error(kind: type[Exception], cause: type[Exception]) -> Exception:
    error = kind(SECRET)
    error.__cause__ = cause(SECRET)
    return error


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (Unauthorized(), 401, {"error": "Unauthorized"}),
        (Unauthorized("Agent run id required"), 401, {"error": "Agent run id required"}),
        (exceptions.NotAuthenticated(), 401, {"error": "Unauthorized"}),
        (
            exceptions.AuthenticationFailed("Board authentication required"),
            401,
            {"error": "Board authentication required"},
        ),
        (Forbidden("Board access required"), 403, {"error": "Board access required"}),
        (exceptions.PermissionDenied(), 403, {"error": "Forbidden"}),
        (PermissionDenied(), 403, {"error": "Forbidden"}),
        (NotFound.of("Issue"), 404, {"error": "Issue not found"}),
        (Http404(SECRET), 404, {"error": "Not found"}),
        (Conflict("Held", details={"hold_id": 1}), 409, {"error": "Held", "details": {"hold_id": 1}}),
        (StaleEpoch(), 409, {"error": "This attempt of the run is over", "details": {"code": "stale_epoch"}}),
        (Unprocessable("Unknown adapter type: x"), 422, {"error": "Unknown adapter type: x"}),
        (BadRequest("Bad from"), 400, {"error": "Bad from"}),
        (RequestDataTooBig(SECRET), 413, {"error": "Request body is too large"}),
        (SuspiciousOperation(SECRET), 400, {"error": "Malformed request"}),
        (exceptions.Throttled(wait=7), 429, {"error": "Too many requests"}),
        (database_error(DataError, psycopg.DataError), 422, {"error": "A value is out of range"}),
        (RuntimeError(SECRET), 500, {"error": "Internal server error"}),
    ],
)
def test_each_failure_in_the_api_dialect(error: Exception, status: int, body: Any) -> None:
    assert answer(Api, error) == (status, body)


@pytest.mark.parametrize(
    ("error", "status", "code", "message"),
    [
        (NotFound.of("Task"), 404, "TASK_NOT_FOUND", "Task not found"),
        (TaskError("Not yours"), 400, "TASK_ERROR", "Not yours"),
        (exceptions.Throttled(), 429, "RATE_LIMITED", "Too many requests"),
        (StaleEpoch(), 409, "STALE_EPOCH", "This attempt of the run is over"),
        (Forbidden(), 403, "FORBIDDEN", "Forbidden"),
        (RuntimeError(SECRET), 500, "HEARTBEAT_ERROR", "Internal server error"),
    ],
)
def test_each_failure_in_the_agent_dialect(error: Exception, status: int, code: str, message: str) -> None:
    found, body = answer(AgentApi, error)
    assert found == status
    assert (body["error"]["code"], body["error"]["message"]) == (code, message)


@pytest.mark.parametrize(
    "error", [Unauthorized(SECRET), exceptions.NotAuthenticated(), exceptions.AuthenticationFailed(SECRET)]
)
def test_an_agent_learns_nothing_from_a_401(error: Exception) -> None:
    assert answer(AgentApi, error) == (
        401,
        {"error": {"code": "AUTH_TOKEN_INVALID", "message": "Authentication token is missing or invalid"}},
    )


def test_a_401_challenges_for_a_bearer_token() -> None:
    assert ask(Api, raising(Unauthorized()))["WWW-Authenticate"] == "Bearer"


def test_a_task_error_says_what_to_do() -> None:
    assert answer(AgentApi, TaskError())[1]["error"]["action"] == "stop"


def test_a_bad_body_lists_every_issue_in_the_api_dialect() -> None:
    response = ask(Api, read_body, b'{"birthYear": "x"}')
    assert response.status_code == 400
    assert json.loads(response.content) == {
        "error": "Validation error",
        "details": [
            {"code": "invalid_type", "path": ["givenName"], "message": "This field is required."},
            {"code": "invalid_type", "path": ["birthYear"], "message": "A valid integer is required."},
        ],
    }


def test_a_bad_body_lists_every_issue_in_one_message_for_agents() -> None:
    response = ask(AgentApi, read_body, b'{"birthYear": "x"}')
    assert response.status_code == 400
    assert json.loads(response.content) == {
        "error": {
            "code": "VALIDATION_ERROR",
            "message": "givenName: This field is required.; birthYear: A valid integer is required.",
        }
    }


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b'"' + b"x" * MEBIBYTE + b'"', "application/json", 413),
    ],
)
def test_unreadable_bodies_use_the_agent_envelope(body: bytes, content_type: str, status: int) -> None:
    response = ask(AgentApi, read_body, body, content_type=content_type)
    error = json.loads(response.content)["error"]
    assert response.status_code == status
    assert error["code"] == "VALIDATION_ERROR"
    assert error["message"].startswith("body: ")


def test_broken_json_is_a_400_of_the_api_and_ten_megabytes_are_its_limit() -> None:
    assert json.loads(ask(Api, read_body, b"{").content) == {
        "error": "Validation error",
        "details": [{"code": "invalid_json", "path": [], "message": "Malformed JSON"}],
    }
    big = b'{"givenName":"' + b"x" * 2 * MEBIBYTE + b'","birthYear":1}'
    assert ask(Api, read_body, big).status_code == 200
    assert ask(Api, read_body, b'"' + b"x" * 10 * MEBIBYTE + b'"').status_code == 413


def test_a_missing_body_is_an_empty_object() -> None:
    response = ask(Api, lambda view: view.request.data, b"", content_type="")
    assert json.loads(response.content) == {}


class Nobody(permissions.BasePermission):
    message = "Board access required"

    def has_permission(self, _request: Request, _view: Any) -> bool:
        return False


def test_authorisation_comes_before_the_body() -> None:
    guarded = type("Guarded", (Api,), {"permission_classes": (Nobody,)})
    response = ask(guarded, read_body, b"{")
    assert response.status_code == 403
    assert json.loads(response.content) == {"error": "Board access required"}


@pytest.mark.parametrize(
    "error",
    [
        database_error(OperationalError, psycopg.OperationalError),
        database_error(OperationalError, psycopg.errors.DeadlockDetected),
        InterfaceError(SECRET),
    ],
)
@pytest.mark.parametrize("view", [Api, AgentApi])
def test_an_unreachable_database_is_a_503_with_retry_after(view: type[WireView], error: Exception) -> None:
    response = ask(view, raising(error))
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert SECRET.encode() not in response.content


@pytest.mark.parametrize("view", [Api, AgentApi])
def test_a_fault_is_logged_with_its_cause_and_told_with_its_request_id_only(view: type[WireView]) -> None:
    with bound_contextvars(request_id="req-1"), capture_logs() as logs:
        response = ask(view, raising(RuntimeError(SECRET)))
    assert response["X-Request-Id"] == "req-1"
    assert SECRET.encode() not in response.content
    assert [(entry["event"], str(entry["exc_info"])) for entry in logs] == [("request_failed", SECRET)]


def test_an_odd_accept_header_still_gets_json() -> None:
    response = ask(Api, raising(NotFound.of("Run")), HTTP_ACCEPT="text/html")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/json"


def test_a_wrong_method_is_a_405_in_the_envelope() -> None:
    response = Api.as_view()(RequestFactory().delete("/x")).render()
    assert response.status_code == 405
    assert set(json.loads(response.content)) == {"error"}


def test_unknown_routes_and_outside_faults_speak_the_dialect_of_their_path() -> None:
    request = RequestFactory()
    assert json.loads(route_not_found(request.get("/api/nope")).content) == {"error": "API route not found"}
    assert route_not_found(request.get("/api/nope")).status_code == 404
    agent = json.loads(route_not_found(request.get("/api/v1/agent/nope")).content)
    assert agent == {"error": {"code": "NOT_FOUND", "message": "API route not found"}}
    assert json.loads(route_not_found(request.get("/api/v1/agents")).content) == {"error": "API route not found"}
    assert json.loads(server_error(request.get("/api/x")).content) == {"error": "Internal server error"}
    assert fault_response(request.get("/api/x"), OperationalError()).status_code == 503


def test_a_post_to_an_unknown_route_is_a_404_too_not_a_page_about_cookies() -> None:
    answer = Client(enforce_csrf_checks=True).post("/api/issues/x/no-such-verb", "{}", content_type="application/json")
    assert (answer.status_code, answer.json()) == (404, {"error": "API route not found"})


@pytest.mark.parametrize("text", ["x", "", "0" * 32, "{" + "0" * 34 + "}", "0" * 36, "é" * 36])
def test_a_malformed_id_in_a_path_names_nothing(text: str) -> None:
    with pytest.raises(NotFound, match="Run not found"):
        path_uuid(text, "Run")


def test_an_id_in_a_path_is_read_in_either_case() -> None:
    text = "0190A1B2-0000-7000-8000-00000000000F"
    assert str(path_uuid(text, "Run")) == text.lower()
