"""Health, who am I, the dashboard, and activity (spec/4 8, 9, 13, 16)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from rest_framework.test import APIClient

from agents import overview
from agents.api import instance
from agents.models import ActivityEvent, LiveEvent, User
from config.common.clock import utc_now
from issues.models import Issue
from tests.agents.api.conftest import House, client_with
from tests.factories.agents import AgentFactory, ApprovalFactory, MemberFactory

pytestmark = pytest.mark.django_db


def log(house: House, **columns: Any) -> ActivityEvent:
    facts = {"actor_type": "system", "actor_id": "test", "action": "a", "entity_type": "thing", "entity_id": "1"}
    return ActivityEvent.objects.create(**{"company": house.company, **facts, **columns})


def test_health_tells_strangers_little_and_callers_more(house: House) -> None:
    short = {
        "status": "ok",
        "deploymentMode": "authenticated",
        "bootstrapStatus": "ready",
        "bootstrapInviteActive": False,
    }
    assert APIClient().get("/api/health").json() == short
    assert client_with("nonsense").get("/api/health").json() == short
    assert house.owner.get("/api/health", HTTP_X_PAPERCLIP_RUN_ID="nonsense").json() == short
    more = house.agent_caller.get("/api/health").json()
    assert more.keys() > short.keys()
    assert more["features"] == {"companyDeletionEnabled": True}


def test_health_knows_an_instance_without_operator(db: None) -> None:
    assert APIClient().get("/api/health").json()["bootstrapStatus"] == "bootstrap_pending"


def test_health_is_503_when_the_database_is_unreachable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> bool:
        raise OperationalError("gone")

    monkeypatch.setattr(instance, "_has_operator", gone)
    monkeypatch.setattr(connection, "close", lambda: None)
    answer = APIClient().get("/api/health")
    assert (answer.status_code, answer.json()["error"]) == (503, "database_unreachable")


def test_who_am_i_is_for_people(house: House) -> None:
    member = MemberFactory(user=house.owner_user, role="viewer", is_active=False)
    body = house.owner.get("/api/cli-auth/me").json()
    assert body["userId"] == body["user"]["id"] == str(house.owner_user.id)
    assert body["companyIds"] == [str(house.company.id)]
    assert {"companyId": str(member.company_id), "membershipRole": "viewer", "status": "suspended"} in body[
        "memberships"
    ]
    assert (body["source"], body["isInstanceAdmin"]) == ("board_key", False)
    assert body["keyId"]
    answer = house.agent_caller.get("/api/cli-auth/me")
    assert (answer.status_code, answer.json()["error"]) == (401, "Board authentication required")


def test_the_dashboard_counts_and_takes_what_other_apps_register(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview._Registry, "sections", {"runActivity": lambda _company, _now: [{"date": "x"}]})
    AgentFactory(company=house.company, status="paused", pause_reason="budget")
    AgentFactory(company=house.company, status="running")
    ApprovalFactory(company=house.company)
    body = house.owner.get(f"/api/companies/{house.company.id}/dashboard").json()
    assert body["agents"] == {"active": 2, "running": 1, "paused": 1, "error": 0}
    assert body["pendingApprovals"] == 1
    assert body["budgets"] == {"activeIncidents": 0, "pendingApprovals": 0, "pausedAgents": 1, "pausedProjects": 0}
    assert body["tasks"] == {"open": 0, "inProgress": 0, "blocked": 0, "done": 0}
    assert body["costs"] == {"monthSpendCents": 0, "monthBudgetCents": 0, "monthUtilizationPercent": 0.0}
    assert body["runActivity"] == [{"date": "x"}]


def test_activity_is_newest_first_filtered_and_bounded(house: House, django_assert_max_num_queries: Any) -> None:
    rows = [log(house, entity_id=str(n), agent=house.agent if n % 2 else None) for n in range(120)]
    url = f"/api/companies/{house.company.id}/activity"
    house.owner.get("/api/companies")
    with django_assert_max_num_queries(4):
        page = house.owner.get(url)
    assert len(page.json()) == 100
    assert "Link" in page.headers
    assert page.json()[0]["id"] == str(rows[-1].id)
    assert len(house.owner.get(url, {"limit": 500}).json()) == 120
    assert len(house.owner.get(url, {"agentId": str(house.agent.id), "limit": "500"}).json()) == 60
    assert [row["entityId"] for row in house.owner.get(url, {"entityType": "thing", "entityId": "7"}).json()] == ["7"]
    assert house.owner.get(url, {"agentId": "nobody"}).json() == []
    assert house.owner.get(url, {"limit": "many"}).status_code == 400


def test_activity_of_hidden_issues_is_left_out(house: House) -> None:
    issue = Issue.objects.create(company=house.company, number=1, identifier="HOM-1", title="x", hidden_at=utc_now())
    log(house, issue=issue)
    assert house.owner.get(f"/api/companies/{house.company.id}/activity").json() == []


def test_an_operator_records_activity_which_is_announced_and_scrubbed(house: House) -> None:
    url = f"/api/companies/{house.company.id}/activity"
    body = {"actorId": "ci", "action": "deploy.done", "entityType": "build", "entityId": "7"}
    made = house.owner.post(url, {**body, "details": {"api_key": "hunter2", "some_key": 1}}, format="json")
    assert made.status_code == 201
    assert made.json()["details"] == {"api_key": "[REDACTED]", "some_key": 1}
    assert made.json()["actorType"] == "system"
    assert LiveEvent.objects.filter(type="activity.logged", payload__action="deploy.done").count() == 1
    assert house.owner.post(url, {**body, "action": ""}, format="json").status_code == 400
    assert house.owner.post(url, {**body, "agentId": str(uuid4())}, format="json").status_code == 422
    assert house.agent_caller.post(url, body, format="json").json() == {"error": "Board access required"}
    assert User.objects.count() > 0
