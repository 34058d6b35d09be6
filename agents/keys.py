"""Making and revoking bearer keys. The token is in the verb's answer and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.access import agent_for, locked_agent_for, uuid_or_404
from agents.actors import Actor
from agents.credentials import LOCKED_OUT
from agents.journal import activity, log_activity
from agents.key_material import new_agent_key, new_board_key
from agents.models import AgentKey, BoardKey, User
from config.common.wire.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key of an agent with its token, which is shown this once."""

    key: AgentKey
    token: str


@dataclass(frozen=True, slots=True)
class IssuedBoardKey:
    """A new key of a person with its token, which is shown this once."""

    key: BoardKey
    token: str


def issue_agent_key(actor: Actor, ref: UUID | str, name: str, *, company_ref: str | None = None) -> IssuedKey:
    """A new key, logged. 409 for an agent that is terminated or waits for approval. Locks the agent."""
    with transaction.atomic():
        agent = locked_agent_for(actor, ref, company_ref)
        if agent.status in LOCKED_OUT:
            raise Conflict(f"Cannot create keys for {agent.status.replace('_', ' ')} agents")
        new = new_agent_key()
        key = AgentKey.objects.create(
            company_id=agent.company_id, agent=agent, name=name, prefix=new.prefix, key_hash=new.key_hash
        )
        _log(actor, key, "agent.key_created")
    return IssuedKey(key, new.token)


def agent_keys(actor: Actor, ref: UUID | str, *, company_ref: str | None = None) -> list[AgentKey]:
    """Every key of the agent, revoked ones too, newest first."""
    return list(AgentKey.objects.filter(agent=agent_for(actor, ref, company_ref)))


def revoke_agent_key(
    actor: Actor, ref: UUID | str, key_ref: str, *, now: datetime, company_ref: str | None = None
) -> bool:
    """Revoke a key of this agent, logged; False if it was revoked already, 404 if it is another agent's."""
    with transaction.atomic():
        agent = locked_agent_for(actor, ref, company_ref)
        key = AgentKey.objects.filter(agent=agent, id=uuid_or_404(key_ref, "Key")).first()
        if key is None:
            raise NotFound.of("Key")
        revoked = AgentKey.objects.filter(id=key.id, revoked_at__isnull=True).update(revoked_at=now, updated_at=now)
        if revoked:
            _log(actor, key, "agent.key_revoked")
    return revoked == 1


def issue_board_key(user: User, name: str) -> IssuedBoardKey:
    """A new key that acts as this person."""
    new = new_board_key()
    key = BoardKey.objects.create(user=user, name=name, prefix=new.prefix, key_hash=new.key_hash)
    return IssuedBoardKey(key, new.token)


def revoke_board_key(key_id: UUID, *, now: datetime) -> bool:
    """Revoke one key of a person; False if it was revoked already. The caller has checked whose it is."""
    living = BoardKey.objects.filter(id=key_id, revoked_at__isnull=True)
    return living.update(revoked_at=now, updated_at=now) == 1


def revoke_board_keys(user: User, *, now: datetime) -> int:
    """Revoke every living key of this person; returns how many."""
    return BoardKey.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=now, updated_at=now)


def _log(actor: Actor, key: AgentKey, action: str) -> None:
    details = {"keyId": str(key.id), "name": key.name}
    log_activity(activity(actor, key.company_id, action, entity_type="agent", entity_id=key.agent_id, details=details))
