"""`/companies/:id/activity`: who did what (spec/4 8)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import company_for
from agents.activity_log import record_activity
from agents.api.base import ActorView
from agents.api.describing import OBJECT, PAGE, answers, or_null, row_of
from agents.models import ActivityEvent
from agents.vocabulary import ActorType
from config.common.wire.camel import opaque, wire_rows
from config.common.wire.fields import TextField, UserJSONField
from config.common.wire.pages import list_response, read_page
from config.common.wire.serializers import WireSerializer
from config.common.wire.views import UUID_FORM

DEFAULT_ROWS = 100
MOST_ROWS = 500
COLUMNS = (
    *("id", "company_id", "actor_type", "actor_id", "action", "entity_type", "entity_id"),
    *("agent_id", "run_id", "details", "created_at"),
)

ACTIVITY = row_of(
    "ActivityEvent", ActivityEvent, [name for name in COLUMNS if name != "details"], details=or_null(OBJECT)
)


class NewActivityBody(WireSerializer):
    """One activity that an operator records by hand."""

    actor_type = serializers.ChoiceField(choices=[kind.value for kind in ActorType], required=False)
    actor_id = TextField(min_length=1, max_length=80)
    action = TextField(min_length=1, max_length=120)
    entity_type = TextField(min_length=1, max_length=40)
    entity_id = TextField(min_length=1, max_length=80)
    agent_id = serializers.UUIDField(required=False, allow_null=True)
    details = UserJSONField(required=False, allow_null=True)


class CompanyActivity(ActorView):
    """The activity of a company."""

    @answers(ACTIVITY, named=("agentId", "entityType", "entityId", *PAGE), many=True)
    def get(self, request: Request, company_id: str) -> Response:
        """Newest first, without hidden issues; of one agent or one thing if asked."""
        company = company_for(self.actor, company_id)
        page = read_page(request, default=DEFAULT_ROWS, most=MOST_ROWS)
        rows = _asked(request, visible_activity(company.id)).values_list(*COLUMNS)
        return list_response(request, page.cut(rows), lambda cut: wire_rows(cut, COLUMNS))

    @answers(ACTIVITY, body=NewActivityBody, status=201)
    def post(self, _request: Request, company_id: str) -> Response:
        """Record something that happened elsewhere."""
        company = company_for(self.board_only(), company_id, write=True)
        fields = self.body(NewActivityBody)

        def record() -> Response:
            row = record_activity(company.id, fields)
            return Response(opaque(wire_rows([[getattr(row, name) for name in COLUMNS]], COLUMNS)[0]), status=201)

        return self.once(company.id, record)


def visible_activity(company_id: UUID) -> QuerySet[ActivityEvent]:
    """What happened in a company, newest first, but for what concerns hidden issues."""
    shown = Q(issue__isnull=True) | Q(issue__hidden_at__isnull=True)
    return ActivityEvent.objects.filter(shown, company_id=company_id).order_by("-created_at", "-id")


def _asked(request: Request, rows: QuerySet[ActivityEvent]) -> QuerySet[ActivityEvent]:
    wanted: dict[str, Any] = {}
    for name, column in (("entityType", "entity_type"), ("entityId", "entity_id")):
        if value := request.query_params.get(name):
            wanted[column] = value
    if agent_id := request.query_params.get("agentId"):
        if not UUID_FORM.fullmatch(agent_id):
            return rows.none()
        wanted["agent_id"] = agent_id
    return rows.filter(**wanted)
