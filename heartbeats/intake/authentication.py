"""Who calls the agent API (spec/1 B). Every refusal is the same 401, whatever its cause.

`StrictAgentAuthentication` is for every endpoint but one. An agent in presence `error` may do nothing but send a
heartbeat, or it could never recover: that endpoint alone uses `admit_for_heartbeat_recovery`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import Q
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from agents.actors import Actor, ActorSource
from agents.api.authentication import Credential, bearer_actor, bearer_of
from agents.credentials import LOCKED_OUT, TOUCH_EVERY
from agents.key_material import hash_key
from agents.models import Agent
from agents.vocabulary import Presence
from config.common.clock import utc_now
from config.common.wire.errors import Unauthorized
from heartbeats.intake.hints import HINTS

SEEN_EVERY = timedelta(seconds=5)
SHOWN_OF_TOKEN = 10

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# The key, its agent under lock, and the hints for the answer: everything that a heartbeat reads, in one statement.
_ADMIT = f"""
select k.id, k.last_used_at, a.id, a.company_id, a.name, a.presence, a.last_seen_at, {HINTS}
from agents_agentkey k join agents_agent a on a.id = k.agent_id and a.company_id = k.company_id
where k.key_hash = %(key_hash)s and k.revoked_at is null and a.status <> all(%(locked_out)s)
for no key update of a
"""  # noqa: S608 - no value of a request is in it


@dataclass(frozen=True, slots=True)
class AdmittedAgent:
    """The caller of a heartbeat, its row locked. Columns are as under the lock, hints as of the statement's start."""

    key_id: UUID
    key_used_at: datetime | None
    agent_id: UUID
    company_id: UUID
    name: str
    presence: Presence
    last_seen_at: datetime | None
    critical_waits: bool
    lost_run_ids: tuple[UUID, ...]

    @property
    def actor(self) -> Actor:
        """The agent as the one who acts."""
        world = frozenset({self.company_id})
        return Actor(
            source=ActorSource.AGENT_KEY,
            agent_id=self.agent_id,
            company_ids=world,
            writable_company_ids=world,
            key_id=self.key_id,
            name=self.name,
        )


class StrictAgentAuthentication(BaseAuthentication):
    """An agent by its key or its run token; 401 for nobody, people, and agents in presence `error`."""

    def authenticate(self, request: Request) -> tuple[Actor, Credential]:
        """The agent; notes that it was seen."""
        token = bearer_of(request)
        if token is None:
            raise Unauthorized
        now = utc_now()
        actor, credential = bearer_actor(token, now=now)
        if credential.agent is None or credential.agent.presence == Presence.ERROR:
            raise Unauthorized
        note_seen(credential.agent, now=now)
        return actor, credential

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """What a 401 asks for."""
        return "Bearer"


def admit_for_heartbeat_recovery(token: str | None, *, now: datetime) -> AdmittedAgent:
    """The agent of this key, also one in presence `error`, with its row locked. Raises Unauthorized.

    For `POST heartbeat` only, inside its transaction. An agent that was deleted while we waited for its lock is a 401
    like any other, and is logged.
    """
    if token is None:
        raise Unauthorized
    values: dict[str, Any] = {
        "key_hash": hash_key(token),
        "locked_out": [status.value for status in LOCKED_OUT],
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADMIT, values)
        row = cursor.fetchone()
    if row is None:
        log.info("heartbeat_refused", key_prefix=token[:SHOWN_OF_TOKEN])
        raise Unauthorized
    *plain, presence, last_seen_at, critical, lost = row
    key_id, key_used_at, agent_id, company_id, name = plain
    return AdmittedAgent(
        key_id, key_used_at, agent_id, company_id, name, Presence(presence), last_seen_at, critical, tuple(lost or ())
    )


def note_seen(agent: Agent, *, now: datetime) -> bool:
    """Move `last_seen_at`, at most every five seconds; True when it was written."""
    if not is_stale(agent.last_seen_at, SEEN_EVERY, now=now):
        return False
    older = Q(last_seen_at__isnull=True) | Q(last_seen_at__lt=now)
    return Agent.objects.filter(older, id=agent.id).update(last_seen_at=now) == 1


def is_stale(moment: datetime | None, after: timedelta, *, now: datetime) -> bool:
    """Whether a noted moment is old enough to be written again."""
    return moment is None or now - moment >= after


def key_is_stale(caller: AdmittedAgent, *, now: datetime) -> bool:
    """Whether the key's last use is to be noted again (once a minute)."""
    return is_stale(caller.key_used_at, TOUCH_EVERY, now=now)
