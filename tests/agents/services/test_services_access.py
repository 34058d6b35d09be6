"""Loading with authorisation, the chain of command, and what an announcement's listener may do."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from agents import access, lifecycle
from agents.actors import ActorSource
from agents.announcements import AgentStopped, agent_paused
from agents.credentials import agent_actor, user_actor
from agents.models import ActivityEvent, Agent, AgentGrant
from agents.vocabulary import AgentRole, MemberRole, Permission
from config.common.clock import utc_now
from config.common.wire.errors import Forbidden, NotFound
from tests.factories.agents import AgentFactory, CompanyFactory, MemberFactory

pytestmark = pytest.mark.django_db


def line_of(length: int, company: Any) -> list[Agent]:
    """Agents of which each reports to the next."""
    boss: Agent | None = None
    line: list[Agent] = []
    for _ in range(length):
        boss = AgentFactory(company=company, reports_to=boss)
        line.append(boss)
    return line[::-1]


def test_the_chain_of_command_is_nearest_first_in_one_statement(django_assert_num_queries: Any) -> None:
    me, *above = line_of(4, CompanyFactory())
    with django_assert_num_queries(1):
        chain = access.chain_of_command(me.id)
    assert [step.id for step in chain] == [boss.id for boss in above]
    assert access.manages(above[-1].id, me.id)
    assert not access.manages(me.id, above[0].id)


def test_the_chain_ends_after_fifty_levels() -> None:
    me = line_of(60, CompanyFactory())[0]
    assert len(access.chain_of_command(me.id)) == 50


def test_a_loop_ends_the_chain() -> None:
    me, boss, top = line_of(3, CompanyFactory())
    Agent.objects.filter(id=top.id).update(reports_to=me)
    assert [step.id for step in access.chain_of_command(me.id)] == [boss.id, top.id]


def test_a_manager_of_another_company_is_not_in_the_chain() -> None:
    me = AgentFactory(reports_to=AgentFactory())
    assert access.chain_of_command(me.id) == []


def test_who_may_assign_tasks() -> None:
    company = CompanyFactory()
    worker, ceo = AgentFactory(company=company), AgentFactory(company=company, role=AgentRole.CEO)
    creator = AgentFactory(company=company, can_create_agents=True)
    viewer = MemberFactory(company=company, role=MemberRole.VIEWER).user
    member = MemberFactory(company=company, role=MemberRole.MEMBER).user

    def may(agent: Agent) -> bool:
        return access.may_assign_tasks(agent_actor(agent, ActorSource.AGENT_KEY), company.id)

    assert [may(agent) for agent in (worker, ceo, creator)] == [False, True, True]
    AgentGrant.objects.create(company=company, agent=worker, permission=Permission.TASKS_ASSIGN)
    assert may(worker)
    assert not access.may_assign_tasks(user_actor(viewer, ActorSource.SESSION), company.id)
    assert access.may_assign_tasks(user_actor(member, ActorSource.SESSION), company.id)
    assert not access.may_assign_tasks(agent_actor(ceo, ActorSource.AGENT_KEY), CompanyFactory().id)


def test_loading_tells_strangers_from_unknowns() -> None:
    agent = AgentFactory()
    mine = agent_actor(agent, ActorSource.AGENT_KEY)
    assert access.agent_for(mine, agent.id).id == agent.id
    with pytest.raises(Forbidden):
        access.agent_for(mine, AgentFactory().id)
    with pytest.raises(NotFound, match="Agent not found"):
        access.agent_for(mine, uuid4())
    with pytest.raises(NotFound, match="Company not found"):
        access.company_for(mine, "nonsense")


def test_what_a_listener_raises_undoes_the_change() -> None:
    agent = AgentFactory()
    actor = user_actor(MemberFactory(company=agent.company).user, ActorSource.SESSION)

    def refuse(news: AgentStopped) -> None:
        raise RuntimeError(news.reason)

    agent_paused.connect(refuse)
    try:
        with pytest.raises(RuntimeError, match="agent pause"), transaction.atomic():
            lifecycle.pause_agent(actor, agent.id, now=utc_now())
    finally:
        agent_paused.disconnect(refuse)
    assert Agent.objects.get(id=agent.id).status == "idle"
    assert not ActivityEvent.objects.exists()
