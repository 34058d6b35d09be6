"""Loading with authorisation, and with the lock where the caller will write: the one way to a company or an agent.

A stranger's company is 403, an unknown one 404. Viewers read and change nothing. Lock order: company, then agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from agents.actors import Actor
from agents.models import Agent, AgentGrant, Company
from agents.vocabulary import AgentRole, AgentStatus, Permission
from config.common.wire.errors import Conflict, Forbidden, NotFound, Unprocessable
from config.common.wire.views import UUID_FORM

MOST_LEVELS = 50
OTHER_COMPANY_AGENT = "Agent key cannot access another company"
OTHER_COMPANY_USER = "User does not have access to this company"
READ_ONLY = "Viewer access is read-only"
MISSING_PERMISSION = "Missing permission: {}"
NOT_MANAGER = "Only the board, the CEO or an agent creator can do this"


@dataclass(frozen=True, slots=True)
class Superior:
    """One step of a chain of command."""

    id: UUID
    name: str
    role: str
    title: str | None


def require_company(actor: Actor, company_id: UUID) -> None:
    """403 unless the caller may read in this company."""
    if not actor.sees(company_id):
        raise Forbidden(OTHER_COMPANY_AGENT if actor.is_agent else OTHER_COMPANY_USER)


def require_company_write(actor: Actor, company_id: UUID) -> None:
    """403 unless the caller may change things in this company."""
    require_company(actor, company_id)
    if not actor.changes(company_id):
        raise Forbidden(READ_ONLY)


def company_for(actor: Actor, ref: UUID | str, *, write: bool = False) -> Company:
    """The company if the caller may read it (or change it). Text that is no id is 404. One statement, no lock."""
    return _company(actor, ref, Company.objects.all(), write=write)


def company_id_for(actor: Actor, ref: UUID | str) -> UUID:
    """The id of a company that the caller may read, without its row: no statement, except for an instance admin.

    Who may read there by membership or as its agent has proved that it exists.
    """
    company_id = uuid_or_404(ref, "Company")
    if company_id not in actor.company_ids:
        return _company(actor, company_id, Company.objects.only("id"), write=False).id
    return company_id


def locked_company_for(actor: Actor, ref: UUID | str) -> Company:
    """As `company_for` to change it, with its row locked until the end of the transaction."""
    return _company(actor, ref, Company.objects.select_for_update(no_key=True), write=True)


def _company(actor: Actor, ref: UUID | str, rows: QuerySet[Company], *, write: bool) -> Company:
    company_id = uuid_or_404(ref, "Company")
    (require_company_write if write else require_company)(actor, company_id)
    company = rows.filter(id=company_id).first()
    if company is None:
        raise NotFound.of("Company")
    return company


def uuid_or_404(ref: UUID | str, thing: str) -> UUID:
    """The id, or the 404 of the thing that it cannot name."""
    if isinstance(ref, UUID):
        return ref
    if not UUID_FORM.fullmatch(ref):
        raise NotFound.of(thing)
    return UUID(ref)


def agent_for(actor: Actor, ref: UUID | str, company_ref: str | None = None, *, write: bool = False) -> Agent:
    """The agent named by id or shortname if the caller may read (or change) in its company. No lock.

    A shortname needs `company_ref` unless the caller is an agent (422); several of that name are 409, none is 404.
    """
    return _agent(actor, Agent.objects.select_related("company"), ref, company_ref, write=write)


def locked_agent_for(actor: Actor, ref: UUID | str, company_ref: str | None = None) -> Agent:
    """As `agent_for` to change it, with the agent's row locked until the end of the transaction."""
    rows = Agent.objects.select_related("company").select_for_update(of=("self",), no_key=True)
    return _agent(actor, rows, ref, company_ref, write=True)


def _agent(actor: Actor, rows: QuerySet[Agent], ref: UUID | str, company_ref: str | None, *, write: bool) -> Agent:
    if isinstance(ref, UUID) or UUID_FORM.fullmatch(ref):
        agent = rows.filter(id=ref).first()
    else:
        agent = _by_shortname(actor, rows, ref, company_ref)
    if agent is None:
        raise NotFound.of("Agent")
    (require_company_write if write else require_company)(actor, agent.company_id)
    return agent


def _by_shortname(actor: Actor, rows: QuerySet[Agent], shortname: str, company_ref: str | None) -> Agent | None:
    company_id = _shortname_company(actor, company_ref)
    require_company(actor, company_id)
    living = rows.filter(company_id=company_id, url_key=shortname.strip().lower())
    found = list(living.exclude(status=AgentStatus.TERMINATED)[:2])
    if len(found) > 1:
        raise Conflict("Agent shortname is ambiguous in this company. Use the agent id.")
    return found[0] if found else None


def _shortname_company(actor: Actor, company_ref: str | None) -> UUID:
    if company_ref:
        if not UUID_FORM.fullmatch(company_ref):
            raise Unprocessable("companyId must be a company id")
        return UUID(company_ref)
    if actor.is_agent:
        return next(iter(actor.company_ids))
    raise Unprocessable("An agent shortname needs the companyId query parameter")


_CHAIN = """
WITH RECURSIVE chain (id, name, role, title, reports_to_id, depth) AS (
    SELECT boss.id, boss.name, boss.role, boss.title, boss.reports_to_id, 1
    FROM agents_agent me JOIN agents_agent boss ON boss.id = me.reports_to_id AND boss.company_id = me.company_id
    WHERE me.id = %s
  UNION ALL
    SELECT boss.id, boss.name, boss.role, boss.title, boss.reports_to_id, chain.depth + 1
    FROM chain JOIN agents_agent boss ON boss.id = chain.reports_to_id
    WHERE chain.depth < %s
) CYCLE id SET looped USING path
SELECT id, name, role, title FROM chain WHERE NOT looped AND id <> %s ORDER BY depth
"""


def chain_of_command(agent_id: UUID) -> list[Superior]:
    """Whom the agent reports to, nearest first, up to 50 levels; a loop ends the chain. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_CHAIN, [agent_id, MOST_LEVELS, agent_id])
        return [Superior(*row) for row in cursor.fetchall()]


def manages(manager_id: UUID, agent_id: UUID) -> bool:
    """Whether the one stands above the other in the chain of command (at most 50 levels)."""
    return any(step.id == manager_id for step in chain_of_command(agent_id))


def acting_agent(actor: Actor) -> Agent | None:
    """The row of the agent that acts; None for people and the system."""
    return Agent.objects.filter(id=actor.agent_id).first() if actor.agent_id else None


def holds_grant(agent_id: UUID, permission: Permission) -> bool:
    """Whether this right was given to the agent explicitly."""
    return AgentGrant.objects.filter(agent_id=agent_id, permission=permission).exists()


def require_agent_creation(actor: Actor, company_id: UUID) -> None:
    """403 unless a person who may write, or an agent that is CEO, agent creator or holds `agents:create`."""
    require_company_write(actor, company_id)
    if not _may_create_agents(actor):
        raise Forbidden(MISSING_PERMISSION.format(Permission.AGENTS_CREATE))


def _may_create_agents(actor: Actor) -> bool:
    me = acting_agent(actor)
    if me is None:
        return actor.is_board
    return leads(me) or holds_grant(me.id, Permission.AGENTS_CREATE)


def leads(agent: Agent) -> bool:
    """Whether the agent manages others by its place: the CEO, and those who may create agents."""
    return agent.role == AgentRole.CEO or agent.can_create_agents


def may_configure(actor: Actor, agent: Agent) -> bool:
    """Whether the caller sees and changes this agent's configuration: people who write, itself, CEO, creators."""
    return (actor.agent_id == agent.id and actor.is_agent) or may_configure_all(actor, agent.company_id)


def may_configure_all(actor: Actor, company_id: UUID) -> bool:
    """Whether the caller sees and changes the configuration of every agent of the company."""
    return actor.changes(company_id) and _may_create_agents(actor)


def require_configuration(actor: Actor, agent: Agent) -> None:
    """403 unless `may_configure`."""
    if not may_configure(actor, agent):
        raise Forbidden(NOT_MANAGER)


def may_assign_tasks(actor: Actor, company_id: UUID) -> bool:
    """Whether the caller may give issues to agents: people who write, CEO, creators, holders of `tasks:assign`."""
    if not actor.changes(company_id):
        return False
    me = acting_agent(actor)
    if me is None:
        return True
    return leads(me) or holds_grant(me.id, Permission.TASKS_ASSIGN)
