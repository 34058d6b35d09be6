"""`/approvals` (spec/4 7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from agents.announcements import ApprovalDecided, ApprovalRequested, approval_decided, approval_requested
from agents.models import ActivityEvent, Agent, Approval, Company
from agents.skills import desired_skills
from agents.vocabulary import AgentStatus
from tests.agents.api.conftest import House
from tests.factories.agents import AgentFactory, ApprovalFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided() -> Iterator[list[ApprovalDecided]]:
    """What was announced as decided."""
    heard: list[ApprovalDecided] = []
    approval_decided.connect(heard.append)
    yield heard
    approval_decided.disconnect(heard.append)


@pytest.fixture
def requested() -> Iterator[list[ApprovalRequested]]:
    """What was announced as asked; nobody else listens meanwhile."""
    heard: list[ApprovalRequested] = []
    others, approval_requested.listeners = approval_requested.listeners, [heard.append]
    yield heard
    approval_requested.listeners = others


def ask(house: House, **body: Any) -> Any:
    body = {"type": "request_board_approval", "payload": {"why": "why not", "snake_case": 1}, **body}
    return house.ceo_caller.post(f"/api/companies/{house.company.id}/approvals", body, format="json")


def test_an_agent_asks_for_itself(house: House, requested: list[ApprovalRequested]) -> None:
    issue_id = UUID("00000000-0000-4000-8000-000000000001")
    answer = ask(house, requestedByAgentId=str(house.agent.id), issueIds=[str(issue_id)])
    body = answer.json()
    assert (answer.status_code, body["status"], body["requestedByAgentId"]) == (201, "pending", str(house.ceo.id))
    assert body["payload"] == {"why": "why not", "snake_case": 1}
    assert [news.issue_ids for news in requested] == [(issue_id,)]
    assert ActivityEvent.objects.get(action="approval.created").agent_id == house.ceo.id


def test_a_person_names_a_requester_of_the_company(house: House) -> None:
    url = f"/api/companies/{house.company.id}/approvals"
    body = {"type": "approve_ceo_strategy", "payload": {}, "requestedByAgentId": str(AgentFactory().id)}
    assert house.owner.post(url, body, format="json").status_code == 422
    body["requestedByAgentId"] = str(house.agent.id)
    assert house.owner.post(url, body, format="json").json()["requestedByAgentId"] == str(house.agent.id)
    assert house.owner.post(url, {"type": "bribe", "payload": {}}, format="json").status_code == 400


def test_a_repeated_question_is_asked_once(house: House) -> None:
    first, again = ask(house, idempotencyKey="k").json(), ask(house, idempotencyKey="k").json()
    assert first == again
    assert Approval.objects.count() == 1
    assert ask(house, idempotencyKey="k", payload={}).status_code == 409


def test_approving_is_idempotent(house: House, decided: list[ApprovalDecided]) -> None:
    approval = ask(house).json()
    url = f"/api/approvals/{approval['id']}"
    body = {"decisionNote": r"fine\nby me", "decidedByUserId": "board"}
    answer = house.owner.post(f"{url}/approve", body, format="json").json()
    assert (answer["status"], answer["decisionNote"]) == ("approved", "fine\nby me")
    assert answer["decidedByUserId"] == str(house.owner_user.id)
    before = ActivityEvent.objects.count()
    assert house.owner.post(f"{url}/approve", {"decisionNote": "again"}, format="json").json() == answer
    assert ActivityEvent.objects.count() == before
    assert [(news.status, news.requested_by_agent_id) for news in decided] == [("approved", house.ceo.id)]
    assert house.owner.post(f"{url}/reject", {}, format="json").status_code == 409


def test_only_the_board_decides(house: House) -> None:
    approval = ApprovalFactory(company=house.company)
    for verb in ("approve", "reject", "request-revision"):
        answer = house.ceo_caller.post(f"/api/approvals/{approval.id}/{verb}", {}, format="json")
        assert (answer.status_code, answer.json()["error"]) == (403, "Board access required")
        assert house.viewer.post(f"/api/approvals/{approval.id}/{verb}", {}, format="json").status_code == 403


def test_revision_and_resubmission(house: House) -> None:
    url = f"/api/approvals/{ask(house).json()['id']}"
    assert house.ceo_caller.post(f"{url}/resubmit", {}, format="json").status_code == 409
    sent_back = house.owner.post(f"{url}/request-revision", {"decisionNote": "more"}, format="json").json()
    assert sent_back["status"] == "revision_requested"
    assert house.owner.post(f"{url}/request-revision", {}, format="json").status_code == 409
    assert house.agent_caller.post(f"{url}/resubmit", {}, format="json").status_code == 403
    again = house.ceo_caller.post(f"{url}/resubmit", {"payload": {"why": "because"}}, format="json").json()
    assert (again["status"], again["payload"], again["decisionNote"]) == ("pending", {"why": "because"}, None)
    actions = set(ActivityEvent.objects.values_list("action", flat=True))
    assert {"approval.revision_requested", "approval.resubmitted"} <= actions


def hire(house: House) -> dict[str, Any]:
    Company.objects.filter(id=house.company.id).update(require_board_approval_for_new_agents=True)
    body: dict[str, Any] = house.ceo_caller.post(
        f"/api/companies/{house.company.id}/agent-hires", {"name": "New"}, format="json"
    ).json()
    return body


def test_approving_a_hire_makes_the_agent_idle(house: House) -> None:
    hired = hire(house)
    house.owner.post(f"/api/approvals/{hired['approval']['id']}/approve", {}, format="json")
    assert Agent.objects.get(id=hired["agent"]["id"]).status == AgentStatus.IDLE


def test_rejecting_a_hire_terminates_the_agent(house: House) -> None:
    hired = hire(house)
    house.owner.post(f"/api/approvals/{hired['approval']['id']}/reject", {}, format="json")
    assert Agent.objects.get(id=hired["agent"]["id"]).status == AgentStatus.TERMINATED


def test_a_resubmitted_hire_stays_about_its_agent(house: House) -> None:
    hired = hire(house)
    url = f"/api/approvals/{hired['approval']['id']}"
    house.owner.post(f"{url}/request-revision", {}, format="json")
    other = AgentFactory(company=house.company, status=AgentStatus.PENDING_APPROVAL)
    house.ceo_caller.post(f"{url}/resubmit", {"payload": {"agentId": str(other.id)}}, format="json")
    house.owner.post(f"{url}/approve", {}, format="json")
    assert Agent.objects.get(id=other.id).status == AgentStatus.PENDING_APPROVAL
    assert Agent.objects.get(id=hired["agent"]["id"]).status == AgentStatus.IDLE


def test_approving_a_hire_with_only_a_name_creates_the_agent_once(house: House) -> None:
    approval = ask(house, type="hire_agent", payload={"name": "Grace", "desiredSkills": ["review", 5]}).json()
    for _ in range(2):
        house.owner.post(f"/api/approvals/{approval['id']}/approve", {}, format="json")
    agent = Agent.objects.get(name="Grace")
    assert (agent.status, agent.adapter_type, agent.company_id) == ("idle", "process", house.company.id)
    assert Approval.objects.get().payload["agentId"] == str(agent.id)
    assert desired_skills(agent.adapter_config) == ("review",)


def test_the_list_filters_by_status(house: House, django_assert_max_num_queries: Any) -> None:
    ApprovalFactory.create_batch(20, company=house.company)
    ApprovalFactory(company=house.company, status="rejected")
    ApprovalFactory()
    url = f"/api/companies/{house.company.id}/approvals"
    house.owner.get("/api/companies")
    with django_assert_max_num_queries(4):
        assert len(house.owner.get(url).json()) == 21
    assert len(house.owner.get(url, {"status": "rejected"}).json()) == 1


def test_comments_and_issues_of_an_approval(house: House) -> None:
    url = f"/api/approvals/{ApprovalFactory(company=house.company).id}"
    made = house.agent_caller.post(f"{url}/comments", {"body": r"one\ntwo"}, format="json")
    assert (made.status_code, made.json()["body"], made.json()["authorAgentId"]) == (
        201,
        "one\ntwo",
        str(house.agent.id),
    )
    assert [row["id"] for row in house.owner.get(f"{url}/comments").json()] == [made.json()["id"]]
    assert house.owner.post(f"{url}/comments", {"body": ""}, format="json").status_code == 400
    assert house.owner.get(f"{url}/issues").json() == []
    assert house.owner.get("/api/approvals/nonsense").json() == {"error": "Approval not found"}
