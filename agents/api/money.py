"""Costs and budgets (spec/4 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from agents import costs
from agents.access import agent_for, company_for
from agents.api.base import ActorView
from agents.api.describing import OBJECT, OBJECTS, answers
from agents.api.shapes.agents import AgentShape
from agents.api.shapes.companies import CompanyShape
from agents.api.shapes.money import CostShape, IncidentBody, MonthlyBudgetBody, NewCostBody, PeriodQuery, PolicyBody
from agents.budgets.incidents import keep_paused, raise_and_resume
from agents.budgets.policies import set_monthly_budget, upsert_policy
from agents.budgets.spending import NewCost, record_cost_event
from agents.budgets.summaries import incident_rows, overview, policy_summaries
from agents.cost_links import checked_links
from agents.models import Agent, Company
from agents.vocabulary import BudgetScope
from config.common.wire.errors import Forbidden

OWN_COSTS_ONLY = "Agent can only report its own costs"


class CostEvents(ActorView):
    """`POST /companies/:id/cost-events`."""

    @answers(CostShape, body=NewCostBody, status=201)
    def post(self, _request: Request, company_id: str) -> Response:
        """Report usage."""
        company = company_for(self.actor, company_id, write=True)
        fields = self.body(NewCostBody)
        if self.actor.is_agent and fields["agent_id"] != self.actor.agent_id:
            raise Forbidden(OWN_COSTS_ONLY)

        def record() -> Response:
            cost = NewCost(company_id=company.id, **checked_links(company.id, fields))
            event = record_cost_event(self.actor, cost, now=self.now)
            return Response(CostShape(event).data, status=201)

        return self.once(company.id, record)


class CostSummary(ActorView):
    """`GET /companies/:id/costs/summary`."""

    @answers(OBJECT, query=PeriodQuery)
    def get(self, _request: Request, company_id: str) -> Response:
        """This month, or `from` and `to`."""
        company = company_for(self.actor, company_id)
        return Response(costs.summary(company, costs.Period(**self.query(PeriodQuery)), now=self.now))


class CostBreakdown(ActorView):
    """One way to break spending down."""

    rows: ClassVar[Callable[..., list[dict[str, Any]]]]

    @answers(OBJECTS, query=PeriodQuery)
    def get(self, _request: Request, company_id: str) -> Response:
        """Dearest first."""
        company = company_for(self.actor, company_id)
        return Response(type(self).rows(company.id, costs.Period(**self.query(PeriodQuery))))


class CostsByAgent(CostBreakdown):
    """`by-agent`."""

    rows = staticmethod(costs.by_agent)


class CostsByAgentModel(CostBreakdown):
    """`by-agent-model`."""

    rows = staticmethod(costs.by_agent_model)


class CostsByProvider(CostBreakdown):
    """`by-provider`."""

    rows = staticmethod(costs.by_provider)


class CostsByBiller(CostBreakdown):
    """`by-biller`."""

    rows = staticmethod(costs.by_biller)


class CostsByProject(CostBreakdown):
    """`by-project`."""

    rows = staticmethod(costs.by_project)


class WindowSpend(ActorView):
    """`window-spend`."""

    @answers(OBJECTS)
    def get(self, _request: Request, company_id: str) -> Response:
        """The last 5 hours, 24 hours and 7 days."""
        return Response(costs.window_spend(company_for(self.actor, company_id).id, now=self.now))


class QuotaWindows(ActorView):
    """`quota-windows`: what providers say of their quotas. Everbeat asks no provider, so it knows of none."""

    @answers(OBJECTS)
    def get(self, _request: Request, company_id: str) -> Response:
        """Always empty."""
        company_for(self.board_only(), company_id)
        return Response([])


class BudgetOverview(ActorView):
    """`GET /companies/:id/budgets/overview`."""

    @answers(OBJECT)
    def get(self, _request: Request, company_id: str) -> Response:
        """Every policy and what is open."""
        return Response(overview(company_for(self.actor, company_id), now=self.now))


class BudgetPolicies(ActorView):
    """`POST /companies/:id/budgets/policies`."""

    @answers(OBJECT, body=PolicyBody)
    def post(self, _request: Request, company_id: str) -> Response:
        """Set a limit."""
        company = company_for(self.board_only(), company_id, write=True)
        fields = self.body(PolicyBody)

        def upsert() -> Response:
            policy = upsert_policy(self.actor, company.id, fields, now=self.now)
            return Response(policy_summaries(company, now=self.now, only=policy.id)[0])

        return self.once(company.id, upsert)


class ResolveIncident(ActorView):
    """`POST /companies/:id/budget-incidents/:id/resolve`."""

    @answers(OBJECT, body=IncidentBody)
    def post(self, _request: Request, company_id: str, incident: str) -> Response:
        """Keep the scope stopped, or raise its budget."""
        company = company_for(self.board_only(), company_id, write=True)
        fields = self.body(IncidentBody)
        note, ref = fields["decision_note"], str(company.id)
        if fields["action"] == "keep_paused":
            done = keep_paused(self.actor, ref, incident, note, now=self.now)
        else:
            done = raise_and_resume(self.actor, ref, incident, fields["amount"], note, now=self.now)
        return Response(incident_rows(company.id, only=done.id)[0])


class CompanyBudget(ActorView):
    """`PATCH /companies/:id/budgets`."""

    @answers(CompanyShape, body=MonthlyBudgetBody)
    def patch(self, _request: Request, company_id: str) -> Response:
        """Set the company's monthly limit."""
        company = company_for(self.board_only(), company_id, write=True)
        amount = self.body(MonthlyBudgetBody)["budget_monthly_cents"]
        set_monthly_budget(self.actor, company.id, BudgetScope.COMPANY, company.id, amount, now=self.now)
        return Response(CompanyShape(Company.objects.get(id=company.id)).data)


class AgentBudget(ActorView):
    """`PATCH /agents/:id/budgets`."""

    @answers(AgentShape, body=MonthlyBudgetBody)
    def patch(self, _request: Request, ref: str) -> Response:
        """Set the agent's monthly limit."""
        agent = agent_for(self.board_only(), ref, self.company_ref, write=True)
        amount = self.body(MonthlyBudgetBody)["budget_monthly_cents"]
        set_monthly_budget(self.actor, agent.company_id, BudgetScope.AGENT, agent.id, amount, now=self.now)
        return Response(AgentShape(Agent.objects.get(id=agent.id)).data)
