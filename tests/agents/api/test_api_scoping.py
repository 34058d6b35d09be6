"""No caller from next door reads or changes anything, on any route and with any method (spec/4 0 "Company guard")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Model
from django.urls import URLPattern
from rest_framework.test import APIClient

from agents import models
from agents.api.urls import urlpatterns
from agents.models import Agent, BudgetIncident, ConfigRevision
from agents.run_token import RunClaims, mint_run_token
from agents.vocabulary import AgentRole
from config.common.clock import utc_now
from heartbeats.models import HeartbeatRun
from tests.agents.api.conftest import House, client_with
from tests.factories.agents import (
    AgentFactory,
    AgentKeyFactory,
    ApprovalFactory,
    BudgetPolicyFactory,
    CostEventFactory,
)

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "patch", "delete")
# Routes without a company in them: what they show is the caller's own, which their own tests pin.
OWN = {"health", "cli-auth/me", "issues", "companies", "companies/issues", "companies/stats", "agents/me"}
OWN |= {"instance/scheduler-heartbeats"}
TABLES: list[type[Model]] = [
    model
    for model in vars(models).values()
    if isinstance(model, type)
    and issubclass(model, Model)
    and any(field.name == "company" for field in model._meta.fields)
]


def routes() -> Iterator[tuple[str, str]]:
    """Every method of every route that names something of a company."""
    for pattern in urlpatterns:
        route = str(pattern.pattern)
        if route not in OWN:
            yield from ((method, route) for method in METHODS if hasattr(view_of(pattern), method))


def view_of(pattern: URLPattern) -> Any:
    callback: Any = pattern.callback
    return callback.cls


ROUTES = sorted(set(routes()))
WRITING = [(method, route) for method, route in ROUTES if method != "get"]


@pytest.fixture
def things(house: House) -> dict[str, str]:
    """One of everything that a route can name."""
    policy = BudgetPolicyFactory(company=house.company)
    incident = BudgetIncident.objects.create(
        company=house.company,
        policy=policy,
        scope_type="company",
        scope_id=house.company.id,
        window_kind=policy.window_kind,
        window_start=utc_now(),
        threshold_type="hard",
        amount_limit=1,
        amount_observed=1,
    )
    revision = ConfigRevision.objects.create(company=house.company, agent=house.agent, before={}, after={})
    CostEventFactory(agent=house.agent)
    return {
        "company_id": str(house.company.id),
        "agents": str(house.agent.id),
        "approvals": str(ApprovalFactory(company=house.company).id),
        "key": str(AgentKeyFactory(agent=house.agent).id),
        "incident": str(incident.id),
        "revision": str(revision.id),
    }


def address(route: str, things: dict[str, str]) -> str:
    url = route.replace("<str:ref>", things[route.split("/")[0]] if "<str:ref>" in route else "")
    for name, value in things.items():
        url = url.replace(f"<str:{name}>", value)
    assert "<" not in url, url
    return f"/api/{url}"


def everything(house: House) -> list[list[dict[str, Any]]]:
    """Every row of the company, but for when a key was last used."""
    found = [model._default_manager.filter(company=house.company).order_by("pk") for model in TABLES]
    found.append(models.Company._default_manager.filter(id=house.company.id))
    rows: list[list[dict[str, Any]]] = [list(table.values()) for table in found]
    for table in rows:
        for row in table:
            row.pop("last_used_at", None)
    return rows


def run_token_client() -> APIClient:
    """A caller with a run token of a CEO next door."""
    agent: Agent = AgentFactory(role=AgentRole.CEO)
    now = utc_now()
    run = HeartbeatRun.objects.create(
        company=agent.company,
        agent=agent,
        invocation_source="on_demand",
        adapter_type="process",
        status="running",
        started_at=now,
        lease_expires_at=now,
    )
    token = mint_run_token(RunClaims(agent.id, agent.company_id, run.id, "process", run.epoch), now=now)
    return client_with(token or "")


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_callers_from_another_company_get_nothing_and_change_nothing(
    house: House, things: dict[str, str], method: str, route: str
) -> None:
    url, before = address(route, things), everything(house)
    for caller in (house.stranger, house.strange_agent, run_token_client()):
        answer = getattr(caller, method)(url, {}, format="json") if method != "get" else caller.get(url)
        assert answer.status_code in {403, 404}, (answer.status_code, answer.content)
        assert answer.json().keys() == {"error"}
    assert everything(house) == before


@pytest.mark.parametrize(("method", "route"), WRITING)
def test_a_viewer_changes_nothing(house: House, things: dict[str, str], method: str, route: str) -> None:
    before = everything(house)
    answer = getattr(house.viewer, method)(address(route, things), {}, format="json")
    assert answer.status_code == 403, answer.content
    assert everything(house) == before


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_nobody_gets_401_everywhere(house: House, things: dict[str, str], method: str, route: str) -> None:
    before = everything(house)
    answer = getattr(APIClient(), method)(address(route, things), format="json")
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
    assert everything(house) == before


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_malformed_ids_are_never_a_500(house: House, things: dict[str, str], method: str, route: str) -> None:
    for nonsense in ("nonsense", "%00", "' OR 1=1", "00000000-0000-4000-8000-000000000000"):
        url = address(route, dict.fromkeys(things, nonsense))
        answer = getattr(house.admin, method)(url, {}, format="json") if method != "get" else house.admin.get(url)
        assert 400 <= answer.status_code < 500, (url, answer.status_code, answer.content)


def test_a_shortname_finds_nothing_next_door(house: House) -> None:
    url = "/api/agents/worker"
    assert house.stranger.get(url, {"companyId": str(house.company.id)}).status_code == 403
    assert house.strange_agent.get(url).status_code == 404
