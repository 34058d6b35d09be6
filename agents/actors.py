"""Who is acting: resolved once at the edge, carried as a plain value, recorded wherever something was done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from agents.vocabulary import ActorType


class ActorSource(StrEnum):
    """How the caller proved who it is."""

    SESSION = "session"
    BOARD_KEY = "board_key"
    AGENT_KEY = "agent_key"
    AGENT_JWT = "agent_jwt"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """One acting party: an agent (`agent_id`), a person (`user_id`) or the system (neither).

    `company_ids` are the companies it may see (a person's active memberships; an agent's one); `writable_company_ids`
    those it may change; an instance admin may everything. `run_id` is the run it speaks for, checked to be its own.
    """

    source: ActorSource
    user_id: UUID | None = None
    agent_id: UUID | None = None
    company_ids: frozenset[UUID] = frozenset()
    writable_company_ids: frozenset[UUID] = frozenset()
    is_instance_admin: bool = False
    run_id: UUID | None = None
    run_epoch: int | None = None
    key_id: UUID | None = None
    name: str = ""

    @property
    def type(self) -> ActorType:
        """The word that the activity log uses."""
        if self.agent_id:
            return ActorType.AGENT
        return ActorType.USER if self.user_id else ActorType.SYSTEM

    @property
    def id(self) -> str:
        """The id that the activity log uses."""
        return str(self.agent_id or self.user_id or self.name or "system")

    @property
    def is_agent(self) -> bool:
        """Whether an agent acts, by key or by run token."""
        return self.agent_id is not None

    @property
    def is_board(self) -> bool:
        """Whether a person acts, by session or by board key."""
        return self.user_id is not None and self.agent_id is None

    def sees(self, company_id: UUID) -> bool:
        """Whether this company exists for the caller at all."""
        return self.is_instance_admin or company_id in self.company_ids

    def changes(self, company_id: UUID) -> bool:
        """Whether the caller may write in this company (viewers may not)."""
        return self.is_instance_admin or company_id in self.writable_company_ids


def system(name: str = "system") -> Actor:
    """The actor of sweeps, schedulers and recovery."""
    return Actor(source=ActorSource.SYSTEM, name=name)
