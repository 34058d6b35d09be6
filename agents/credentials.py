"""Who a bearer token is: one statement on a unique hash. Nothing is cached, so revoking acts at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet

from agents.actors import Actor, ActorSource
from agents.models import Agent, AgentKey, BoardKey, Member, User
from agents.vocabulary import AgentStatus, MemberRole

TOUCH_EVERY = timedelta(seconds=60)
LOCKED_OUT = frozenset({AgentStatus.TERMINATED, AgentStatus.PENDING_APPROVAL})

_BOARD_KEY = """
select k.id, k.last_used_at, u.id, u.username, u.is_superuser,
       (select coalesce(json_agg(json_build_array(m.company_id, m.role)), '[]')
        from agents_member m where m.user_id = u.id and m.is_active)
from agents_boardkey k join agents_user u on u.id = k.user_id
where k.key_hash = %s and k.revoked_at is null and u.is_active
"""


def agent_key_of(key_hash: str) -> AgentKey | None:
    """The key with its agent and company, unless revoked or its agent is terminated or pending. One statement."""
    rows = AgentKey.objects.select_related("agent__company").filter(
        key_hash=key_hash, revoked_at__isnull=True, agent__company_id=F("company_id")
    )
    return rows.exclude(agent__status__in=LOCKED_OUT).first()


def board_actor(key_hash: str, *, now: datetime) -> Actor | None:
    """The person behind a board key as an actor, unless the key is revoked or the person disabled; touches the key.

    One statement: every request of a command line and of a script begins with it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BOARD_KEY, [key_hash])
        row = cursor.fetchone()
    if row is None:
        return None
    key_id, used_at, user_id, name, is_admin, places = row
    _touch(BoardKey.objects.filter(id=key_id), used_at, now=now)
    return Actor(
        source=ActorSource.BOARD_KEY,
        user_id=user_id,
        company_ids=frozenset(UUID(company_id) for company_id, _ in places),
        writable_company_ids=frozenset(UUID(company_id) for company_id, role in places if role != MemberRole.VIEWER),
        is_instance_admin=is_admin,
        key_id=key_id,
        name=name,
    )


def agent_by_id(agent_id: UUID, company_id: UUID) -> Agent | None:
    """The agent of a run token with its company, unless it is terminated or pending. One statement."""
    rows = Agent.objects.select_related("company").filter(id=agent_id, company_id=company_id)
    return rows.exclude(status__in=LOCKED_OUT).first()


def touch(key: AgentKey, *, now: datetime) -> bool:
    """Note that the key was used, at most once a minute; True when it was written. Costs nothing in between."""
    return _touch(AgentKey.objects.filter(id=key.id), key.last_used_at, now=now)


def _touch(key: QuerySet[AgentKey] | QuerySet[BoardKey], used_at: datetime | None, *, now: datetime) -> bool:
    if used_at is not None and now - used_at < TOUCH_EVERY:
        return False
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - TOUCH_EVERY)
    return key.filter(stale).update(last_used_at=now) == 1


def agent_actor(agent: Agent, source: ActorSource, *, key_id: UUID | None = None) -> Actor:
    """The agent as an actor: its own company is its world."""
    world = frozenset({agent.company_id})
    return Actor(
        source=source,
        agent_id=agent.id,
        company_ids=world,
        writable_company_ids=world,
        key_id=key_id,
        name=agent.name,
    )


def user_actor(user: User, source: ActorSource, *, key_id: UUID | None = None) -> Actor:
    """The person as an actor, with the companies of its active memberships. One statement."""
    places = list(Member.objects.filter(user=user, is_active=True).values_list("company_id", "role"))
    return Actor(
        source=source,
        user_id=user.id,
        company_ids=frozenset(company_id for company_id, _ in places),
        writable_company_ids=frozenset(company_id for company_id, role in places if role != MemberRole.VIEWER),
        is_instance_admin=user.is_superuser,
        key_id=key_id,
        name=user.get_username(),
    )
