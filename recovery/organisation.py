"""Who reports to whom, and who could take something on: the part of a company that choosing an owner needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from agents.vocabulary import AgentRole

Ref = UUID | str


@dataclass(frozen=True)
class AgentNode:
    """One agent of the company. `within_budget` is False under a hard stop of the agent or the company."""

    agent_id: Ref
    role: str = AgentRole.GENERAL
    manager_id: Ref | None = None
    invokable: bool = True
    within_budget: bool = True

    @property
    def able(self) -> bool:
        """Whether it can be woken for new work now."""
        return self.invokable and self.within_budget


class Organisation:
    """The agents of one company, in a fixed order (oldest first) that breaks ties."""

    def __init__(self, agents: Iterable[AgentNode]) -> None:
        self._agents: Mapping[Ref, AgentNode] = {agent.agent_id: agent for agent in agents}

    def __iter__(self) -> Iterator[AgentNode]:
        return iter(self._agents.values())

    def find(self, agent_id: Ref | None) -> AgentNode | None:
        """The agent, or None when there is none or it is of another company."""
        return None if agent_id is None else self._agents.get(agent_id)

    def manager_of(self, agent_id: Ref | None) -> AgentNode | None:
        """The direct manager of an agent of this company, or None."""
        agent = self.find(agent_id)
        return None if agent is None else self.find(agent.manager_id)

    def managers_above(self, agent_id: Ref | None) -> list[AgentNode]:
        """The reporting chain, nearest first, without the agent itself. A loop in it ends the chain."""
        chain: dict[Ref, AgentNode] = {}
        manager = self.manager_of(agent_id)
        while manager is not None and manager.agent_id not in chain and manager.agent_id != agent_id:
            chain[manager.agent_id] = manager
            manager = self.manager_of(manager.agent_id)
        return list(chain.values())

    def with_role(self, role: AgentRole) -> list[AgentNode]:
        """All agents of that role."""
        return [agent for agent in self if agent.role == role]

    def roots(self) -> list[AgentNode]:
        """The agents that report to nobody known."""
        return [agent for agent in self if self.find(agent.manager_id) is None]


def distinct(agents: Iterable[AgentNode | None]) -> tuple[AgentNode, ...]:
    """The agents in order, each once, gaps left out."""
    return tuple({agent.agent_id: agent for agent in agents if agent is not None}.values())


def first_able(order: Iterable[AgentNode]) -> AgentNode | None:
    """The first that is invokable and has budget, or None: then only the operator is left to ask."""
    return next((agent for agent in order if agent.able), None)
