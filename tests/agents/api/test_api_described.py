"""The OpenAPI document knows what every route of this app takes and answers, in the words of the wire."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.db.models import Model
from drf_spectacular.generators import SchemaGenerator

from agents.api.companies import MissingCompanyId
from agents.api.shapes.agents import AgentShape, KeyShape, RevisionShape
from agents.api.shapes.approvals import ApprovalCommentShape, ApprovalShape
from agents.api.shapes.companies import CompanyShape
from agents.api.shapes.money import CostShape
from agents.api.urls import urlpatterns
from agents.models import Agent, AgentKey, Approval, ApprovalComment, Company, ConfigRevision, CostEvent
from config.common.wire.serializers import WireSerializer


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    import_module("config.openapi")  # registers how our serializers are described
    routes = [route for route in urlpatterns if getattr(route.callback, "cls", None) is not MissingCompanyId]
    schema: dict[str, Any] = SchemaGenerator(patterns=routes).get_schema(public=True)
    return schema


def test_every_route_says_what_it_answers(document: dict[str, Any]) -> None:
    operations = [(path, verb, told) for path, verbs in document["paths"].items() for verb, told in verbs.items()]
    assert len(operations) > 50
    silent = [
        (path, verb) for path, verb, told in operations if "content" not in next(iter(told["responses"].values()))
    ]
    assert silent == []


def test_bodies_and_answers_carry_their_wire_names(document: dict[str, Any]) -> None:
    create = document["paths"]["/companies/{company_id}/agents"]["post"]
    body = create["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    answer = create["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    shapes = document["components"]["schemas"]
    assert {"adapterType", "adapterConfig", "budgetMonthlyCents"} <= set(shapes[body]["properties"])
    assert {"urlKey", "pauseReason", "lastHeartbeatAt"} <= set(shapes[answer]["properties"])
    listed = document["paths"]["/companies"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert listed["type"] == "array"


@pytest.mark.parametrize(
    ("shape", "model"),
    [
        (AgentShape, Agent),
        (KeyShape, AgentKey),
        (RevisionShape, ConfigRevision),
        (ApprovalShape, Approval),
        (ApprovalCommentShape, ApprovalComment),
        (CompanyShape, Company),
        (CostShape, CostEvent),
    ],
)
def test_a_shape_may_be_null_exactly_where_its_column_may(shape: type[WireSerializer], model: type[Model]) -> None:
    """What clients are made from: a null that the document does not announce breaks them."""
    columns = {field.attname: field for field in model._meta.concrete_fields}
    fields = [(str(field.source), field) for field in shape().fields.values() if field.source in columns]
    told = {name: field.allow_null for name, field in fields}
    assert told == {name: columns[name].null for name in told}
    assert len(told) >= 5
