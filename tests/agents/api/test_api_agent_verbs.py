"""What operators do to agents: the verbs, keys, hiring, the organisation (spec/4 2)."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from agents.announcements import AgentStopped, agent_paused, agent_terminated
from agents.key_material import hash_key
from agents.models import ActivityEvent, Agent, AgentKey, Company, IdempotencyRecord, LiveEvent
from agents.vocabulary import AgentStatus
from tests.agents.api.conftest import House, agent_client, client_with
from tests.factories.agents import AgentFactory, AgentKeyFactory, CompanyFactory
from tests.factories.issues import IssueFactory

pytestmark = pytest.mark.django_db


def test_pause_and_resume_and_their_texts(house: House) -> None:
    heard: list[AgentStopped] = []
    agent_paused.connect(heard.append)
    try:
        url = f"/api/agents/{house.agent.id}"
        paused = house.owner.post(f"{url}/pause").json()
    finally:
        agent_paused.disconnect(heard.append)
    assert (paused["status"], paused["pauseReason"]) == ("paused", "manual")
    assert [(news.agent_id, news.reason) for news in heard] == [(house.agent.id, "Cancelled due to agent pause")]
    assert LiveEvent.objects.filter(type="agent.status", payload__status="paused").count() == 1
    resumed = house.owner.post(f"{url}/resume").json()
    assert (resumed["status"], resumed["pauseReason"], resumed["pausedAt"]) == ("idle", None, None)
    assert house.agent_caller.post(f"{url}/pause").json() == {"error": "Board access required"}


def test_terminate_revokes_keys_and_is_final(house: House) -> None:
    heard: list[AgentStopped] = []
    agent_terminated.connect(heard.append)
    try:
        url = f"/api/agents/{house.agent.id}"
        for _ in range(2):
            assert house.owner.post(f"{url}/terminate").json()["status"] == "terminated"
    finally:
        agent_terminated.disconnect(heard.append)
    assert [news.reason for news in heard] == ["Cancelled because the agent was terminated"]
    assert house.agent_caller.get("/api/agents/me").status_code == 401
    assert not AgentKey.objects.filter(agent=house.agent, revoked_at__isnull=True).exists()
    resumed = house.owner.post(f"{url}/resume")
    assert (resumed.status_code, resumed.json()["error"]) == (409, "Cannot resume terminated agent")
    assert house.owner.post(f"{url}/pause").status_code == 409
    assert house.owner.post(f"{url}/keys").status_code == 409
    assert ActivityEvent.objects.filter(action="agent.terminated").count() == 1


def test_only_pending_agents_can_be_approved(house: House) -> None:
    pending = AgentFactory(company=house.company, status=AgentStatus.PENDING_APPROVAL)
    assert house.owner.post(f"/api/agents/{pending.id}/resume").status_code == 409
    assert house.owner.post(f"/api/agents/{pending.id}/approve").json()["status"] == "idle"
    assert house.owner.post(f"/api/agents/{pending.id}/approve").status_code == 409


def test_a_key_is_shown_once_and_works_until_revoked(house: House) -> None:
    url = f"/api/agents/{house.agent.id}/keys"
    made = house.owner.post(url, {"name": "laptop"}, format="json")
    body = made.json()
    assert (made.status_code, body.keys()) == (201, {"id", "name", "token", "createdAt"})
    assert body["token"].startswith("pcp_")
    assert len(body["token"]) == 52
    stored = AgentKey.objects.get(id=body["id"])
    assert stored.key_hash == hash_key(body["token"])
    assert body["token"] not in house.owner.get(url).content.decode()
    holder = client_with(body["token"])
    assert holder.get("/api/agents/me").status_code == 200
    assert house.owner.delete(f"{url}/{body['id']}").json() == {"ok": True}
    assert holder.get("/api/agents/me").status_code == 401
    foreign = AgentKeyFactory(agent=house.ceo)
    assert house.owner.delete(f"{url}/{foreign.id}").json() == {"error": "Key not found"}
    assert house.agent_caller.get(url).status_code == 403


def test_a_repeated_key_request_gets_the_first_token_which_is_stored_sealed(house: House) -> None:
    url = f"/api/agents/{house.agent.id}/keys"
    first = house.owner.post(url, {"name": "a"}, format="json", HTTP_IDEMPOTENCY_KEY="again").json()
    assert house.owner.post(url, {"name": "a"}, format="json", HTTP_IDEMPOTENCY_KEY="again").json() == first
    assert AgentKey.objects.filter(agent=house.agent, name="a").count() == 1
    assert first["token"] not in str(IdempotencyRecord.objects.get().response_body)


def test_deleting_an_agent_is_logged(house: House) -> None:
    assert house.owner.delete(f"/api/agents/{house.agent.id}").json() == {"ok": True}
    assert not Agent.objects.filter(id=house.agent.id).exists()
    assert ActivityEvent.objects.filter(action="agent.deleted", entity_id=str(house.agent.id)).count() == 1
    assert house.owner.get(f"/api/agents/{house.agent.id}").json() == {"error": "Agent not found"}


def test_the_organisation_is_a_tree(house: House) -> None:
    Agent.objects.filter(id=house.agent.id).update(reports_to=house.ceo)
    (root,) = house.owner.get(f"/api/companies/{house.company.id}/org").json()
    assert root["id"] == str(house.ceo.id)
    assert [node["id"] for node in root["reports"]] == [str(house.agent.id)]


def test_scheduler_heartbeats_are_for_admins_active_first(house: House) -> None:
    AgentFactory(company=CompanyFactory(name="Aa"), heartbeat_enabled=True, interval_sec=30)
    rows = house.admin.get("/api/instance/scheduler-heartbeats").json()
    assert [row["schedulerActive"] for row in rows][:2] == [True, False]
    answer = house.owner.get("/api/instance/scheduler-heartbeats")
    assert (answer.status_code, answer.json()["error"]) == (403, "Instance admin required")


def test_hiring_where_the_board_approves_waits_and_else_does_not(house: House) -> None:
    url = f"/api/companies/{house.company.id}/agent-hires"
    issue = IssueFactory(company=house.company)
    at_once = house.ceo_caller.post(url, {"name": "Now", "sourceIssueIds": [str(issue.pk)]}, format="json").json()
    assert (at_once["agent"]["status"], at_once["approval"]) == ("idle", None)
    Company.objects.filter(id=house.company.id).update(require_board_approval_for_new_agents=True)
    waiting = house.ceo_caller.post(url, {"name": "Later"}, format="json")
    body = waiting.json()
    assert (waiting.status_code, body["agent"]["status"], body["approval"]["status"]) == (
        201,
        "pending_approval",
        "pending",
    )
    assert body["approval"]["requestedByAgentId"] == str(house.ceo.id)
    assert agent_client(Agent.objects.get(id=UUID(body["agent"]["id"]))).get("/api/agents/me").status_code == 401
    actions = set(ActivityEvent.objects.values_list("action", flat=True))
    assert {"agent.hire_created", "approval.created"} <= actions


def test_a_hire_for_an_issue_that_the_company_does_not_have_is_refused(house: House) -> None:
    url = f"/api/companies/{house.company.id}/agent-hires"
    for issue_id in (uuid4(), IssueFactory().pk):
        refused = house.ceo_caller.post(url, {"name": "Lost", "sourceIssueIds": [str(issue_id)]}, format="json")
        assert refused.status_code == 404
    assert not Agent.objects.filter(name="Lost").exists()
