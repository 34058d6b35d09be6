"""`/companies`: the tenants (spec/4 1)."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import acting_agent, company_for, require_company_write
from agents.api.base import ActorView
from agents.api.describing import OBJECT, OK, answers, object_of
from agents.api.shapes.companies import BrandingBody, CompanyChangesBody, CompanyShape, NewCompanyBody
from agents.companies import archive_company, create_company, delete_company, update_company
from agents.models import Agent, Company
from agents.overview import issue_counts
from agents.vocabulary import AgentRole, AgentStatus
from config.common.wire.camel import opaque
from config.common.wire.errors import BadRequest, Forbidden
from config.common.wire.pages import list_response, read_page

CEO_ONLY = "Only the board or the CEO can change a company"


class Companies(ActorView):
    """All that the caller sees; founding one is for instance admins."""

    @answers(CompanyShape, many=True)
    def get(self, request: Request) -> Response:
        """An admin sees all, a person its own, an agent the one it works in."""
        rows = Company.objects.order_by("name", "id")
        if not self.actor.is_instance_admin:
            rows = rows.filter(id__in=self.actor.company_ids)
        return list_response(request, read_page(request).cut(rows), lambda cut: CompanyShape(cut, many=True).data)

    @answers(CompanyShape, body=NewCompanyBody, status=201)
    def post(self, _request: Request) -> Response:
        """Found a company."""
        actor = self.admin_only()
        fields = self.body(NewCompanyBody)
        return self.once(
            None, lambda: Response(CompanyShape(create_company(actor, fields, now=self.now)).data, status=201)
        )


class CompanyStats(ActorView):
    """How many agents and issues each company has."""

    @answers(OBJECT)
    def get(self, _request: Request) -> Response:
        """A map by company id."""
        actor = self.board_only()
        rows = Company.objects.all() if actor.is_instance_admin else Company.objects.filter(id__in=actor.company_ids)
        ids = list(rows.order_by("id").values_list("id", flat=True))
        living = Agent.objects.filter(company_id__in=ids).exclude(status=AgentStatus.TERMINATED).order_by()
        agents = dict(living.values_list("company_id").annotate(Count("id")))
        issues = issue_counts(ids)
        return Response(
            opaque({str(id_): {"agentCount": agents.get(id_, 0), "issueCount": issues.get(id_, 0)} for id_ in ids})
        )


class CompanyDetail(ActorView):
    """One company."""

    @answers(CompanyShape)
    def get(self, _request: Request, company_id: str) -> Response:
        """The company."""
        return Response(CompanyShape(company_for(self.actor, company_id)).data)

    @answers(CompanyShape, body=CompanyChangesBody)
    def patch(self, _request: Request, company_id: str) -> Response:
        """Change it: an operator everything, a CEO agent its branding."""
        company = company_for(self.actor, company_id)
        require_company_write(self.actor, company.id)
        changes = self._changes()
        return Response(CompanyShape(update_company(self.actor, company.id, changes, now=self.now)).data)

    @answers(OK)
    def delete(self, _request: Request, company_id: str) -> Response:
        """Delete it with all that is in it."""
        delete_company(self.board_only(), company_id, now=self.now)
        return Response({"ok": True})

    def _changes(self) -> dict[str, Any]:
        me = acting_agent(self.actor)
        if me is None:
            return self.body(CompanyChangesBody)
        if me.role != AgentRole.CEO:
            raise Forbidden(CEO_ONLY)
        return self.body(BrandingBody)


class CompanyArchive(ActorView):
    """`POST /companies/:id/archive`."""

    @answers(CompanyShape)
    def post(self, _request: Request, company_id: str) -> Response:
        """Archive it."""
        return Response(CompanyShape(archive_company(self.board_only(), company_id, now=self.now)).data)


MISSING_COMPANY = object_of("MissingCompany", error={"type": "string"})


class MissingCompanyId(ActorView):
    """`/issues` and `/companies/issues`: a common mistake, answered with what is missing."""

    @answers(MISSING_COMPANY, status=400)
    def get(self, _request: Request) -> Response:
        """Always 400."""
        raise BadRequest("Missing companyId in path. Use /api/companies/{companyId}/issues.")
