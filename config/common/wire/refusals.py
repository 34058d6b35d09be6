"""What an exception means to a client: one answer, before it is written in a dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions

from config.common.wire.errors import WireError
from config.common.wire.issues import Issue, issues_of

RETRY_AFTER_SECONDS = 2
CHALLENGE = {"WWW-Authenticate": "Bearer"}
INTERNAL = "Internal server error"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no. `issues` where a body or query was at fault, `details` where the verb gave some."""

    status: int
    text: str
    code: str
    details: Any = None
    issues: tuple[Issue, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def refusal_of(error: Exception) -> Refusal:
    """The answer to any exception. Our faults and the database's are logged here and not told."""
    if isinstance(error, WireError):
        return _of_wire_error(error)
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, Http404):
        return Refusal(404, "Not found", "not_found")
    if isinstance(error, PermissionDenied):
        return Refusal(403, str(error) or "Forbidden", "forbidden")
    if isinstance(error, RequestDataTooBig):
        return _body(413, "body_too_large", "Request body is too large")
    if isinstance(error, SuspiciousOperation):
        return _body(400, "bad_request", "Malformed request")
    return _of_fault(error)


def _of_wire_error(error: WireError) -> Refusal:
    if error.status_code == 413:
        return _body(413, error.code, error.text)
    headers = CHALLENGE if error.status_code == 401 else {}
    return Refusal(error.status_code, error.text, error.code, error.details, headers=headers)


def _of_framework(error: exceptions.APIException) -> Refusal:
    match error:
        case exceptions.ValidationError():
            return Refusal(400, "Validation error", "validation_error", issues=tuple(issues_of(error)))
        case exceptions.ParseError():
            issue = Issue((), "invalid_json", str(error.detail))
            return Refusal(400, "Validation error", "validation_error", issues=(issue,))
        case exceptions.UnsupportedMediaType():
            return _body(415, "unsupported_media_type", "Expected content type application/json")
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            # The framework turns these into 403 where no scheme answers for itself; here they are always 401.
            return Refusal(401, _own_text(error, "Unauthorized"), "unauthorized", headers=CHALLENGE)
        case exceptions.PermissionDenied():
            return Refusal(403, _own_text(error, "Forbidden"), "forbidden")
        case exceptions.NotFound():
            return Refusal(404, _own_text(error, "Not found"), "not_found")
        case exceptions.Throttled():
            wait = max(1, round(getattr(error, "wait", None) or RETRY_AFTER_SECONDS))
            return Refusal(429, "Too many requests", "rate_limited", headers={"Retry-After": str(wait)})
    return Refusal(error.status_code, str(error.detail), str(error.default_code))


def _of_fault(error: Exception) -> Refusal:
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    if isinstance(error, (OperationalError, InterfaceError)):
        log.error("database_unavailable", sqlstate=sqlstate, exc_info=error)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return Refusal(503, "Service unavailable, try again", "service_unavailable", headers=headers)
    if isinstance(error, DataError):
        log.warning("value_does_not_fit", sqlstate=sqlstate, exc_info=error)
        return Refusal(422, "A value is out of range", "out_of_range")
    log.error("request_failed", exc_info=error)
    return Refusal(500, INTERNAL, "internal_error")


def _body(status: int, code: str, text: str) -> Refusal:
    return Refusal(status, text, code, issues=(Issue((), code, text),))


def _own_text(error: exceptions.APIException, otherwise: str) -> str:
    return otherwise if error.detail == error.default_detail else str(error.detail)
