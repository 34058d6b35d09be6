"""The rights of agents: the flag `canCreateAgents`, and grants given one by one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from agents.access import acting_agent, leads, locked_agent_for
from agents.actors import Actor
from agents.journal import activity, log_activity
from agents.models import Agent, AgentGrant
from agents.vocabulary import AgentRole, Permission
from config.common.wire.errors import Forbidden


class AssignSource(StrEnum):
    """Why an agent may assign tasks, or that it may not."""

    EXPLICIT_GRANT = "explicit_grant"
    AGENT_CREATOR = "agent_creator"
    CEO_ROLE = "ceo_role"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Access:
    """What an agent may do beyond its own work."""

    can_assign_tasks: bool
    task_assign_source: AssignSource
    grants: tuple[str, ...]


def access_of(agent: Agent) -> Access:
    """The agent's rights. One statement."""
    grants = tuple(AgentGrant.objects.filter(agent=agent).order_by("permission").values_list("permission", flat=True))
    source = _assign_source(agent, grants)
    return Access(source is not AssignSource.NONE, source, grants)


def _assign_source(agent: Agent, grants: tuple[str, ...]) -> AssignSource:
    if agent.role == AgentRole.CEO:
        return AssignSource.CEO_ROLE
    if agent.can_create_agents:
        return AssignSource.AGENT_CREATOR
    return AssignSource.EXPLICIT_GRANT if Permission.TASKS_ASSIGN in grants else AssignSource.NONE


def give(agent_id: UUID, company_id: UUID, permission: Permission) -> None:
    """Grant one right; repeating changes nothing."""
    row = AgentGrant(agent_id=agent_id, company_id=company_id, permission=permission)
    AgentGrant.objects.bulk_create([row], ignore_conflicts=True)


def take(agent_id: UUID, permission: Permission) -> None:
    """Withdraw one right, if it was given."""
    AgentGrant.objects.filter(agent_id=agent_id, permission=permission).delete()


def set_permissions(
    actor: Actor, ref: UUID | str, *, can_create_agents: bool, can_assign_tasks: bool, company_ref: str | None = None
) -> Agent:
    """Set both rights of an agent, logged. People who write and CEO agents only (403). Locks the agent."""
    with transaction.atomic():
        agent = locked_agent_for(actor, ref, company_ref)
        _require_right_giver(actor)
        Agent.objects.filter(id=agent.id).update(can_create_agents=can_create_agents)
        agent.can_create_agents = can_create_agents
        if can_assign_tasks:
            give(agent.id, agent.company_id, Permission.TASKS_ASSIGN)
        else:
            take(agent.id, Permission.TASKS_ASSIGN)
        details = {"canCreateAgents": can_create_agents, "canAssignTasks": can_assign_tasks}
        log_activity(
            activity(
                actor,
                agent.company_id,
                "agent.permissions_updated",
                entity_type="agent",
                entity_id=agent.id,
                details=details,
            )
        )
    return agent


def _require_right_giver(actor: Actor) -> None:
    me = acting_agent(actor)
    if me is not None and me.role != AgentRole.CEO:
        raise Forbidden("Only the board or the CEO can change permissions")


def leads_company(actor: Actor) -> bool:
    """Whether the caller is a person, or an agent that leads by its place."""
    me = acting_agent(actor)
    return actor.is_board if me is None else leads(me)
