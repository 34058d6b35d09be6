"""`/companies/:id/agents` and `/agents/:id`: who works, and how they are set up (spec/4 2)."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import (
    agent_for,
    chain_of_command,
    company_for,
    may_configure,
    may_configure_all,
    require_agent_creation,
    require_company_write,
    require_configuration,
)
from agents.actors import Actor
from agents.api.base import ActorView
from agents.api.describing import OBJECT, OBJECTS, OK, answers
from agents.api.permissions import IsAgent
from agents.api.shapes.agents import (
    AgentChangesBody,
    AgentDetailShape,
    AgentShape,
    HireBody,
    NewAgentBody,
    RevisionShape,
    RightsBody,
    agent_detail,
    configuration_shape,
    org_tree,
)
from agents.api.shapes.approvals import ApprovalShape
from agents.config_history import revision_of, revisions_of
from agents.configuration import create_agent, delete_agent, roll_back, update_agent
from agents.grants import access_of, set_permissions
from agents.hiring import hire_agent
from agents.models import Agent
from agents.vocabulary import AgentStatus
from config.common.wire.errors import BadRequest, Unprocessable
from config.common.wire.pages import MOST_ROWS, Page, list_response

RIGHTS_ROUTE = "Use PATCH /api/agents/:id/permissions to change permissions"


class CompanyAgents(ActorView):
    """The agents of a company."""

    @answers(AgentShape, many=True)
    def get(self, request: Request, company_id: str) -> Response:
        """All but terminated ones, by name. Takes no query parameters."""
        company = company_for(self.actor, company_id)
        if request.query_params:
            raise BadRequest("Unknown query parameters: " + ", ".join(sorted(request.query_params)))
        rows = Agent.objects.filter(company=company).exclude(status=AgentStatus.TERMINATED).order_by("name", "id")
        shown = {"configs": may_configure_all(self.actor, company.id)}
        return list_response(
            request, Page(MOST_ROWS).cut(rows), lambda cut: AgentShape(cut, many=True, context=shown).data
        )

    @answers(AgentShape, body=NewAgentBody, status=201)
    def post(self, _request: Request, company_id: str) -> Response:
        """Create an agent at once."""
        company = company_for(self.actor, company_id, write=True)
        require_agent_creation(self.actor, company.id)
        fields = self.body(NewAgentBody)

        def create() -> Response:
            agent = create_agent(self.actor, company.id, fields, now=self.now)
            return Response(AgentShape(agent).data, status=201)

        return self.once(company.id, create)


class AgentHires(ActorView):
    """Agents that the board may have to approve."""

    @answers(OBJECT, body=HireBody, status=201)
    def post(self, _request: Request, company_id: str) -> Response:
        """Hire: at once, or pending with an approval."""
        company = company_for(self.actor, company_id, write=True)
        require_agent_creation(self.actor, company.id)
        fields = self.body(HireBody)

        def hire() -> Response:
            hired = hire_agent(self.actor, company.id, fields, now=self.now)
            approval = ApprovalShape(hired.approval).data if hired.approval else None
            return Response({"agent": AgentShape(hired.agent).data, "approval": approval}, status=201)

        return self.once(company.id, hire)


class Me(ActorView):
    """The calling agent."""

    permission_classes = (IsAgent,)

    @answers(AgentDetailShape)
    def get(self, request: Request) -> Response:
        """Itself in full."""
        credential: Any = request.auth
        agent: Agent = credential.agent
        return Response(agent_detail(agent, chain_of_command(agent.id), access_of(agent), configs=True))


class AgentDetail(ActorView):
    """One agent."""

    @answers(AgentDetailShape)
    def get(self, _request: Request, ref: str) -> Response:
        """The agent with its superiors and rights."""
        return Response(_detail(self.actor, agent_for(self.actor, ref, self.company_ref)))

    @answers(AgentShape, body=AgentChangesBody)
    def patch(self, _request: Request, ref: str) -> Response:
        """Change it."""
        agent = agent_for(self.actor, ref, self.company_ref, write=True)
        require_configuration(self.actor, agent)
        changes = self.body(AgentChangesBody)
        if "permissions" in changes:
            raise Unprocessable(RIGHTS_ROUTE)
        replace = changes.pop("replace_adapter_config", False)
        agent = update_agent(self.actor, agent.id, changes, now=self.now, replace_adapter_config=replace)
        return Response(AgentShape(agent).data)

    @answers(OK)
    def delete(self, _request: Request, ref: str) -> Response:
        """Terminate and delete it."""
        delete_agent(self.board_only(), ref, now=self.now, company_ref=self.company_ref)
        return Response({"ok": True})


class AgentRights(ActorView):
    """`PATCH /agents/:id/permissions`."""

    @answers(AgentDetailShape, body=RightsBody)
    def patch(self, _request: Request, ref: str) -> Response:
        """Set both rights."""
        agent = agent_for(self.actor, ref, self.company_ref, write=True)
        require_company_write(self.actor, agent.company_id)
        rights = self.body(RightsBody)
        return Response(_detail(self.actor, set_permissions(self.actor, agent.id, **rights)))


class AgentConfiguration(ActorView):
    """`GET /agents/:id/configuration`."""

    @answers(OBJECT)
    def get(self, _request: Request, ref: str) -> Response:
        """The configuration, secrets masked."""
        agent = agent_for(self.actor, ref, self.company_ref)
        require_configuration(self.actor, agent)
        return Response(configuration_shape(agent))


class ConfigRevisions(ActorView):
    """The history of a configuration."""

    @answers(RevisionShape, many=True)
    def get(self, _request: Request, ref: str) -> Response:
        """Newest first."""
        agent = agent_for(self.actor, ref, self.company_ref)
        return Response(RevisionShape(revisions_of(self.actor, agent), many=True).data)


class ConfigRevisionDetail(ActorView):
    """One change."""

    @answers(RevisionShape)
    def get(self, _request: Request, ref: str, revision: str) -> Response:
        """Before and after."""
        agent = agent_for(self.actor, ref, self.company_ref)
        return Response(RevisionShape(revision_of(self.actor, agent, revision)).data)


class ConfigRollback(ActorView):
    """`POST /agents/:id/config-revisions/:rid/rollback`."""

    @answers(AgentShape)
    def post(self, _request: Request, ref: str, revision: str) -> Response:
        """Bring the configuration of that revision back."""
        agent = agent_for(self.actor, ref, self.company_ref, write=True)
        require_configuration(self.actor, agent)
        return Response(AgentShape(roll_back(self.actor, agent.id, revision, now=self.now)).data)


class Organisation(ActorView):
    """`GET /companies/:id/org`."""

    @answers(OBJECTS)
    def get(self, _request: Request, company_id: str) -> Response:
        """Who reports to whom."""
        company = company_for(self.actor, company_id)
        rows = Agent.objects.filter(company=company).exclude(status=AgentStatus.TERMINATED).order_by("name", "id")
        return Response(org_tree(list(rows)))


def _detail(actor: Actor, agent: Agent) -> dict[str, Any]:
    configs = may_configure(actor, agent)
    return agent_detail(agent, chain_of_command(agent.id), access_of(agent), configs=configs)
