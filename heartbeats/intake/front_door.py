"""Middleware that answers heartbeats before what only pages need: sessions, cookies, messages, addresses of callers.

The heartbeat that changes nothing does not even wake a serializer. Whatever is not plainly that one goes to
`HeartbeatView`, which says no to what is wrong. So the contract is written once, there; here are only its commonest 200
and the failures of getting to it. Whoever calls the agent API too often is sent away here, too (spec/1 B).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import Throttled
from structlog.contextvars import bound_contextvars

from agents.api.authentication import bearer_of
from agents.heartbeat_decision import REPORTABLE
from agents.key_material import hash_key
from agents.vocabulary import Presence
from config.common.clock import utc_now
from config.common.wire.camel import camel_keys, to_json
from config.common.wire.envelope import AGENT_PREFIX, agent_exception_handler
from heartbeats.intake.no_op import hear_no_op
from heartbeats.intake.pacing import heartbeat_load
from heartbeats.intake.rate_limit import Allowance, Buckets
from heartbeats.intake.views import HeartbeatView, answer_of

INSIDE = f"{AGENT_PREFIX}/"
PATH = f"{INSIDE}heartbeat"
JSON = "application/json"
# Longer bodies say more than a status.
MOST_BYTES = 512
SAYS_MORE = frozenset({"capabilities", "deviceInfo", "currentTask", "error"})
_view = HeartbeatView.as_view()
_PRESENCES = {presence.value: presence for presence in REPORTABLE}


class FrontDoor:
    """The commonest request of all, answered first, and whoever asks too often, sent away."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        allowance = Allowance(settings.AGENT_RATE_PER_SEC, settings.AGENT_RATE_BURST)
        self._heartbeats, self._others = Buckets(allowance), Buckets(allowance)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer to a heartbeat, or the 429; for everything else whatever answers it."""
        if not request.path_info.startswith(INSIDE):
            return self.get_response(request)
        is_heartbeat = request.path_info == PATH and request.method == "POST"
        token = bearer_of(request)
        wait = self._wait_of(token, self._heartbeats if is_heartbeat else self._others)
        if wait:
            return _failed(request, Throttled(wait))
        if not is_heartbeat:
            return self.get_response(request)
        request.get_host()  # refuses hosts that are not ours, as it does for every other request
        with heartbeat_load.measured():
            return _no_op(request, token) or _in_full(request)

    def _wait_of(self, token: str | None, buckets: Buckets) -> float:
        return buckets.wait_of(hash_key(token), now=time.monotonic()) if token else 0.0


def _no_op(request: HttpRequest, token: str | None) -> HttpResponse | None:
    presence = _bare_presence(request)
    if not token or presence is None:
        return None
    try:
        heard = hear_no_op(token, presence, now=utc_now())
    except Exception as error:
        return _failed(request, error)
    return None if heard is None else _json(answer_of(heard), 200, {"Allow": "POST, OPTIONS"})


def _in_full(request: HttpRequest) -> HttpResponse:
    """The view's answer, with what the middleware behind this one would have added."""
    with _logs_name(request):
        answer: Any = _view(request)
        answer.render()
    return _finished(answer)


def _bare_presence(request: HttpRequest) -> Presence | None:
    """The status of a body that says nothing else that we know; None for every other body, good or bad."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if request.META.get("CONTENT_TYPE") != JSON or not length.isdigit() or int(length) > MOST_BYTES:
        return None
    try:
        body: Any = orjson.loads(request.body)
    except (orjson.JSONDecodeError, OSError):
        return None
    if not isinstance(body, dict) or not SAYS_MORE.isdisjoint(body):
        return None
    status = body.get("status")
    return _PRESENCES.get(status) if isinstance(status, str) else None


def _logs_name(request: HttpRequest) -> AbstractContextManager[None]:
    """Every log line and 5xx answer of the block names the request."""
    return bound_contextvars(request_id=request.headers.get("X-Request-Id") or str(uuid4()))


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """The refusal that the view would have given."""
    with _logs_name(request):
        refusal = agent_exception_handler(error, {"view": HeartbeatView})
    return _json(refusal.data, refusal.status_code, dict(refusal.headers))


def _json(body: Any, status: int, headers: dict[str, str]) -> HttpResponse:  # noqa: ANN401
    content = to_json(camel_keys(body))
    return _finished(HttpResponse(content, status=status, headers={**headers, "Content-Type": JSON}))


def _finished(answer: HttpResponse) -> HttpResponse:
    """With the headers that middleware behind this one gives to every other answer."""
    answer["Content-Length"] = str(len(answer.content))
    answer["X-Frame-Options"] = settings.X_FRAME_OPTIONS
    return answer
