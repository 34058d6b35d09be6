"""Is this installation well? `/healthz` asks the process, `/readyz` everything it depends on, `/metrics` counts.

`checks()` is the one source: the readiness page, the board's status strip and `manage.py doctor` say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from config.common.clock import database_now
from heartbeats.models import Host
from recovery.models import SweepState
from recovery.schedule import late_after
from recovery.vocabulary import SweepName


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be well: `problem` says what is wrong and what to do, None when all is."""

    name: str
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether this is well."""
        return self.problem is None


def checks() -> list[Check]:
    """Every check, the database first: when it is away, nothing else can be known."""
    database = _database()
    if not database.ok:
        return [database, _broker()]
    now = database_now()
    return [database, _broker(), *_sweeps(now), _hosts(now)]


def _guarded(name: str, ask: Callable[[], object], errors: tuple[type[Exception], ...], hint: str) -> Check:
    try:
        ask()
    except errors as problem:
        return Check(name, f"{hint} ({str(problem).strip().splitlines()[0] if str(problem).strip() else problem!r})")
    return Check(name)


def _database() -> Check:
    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("select 1")

    return _guarded("database", ask, (DatabaseError,), "PostgreSQL does not answer: check DATABASE_URL and the server")


def _broker() -> Check:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)

    def ask() -> None:
        client.ping()

    try:
        return _guarded(
            "broker", ask, (redis.RedisError, OSError), "Redis does not answer: check REDIS_URL and the server"
        )
    finally:
        client.close()


def _sweeps(now: datetime) -> Iterator[Check]:
    states = {state.sweep: state for state in SweepState.objects.all()}
    for name in SweepName:
        state = states.get(name)
        if state is not None and not state.enabled:
            continue
        seen = state.last_succeeded_at if state else None
        if seen is None:
            yield Check(f"sweep:{name}", "has never succeeded: are beat and a worker of queue `control` running?")
        elif now - seen > late_after(name, settings.TIMINGS):
            ago = int((now - seen).total_seconds())
            yield Check(f"sweep:{name}", f"last succeeded {ago} s ago: look at beat, the worker and its last error")
        else:
            yield Check(f"sweep:{name}")


def _hosts(now: datetime) -> Check:
    limit = timedelta(seconds=2 * settings.TIMINGS.lease)
    fresh = Host.objects.filter(last_seen_at__gt=now - limit).exists()
    problem = None if fresh else "no supervisor has reported: start `manage.py supervise` on each executing host"
    return Check("hosts", problem)


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when every check passes, else 503; the body names each."""
    found = checks()
    ready = all(check.ok for check in found)
    body = {"ready": ready, "checks": {check.name: check.problem or "ok" for check in found}}
    return JsonResponse(body, status=200 if ready else 503)
