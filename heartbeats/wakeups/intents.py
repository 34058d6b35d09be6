"""Doing after commit what a change asks for, and losing none of it (spec/6, law 9).

The intent is a row of the change's own transaction. It is carried out right after the commit; what a dead process, a
lost database or a fault left is taken by a sweep. Each is removed by the transaction that carries it out: exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from agents.actors import Actor, ActorSource
from config.common import after_commit
from config.common.models import uuid7
from heartbeats.models.intent import Intent, IntentKind

# Whoever wrote an intent carries it out at once; a sweep waits this long before it concludes that nobody does.
GRACE = timedelta(seconds=5)

Json = Mapping[str, Any]

_TAKE = """delete from heartbeats_intent where id = %s
           returning company_id, kind, body::json, actor::json, asked_at"""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to be done after commit. `body` is JSON."""

    kind: IntentKind
    body: Json


@dataclass(frozen=True, slots=True)
class Deed:
    """An intent that is being carried out. What began after `asked_at`, the database's time, is not meant by it."""

    company_id: UUID
    kind: IntentKind
    body: Json
    actor: Actor
    asked_at: datetime
    now: datetime


# Carries out one intent in the caller's transaction; returns what that asks for in its turn.
Doing = Callable[[Deed], Sequence[Wanted]]
_doings: dict[IntentKind, Doing] = {}


def does(kind: IntentKind) -> Callable[[Doing], Doing]:
    """Register the function that carries out intents of this kind. It takes locks in the order of the house."""

    def register(doing: Doing) -> Doing:
        _doings[kind] = doing
        return doing

    return register


def intend(company_id: UUID, actor: Actor, wanted: Sequence[Wanted], *, now: datetime) -> None:
    """Write the intents in the caller's transaction, and carry each out once it commits. One statement, or none.

    What one of them raises is logged and keeps none of the others back.
    """
    if not wanted:
        return
    asked_by = _written(actor)
    keys = sorted(uuid7() for _ in wanted)
    Intent.objects.bulk_create(
        Intent(id=key, company_id=company_id, kind=one.kind.value, body=one.body, actor=asked_by)
        for key, one in zip(keys, wanted, strict=True)
    )
    for key in keys:
        after_commit.call(carry_out, key, now)


def carry_out(intent_id: UUID, now: datetime) -> bool:
    """Do one intent in a transaction of its own; False: somebody else did. If it raises, the intent still stands."""
    with transaction.atomic():
        deed = _take(intent_id, now)
        if deed is None:
            return False
        intend(deed.company_id, deed.actor, _doings[deed.kind](deed), now=now)
    return True


def overdue_intents(now: datetime, after: UUID | None, limit: int) -> Sequence[UUID]:
    """The keys of intents that nobody carried out in time, after this key, in order: what a sweep is to do."""
    overdue = Intent.objects.filter(asked_at__lte=now - GRACE, **({"pk__gt": after} if after else {}))
    return list(overdue.order_by("pk").values_list("pk", flat=True)[:limit])


def _take(intent_id: UUID, now: datetime) -> Deed | None:
    """Remove the row and hold its place: whoever else wants it waits, and finds it gone unless this rolls back."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [intent_id])
        row = cursor.fetchone()
    if row is None:
        return None
    company_id, kind, body, actor, asked_at = row
    return Deed(company_id, IntentKind(kind), body, _read(actor), asked_at, now)


def _written(actor: Actor) -> dict[str, Any]:
    return {
        "source": actor.source.value,
        "userId": actor.user_id,
        "agentId": actor.agent_id,
        "runId": actor.run_id,
        "name": actor.name,
    }


def _read(written: Json) -> Actor:
    """Who asked, as the logs name it; what it may see and change was settled before."""
    user_id, agent_id, run_id = (UUID(written[key]) if written[key] else None for key in ("userId", "agentId", "runId"))
    return Actor(
        source=ActorSource(written["source"]), user_id=user_id, agent_id=agent_id, run_id=run_id, name=written["name"]
    )
