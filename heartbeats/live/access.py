"""Who may watch a company's feed: its agents and their runs by token, its members by key or session."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.cookie import parse_cookie

from agents import credentials
from agents.actors import Actor, ActorSource
from agents.api.authentication import bearer_actor
from agents.models import User
from config.common.clock import utc_now
from config.common.wire.errors import Unauthorized


def may_watch(scope: dict[str, Any], company_id: UUID) -> bool:
    """Whether the socket's caller sees this company. A token decides alone; without one the browser's session does."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope.get("headers", [])}
    token = _token(scope, headers)
    actor = _actor_of_token(token) if token else _actor_of_session(headers)
    return actor is not None and actor.sees(company_id)


def _token(scope: dict[str, Any], headers: dict[str, str]) -> str | None:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
    return given[0] if given else None


def _actor_of_token(token: str) -> Actor | None:
    try:
        return bearer_actor(token, now=utc_now())[0]
    except Unauthorized:
        return None


def _actor_of_session(headers: dict[str, str]) -> Actor | None:
    """A page of another site must not open our socket with the operator's cookie: the origin has to be ours."""
    if not _trusted(headers.get("origin", ""), headers.get("host", "")):
        return None
    key = parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return credentials.user_actor(user, ActorSource.SESSION) if isinstance(user, User) and user.is_active else None


def _trusted(origin: str, host: str) -> bool:
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    parts = urlsplit(origin)
    # The live process listens on a port of its own beside the pages: same machine name, other port.
    return bool(parts.hostname) and parts.hostname == urlsplit(f"//{host}").hostname
