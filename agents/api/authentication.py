"""Turning a request into an `Actor`: bearer board key, agent key or run token, else the browser's session.

A bearer that matches nothing is a 401, never another actor (spec/4, departures).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from agents import credentials
from agents.actors import Actor, ActorSource
from agents.api.run_header import NOT_YOUR_RUN, RUN_HEADERS, RunFacts, find_run, run_named
from agents.key_material import BOARD_SCHEME, hash_key
from agents.models import Agent, User
from agents.run_token import RunClaims, read_run_token
from config.common.clock import utc_now
from config.common.wire.errors import Forbidden, Unauthorized

UNTRUSTED_ORIGIN = "Board mutation requires a trusted browser origin"


@dataclass(frozen=True, slots=True)
class Credential:
    """What proved the actor: `request.auth`. The agent's row is as authentication read it, without a lock."""

    agent: Agent | None = None


class ActorAuthentication(BaseAuthentication):
    """Sets `request.user` to an `Actor` and `request.auth` to its `Credential`."""

    def authenticate(self, request: Request) -> tuple[Actor, Credential] | None:
        """The caller; None when the request names nobody. 401 for a bad bearer, 403 for a run not its own."""
        token = bearer_of(request)
        known = bearer_actor(token, now=utc_now()) if token is not None else _session_actor(request)
        if known is None:
            return None
        actor, credential = known
        return with_run_header(actor, request), credential

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """What a 401 asks for."""
        return "Bearer"


def bearer_of(request: Request | HttpRequest) -> str | None:
    """The bearer token of the request; None without one. Other schemes are a proxy's business."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def bearer_actor(token: str, *, now: datetime) -> tuple[Actor, Credential]:
    """Who a token is, for requests and sockets alike; raises Unauthorized. Touches `last_used_at` of a key."""
    known = _by_run_token(token, now=now) if token.count(".") == 2 else _by_key(token, now=now)
    if known is None:
        raise Unauthorized
    return known


def _by_key(token: str, *, now: datetime) -> tuple[Actor, Credential] | None:
    key_hash = hash_key(token)
    # A key of the board is in its own table only; anything else may be in either.
    agent_key = None if token.startswith(BOARD_SCHEME) else credentials.agent_key_of(key_hash)
    if agent_key is not None:
        credentials.touch(agent_key, now=now)
        actor = credentials.agent_actor(agent_key.agent, ActorSource.AGENT_KEY, key_id=agent_key.id)
        return actor, Credential(agent=agent_key.agent)
    board = credentials.board_actor(key_hash, now=now)
    return (board, Credential()) if board is not None else None


def _by_run_token(token: str, *, now: datetime) -> tuple[Actor, Credential] | None:
    claims = read_run_token(token, now=now)
    run = find_run(claims.run_id) if claims is not None else None
    if claims is None or run is None or not token_lives(claims, run, now=now):
        return None
    agent = credentials.agent_by_id(run.agent_id, run.company_id)
    if agent is None:
        return None
    actor = credentials.agent_actor(agent, ActorSource.AGENT_JWT)
    return replace(actor, run_id=run.id, run_epoch=claims.epoch), Credential(agent=agent)


def token_lives(claims: RunClaims, run: RunFacts, *, now: datetime) -> bool:
    """Whether the claims speak for the run: same agent and company, and it lives or ended within the grace."""
    if (claims.agent_id, claims.company_id) != (run.agent_id, run.company_id):
        return False
    grace = timedelta(seconds=settings.RUN_TOKEN_GRACE_SEC)
    return run.finished_at is None or now <= run.finished_at + grace


def with_run_header(actor: Actor, request: Request | HttpRequest) -> Actor:
    """The actor speaking for the run in its header. 403 unless the run is its own (a person: of a company it sees)."""
    named = next((request.headers[name].strip() for name in RUN_HEADERS if request.headers.get(name, "").strip()), "")
    if not named or named.lower() == str(actor.run_id):
        return actor
    run = run_named(named)
    mine = run.agent_id == actor.agent_id if actor.is_agent else actor.sees(run.company_id)
    if not mine:
        raise Forbidden(NOT_YOUR_RUN)
    return replace(actor, run_id=run.id, run_epoch=None)


def _session_actor(request: Request) -> tuple[Actor, Credential] | None:
    user = getattr(request._request, "user", None)
    if not isinstance(user, User) or not user.is_active:
        return None
    if request.method not in SAFE_METHODS:
        _require_own_page(request)
    return credentials.user_actor(user, ActorSource.SESSION), Credential()


def _require_own_page(request: Request) -> None:
    """403 unless a page of ours sent this: a trusted Origin (or Referer), and Django's CSRF token."""
    parts = urlsplit(request.headers.get("Origin") or request.headers.get("Referer") or "")
    origin = f"{parts.scheme}://{parts.netloc}"
    own = f"{request._request.scheme}://{request._request.get_host()}"
    if origin != own and origin not in settings.CSRF_TRUSTED_ORIGINS:
        raise Forbidden(UNTRUSTED_ORIGIN)
    check = _CSRFCheck(_no_response)
    check.process_request(request._request)
    reason = check.process_view(request._request, _no_response, (), {})
    if reason is not None:
        raise Forbidden(f"CSRF check failed: {reason}")


class _CSRFCheck(CsrfViewMiddleware):
    """Django's check, telling the reason instead of rendering a page."""

    def _reject(self, request: HttpRequest, reason: str) -> str:  # noqa: ARG002
        return reason


def _no_response(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()
