"""`Idempotency-Key`: the repeat of a creating request gets the first answer (spec/4, departures).

The record commits with what the request created, or not at all: after a lost answer the client repeats and reads it.
Hence verbs behind `answer_once` use a plain `transaction.atomic()`, not a durable one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from rest_framework.request import Request
from rest_framework.response import Response

from agents.actors import Actor
from agents.api.permissions import actor_of
from agents.models import IdempotencyRecord
from agents.secrets import box
from config.common.clock import utc_now
from config.common.wire.camel import camel_keys, from_json, opaque, to_json
from config.common.wire.errors import BadRequest, Conflict

HEADER = "Idempotency-Key"
BODY_KEY = "idempotencyKey"
MOST_CHARACTERS = 255
ROUTE_CHARACTERS = 200
REUSED = "Idempotency-Key was already used with a different request"
SEALED = "sealed"


def answer_once(
    request: Request, company_id: UUID | None, work: Callable[[], Response], *, secret: bool = False
) -> Response:
    """Answer with `work()`, or with what it answered to this actor, route and key before.

    Without a key in header or body it is just `work()`. The same key with another body is 409. Racing repeats wait for
    the first. What `work` raises is not remembered. `company_id` is None where the company is what is created: the
    answer then names it by `id`. `secret` seals the kept answer (it shows a token). Opens a transaction.
    """
    key = key_of(request)
    if key is None:
        return work()
    actor, route, digest = actor_of(request), route_of(request), _digest(request)
    with transaction.atomic():
        _wait_for_turn(actor, route, key)
        known = IdempotencyRecord.objects.filter(actor=_name(actor), route=route, key=key).first()
        if known is not None:
            return _again(known, digest)
        response = work()
        body = from_json(to_json(camel_keys(response.data)))
        IdempotencyRecord.objects.create(
            company_id=company_id or UUID(body["id"]),
            actor=_name(actor),
            route=route,
            key=key,
            request_hash=digest,
            response_status=response.status_code,
            response_body={SEALED: box().seal(to_json(body).decode(), now=utc_now()).decode()} if secret else body,
        )
    return response


def key_of(request: Request) -> str | None:
    """The key of the request: the header, else `idempotencyKey` of the body; None without one, 400 when too long."""
    body = request.data if isinstance(request.data, dict) else {}
    given = request.headers.get(HEADER) or body.get(BODY_KEY)
    if not isinstance(given, str) or not given.strip():
        return None
    if len(given) > MOST_CHARACTERS or "\0" in given:
        raise BadRequest(f"Idempotency-Key must be at most {MOST_CHARACTERS} characters")
    return given.strip()


def route_of(request: Request) -> str:
    """Method and path, cut by hashing where the path is long."""
    route = f"{request.method} {request.path}"
    if len(route) <= ROUTE_CHARACTERS:
        return route
    return f"{route[: ROUTE_CHARACTERS - 65]}#{hashlib.sha256(route.encode()).hexdigest()}"


def _again(known: IdempotencyRecord, digest: str) -> Response:
    if known.request_hash != digest:
        raise Conflict(REUSED)
    body: Any = known.response_body
    if isinstance(body, dict) and body.keys() == {SEALED}:
        body = from_json(box().open(body[SEALED].encode()).encode())
    return Response(opaque(body), status=known.response_status)


def _wait_for_turn(actor: Actor, route: str, key: str) -> None:
    # A lock on the key instead of on a row: the row's company may not exist yet.
    number = hashlib.sha256(f"{_name(actor)}\0{route}\0{key}".encode()).digest()[:8]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(number, signed=True)])


def _name(actor: Actor) -> str:
    return f"{actor.type}:{actor.id}"


def _digest(request: Request) -> str:
    body: Any = request.data
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key != BODY_KEY}
    query = sorted([name, value] for name, values in request.query_params.lists() for value in values)
    return hashlib.sha256(to_json([body, query])).hexdigest()
