"""The two ways to write a refusal: `/api` (spec/4 0) and `/api/v1/agent` (spec/1 B)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.response import Response
from rest_framework.views import set_rollback

from config.common.wire.camel import opaque, to_json
from config.common.wire.refusals import INTERNAL, Refusal, refusal_of

AGENT_PREFIX = "/api/v1/agent"
ROUTE_NOT_FOUND = Refusal(404, "API route not found", "route_not_found")
# One body for every cause of a 401, so that nobody learns which keys exist.
AGENT_UNAUTHORIZED = "Authentication token is missing or invalid"
AGENT_CODES = {401: "AUTH_TOKEN_INVALID", 404: "TASK_NOT_FOUND", 429: "RATE_LIMITED"}
AGENT_VALIDATION = frozenset({400, 413, 415, 422})


def api_exception_handler(error: Exception, _context: Mapping[str, Any]) -> Response:
    """Answers `{"error": text, "details"?: any}`; every exception has an answer, 500 at worst."""
    refusal = refusal_of(error)
    return _respond(refusal, api_body(refusal))


def agent_exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answers `{"error": {"code", "message"}}`; a 500 has the `failure_code` of the view."""
    refusal = refusal_of(error)
    failure_code = getattr(context.get("view"), "failure_code", "INTERNAL_ERROR")
    return _respond(refusal, agent_body(refusal, failure_code=failure_code))


def api_body(refusal: Refusal) -> dict[str, Any]:
    """The `/api` body. Field problems go to `details` as `[{code, path, message}]`; other details as given."""
    body: dict[str, Any] = {"error": refusal.text}
    if refusal.code == "validation_error":
        body["details"] = [issue.as_detail() for issue in refusal.issues]
    elif refusal.details is not None:
        body["details"] = opaque(refusal.details)
    return body


def agent_body(refusal: Refusal, *, failure_code: str = "INTERNAL_ERROR") -> dict[str, Any]:
    """The agent API's body. All issues in one message, joined by `; `; object details join the error object."""
    if refusal.status == 401:
        return {"error": {"code": AGENT_CODES[401], "message": AGENT_UNAUTHORIZED}}
    message = "; ".join(issue.as_sentence() for issue in refusal.issues) or refusal.text
    error: dict[str, Any] = {"code": _agent_code(refusal, failure_code), "message": message}
    if isinstance(refusal.details, Mapping):
        error = {**refusal.details, **error}
    return {"error": opaque(error)}


@csrf_exempt  # a stranger's POST learns that the route is unknown, not that a cookie is missing
def route_not_found(request: HttpRequest, *_args: object, **_kwargs: object) -> HttpResponse:
    """The view behind every path under `/api` that is no route."""
    return _plain(request, ROUTE_NOT_FOUND)


def fault_response(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer, in the dialect of the path, to an exception outside of the views (a middleware's, say)."""
    return _plain(request, refusal_of(error))


def server_error(request: HttpRequest) -> HttpResponse:
    """For `handler500`: JSON under `/api`; says nothing of the cause."""
    return _plain(request, Refusal(500, INTERNAL, "internal_error"))


def _agent_code(refusal: Refusal, failure_code: str) -> str:
    if refusal.code == "route_not_found":
        return "NOT_FOUND"
    if refusal.code == "task_error":
        return "TASK_ERROR"
    if refusal.status == 500:
        return failure_code
    if refusal.status in AGENT_VALIDATION:
        return "VALIDATION_ERROR"
    return AGENT_CODES.get(refusal.status, refusal.code.upper())


def _respond(refusal: Refusal, body: dict[str, Any]) -> Response:
    set_rollback()
    return Response(body, status=refusal.status, headers=_headers(refusal))


def _plain(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    inside = f"{request.path}/".startswith(f"{AGENT_PREFIX}/")
    body = agent_body(refusal) if inside else api_body(refusal)
    return HttpResponse(
        to_json(body), status=refusal.status, content_type="application/json", headers=_headers(refusal)
    )


def _headers(refusal: Refusal) -> dict[str, str]:
    headers = dict(refusal.headers)
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if refusal.status >= 500 and request_id:
        headers["X-Request-Id"] = str(request_id)
    return headers
