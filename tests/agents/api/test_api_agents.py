"""`/agents` (spec/4 2)."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import ActivityEvent, Agent, AgentGrant, BudgetPolicy, Company, ConfigRevision
from agents.skills import desired_skills
from agents.vocabulary import AgentStatus, Permission
from tests.agents.api.conftest import House
from tests.factories.agents import AgentFactory
from tests.present import present

pytestmark = pytest.mark.django_db


def create(house: House, **body: Any) -> Any:
    url = f"/api/companies/{house.company.id}/agents"
    return house.owner.post(url, {"name": "Ada Lovelace", **body}, format="json")


def test_creating_fills_the_policy_and_grants_task_assignment(house: House) -> None:
    answer = create(house, adapterConfig={"command": "true"}, budgetMonthlyCents=700, workMode="unknown field")
    body = answer.json()
    assert answer.status_code == 201
    assert (body["status"], body["role"], body["urlKey"]) == ("idle", "general", "ada-lovelace")
    assert body["runtimeConfig"]["heartbeat"] == {"enabled": False, "maxConcurrentRuns": 5}
    assert body["permissions"] == {"canCreateAgents": False}
    agent = Agent.objects.get(id=body["id"])
    assert AgentGrant.objects.get(agent=agent).permission == Permission.TASKS_ASSIGN
    assert BudgetPolicy.objects.get(scope_id=agent.id).amount == 700
    event = ActivityEvent.objects.get(action="agent.created")
    assert present(event.details)["agentId"] == str(agent.id)
    assert event.agent_id is None


@pytest.mark.parametrize("route", ["agents", "agent-hires"])
def test_the_skills_that_a_new_agent_is_to_have_are_kept(house: House, route: str) -> None:
    body = {
        "name": "Skilled",
        "adapterType": "process",
        "adapterConfig": {"command": "true", "paperclipSkillSync": {"mode": "copy", "desiredSkills": ["old"]}},
        "desiredSkills": ["review", " release ", "review"],
    }
    made = house.owner.post(f"/api/companies/{house.company.id}/{route}", body, format="json")
    assert made.status_code == 201
    kept = Agent.objects.get(name="Skilled").adapter_config
    assert kept["paperclipSkillSync"] == {"mode": "copy", "desiredSkills": ["review", "release"]}
    assert desired_skills(kept) == ("review", "release")


def test_the_policy_columns_follow_the_runtime_config(house: House) -> None:
    heartbeat = {"enabled": True, "intervalSec": 60, "wakeOnAssignment": False, "maxConcurrentRuns": 99}
    agent = Agent.objects.get(id=create(house, runtimeConfig={"heartbeat": heartbeat}).json()["id"])
    assert (agent.heartbeat_enabled, agent.interval_sec, agent.wake_on_demand) == (True, 60, False)
    assert agent.max_concurrent_runs == 10
    assert (present(agent.timer_due_at) - agent.created_at).total_seconds() == 60
    house.owner.post(f"/api/agents/{agent.id}/pause")
    agent.refresh_from_db()
    assert agent.timer_due_at is None
    house.owner.post(f"/api/agents/{agent.id}/resume")
    house.owner.patch(f"/api/agents/{agent.id}", {"runtimeConfig": {"heartbeat": {"enabled": False}}}, format="json")
    agent.refresh_from_db()
    assert (agent.heartbeat_enabled, agent.timer_due_at) == (False, None)


def test_an_unknown_adapter_type_is_422_by_name(house: House) -> None:
    answer = create(house, adapterType="abacus")
    assert (answer.status_code, answer.json()["error"]) == (422, "Unknown adapter type: abacus")


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"command": "x", "env": {"PORT": 80}}, "adapterConfig.env.PORT"),
        ({"command": "x", "args": "a b"}, "adapterConfig.args"),
        ({"command": ""}, "adapterConfig.command"),
        ({"command": "x", "cwd": "relative"}, "adapterConfig.cwd"),
        ({"command": "x", "timeoutSec": -1}, "adapterConfig.timeoutSec"),
        ({"command": "x", "env": {"A": {"type": "secret_ref"}}}, "adapterConfig.env.A"),
    ],
)
def test_a_configuration_that_cannot_work_is_422_and_named(house: House, config: dict[str, Any], named: str) -> None:
    answer = create(house, adapterConfig=config)
    assert answer.status_code == 422
    assert named in answer.json()["error"]
    assert Agent.objects.filter(name="Ada Lovelace").count() == 0


def test_a_manager_must_be_of_the_company_and_above(house: House) -> None:
    assert create(house, reportsTo=str(AgentFactory().id)).status_code == 422
    below = create(house, reportsTo=str(house.ceo.id)).json()["id"]
    answer = house.owner.patch(f"/api/agents/{house.ceo.id}", {"reportsTo": below}, format="json")
    assert (answer.status_code, answer.json()["error"]) == (422, "reportsTo would make a circle")
    detail = house.owner.get(f"/api/agents/{below}").json()
    assert [step["id"] for step in detail["chainOfCommand"]] == [str(house.ceo.id)]


def test_direct_creation_is_409_where_the_board_approves_agents(house: House) -> None:
    Company.objects.filter(id=house.company.id).update(require_board_approval_for_new_agents=True)
    assert create(house).status_code == 409


def test_an_agent_creates_agents_only_with_the_right(house: House) -> None:
    url = f"/api/companies/{house.company.id}/agents"
    refused = house.agent_caller.post(url, {"name": "B"}, format="json")
    assert (refused.status_code, refused.json()["error"]) == (403, "Missing permission: agents:create")
    assert house.ceo_caller.post(url, {"name": "B"}, format="json").status_code == 201
    AgentGrant.objects.create(company=house.company, agent=house.agent, permission=Permission.AGENTS_CREATE)
    assert house.agent_caller.post(url, {"name": "C"}, format="json").status_code == 201


def test_authorisation_comes_before_the_body(house: House) -> None:
    url = f"/api/companies/{house.company.id}/agents"
    assert house.stranger.post(url, "{broken", content_type="application/json").status_code == 403
    assert house.owner.post(url, "{broken", content_type="application/json").status_code == 400


def test_the_list_takes_no_parameters_and_hides_terminated_agents(house: House) -> None:
    AgentFactory(company=house.company, status=AgentStatus.TERMINATED)
    url = f"/api/companies/{house.company.id}/agents"
    assert {row["id"] for row in house.owner.get(url).json()} == {str(house.agent.id), str(house.ceo.id)}
    assert house.owner.get(url, {"status": "idle"}).status_code == 400


def test_the_list_costs_the_same_for_one_agent_and_for_fifty(house: House, django_assert_max_num_queries: Any) -> None:
    AgentFactory.create_batch(50, company=house.company)
    house.owner.get("/api/companies")
    with django_assert_max_num_queries(4):
        assert len(house.owner.get(f"/api/companies/{house.company.id}/agents").json()) == 52


def test_configurations_are_empty_for_callers_without_the_right(house: House) -> None:
    url = f"/api/agents/{house.ceo.id}"
    assert house.agent_caller.get(url).json()["adapterConfig"] == {}
    assert house.viewer.get(url).json()["runtimeConfig"] == {}
    assert house.owner.get(url).json()["adapterConfig"] == {"command": "true"}
    assert house.agent_caller.get(f"{url}/configuration").status_code == 403


def test_secrets_are_masked_and_survive_a_round_trip(house: House) -> None:
    config = {"command": "x", "env": {"API_KEY": "hunter2", "PLAIN": "a"}}
    created = create(house, adapterConfig=config).json()
    shown = created["adapterConfig"]
    assert shown["env"] == {"API_KEY": "***REDACTED***", "PLAIN": "a"}
    url = f"/api/agents/{created['id']}"
    shown["env"]["PLAIN"] = "b"
    assert house.owner.patch(url, {"adapterConfig": shown}, format="json").status_code == 200
    assert Agent.objects.get(id=created["id"]).adapter_config["env"] == {"API_KEY": "hunter2", "PLAIN": "b"}
    assert "hunter2" not in house.owner.get(f"{url}/config-revisions").content.decode()
    assert "hunter2" not in house.owner.get(f"{url}/configuration").content.decode()


def test_a_patch_merges_the_adapter_config_unless_told_to_replace(house: House) -> None:
    url = f"/api/agents/{house.agent.id}"
    merged = house.owner.patch(url, {"adapterConfig": {"cwd": "/tmp"}}, format="json").json()
    assert merged["adapterConfig"] == {"command": "true", "cwd": "/tmp"}
    body = {"adapterConfig": {"command": "ls"}, "replaceAdapterConfig": True}
    assert house.owner.patch(url, body, format="json").json()["adapterConfig"] == {"command": "ls"}
    event = ActivityEvent.objects.filter(action="agent.updated").order_by("created_at").last()
    assert event is not None
    assert event.details == {"changedTopLevelKeys": ["adapterConfig"], "changedAdapterConfigKeys": ["command", "cwd"]}


def test_permissions_have_a_route_of_their_own(house: House) -> None:
    url = f"/api/agents/{house.agent.id}"
    assert house.owner.patch(url, {"permissions": {}}, format="json").status_code == 422
    assert house.owner.patch(f"{url}/permissions", {"canCreateAgents": True}, format="json").status_code == 400
    body = {"canCreateAgents": True, "canAssignTasks": False}
    assert house.agent_caller.patch(f"{url}/permissions", body, format="json").status_code == 403
    answer = house.ceo_caller.patch(f"{url}/permissions", body, format="json").json()
    assert answer["permissions"] == {"canCreateAgents": True}
    assert answer["access"]["taskAssignSource"] == "agent_creator"
    assert ActivityEvent.objects.filter(action="agent.permissions_updated").count() == 1


def test_no_agent_promotes_itself_or_raises_its_own_budget(house: House) -> None:
    url = f"/api/agents/{house.agent.id}"
    for change in ({"role": "ceo"}, {"budgetMonthlyCents": 9}, {"status": "active"}):
        assert house.agent_caller.patch(url, change, format="json").status_code == 403
    assert house.agent_caller.patch(url, {"title": "Worker bee"}, format="json").status_code == 200
    assert house.agent_caller.patch(f"/api/agents/{house.ceo.id}", {"title": "x"}, format="json").status_code == 403


def test_rolling_back_brings_the_configuration_of_a_revision_back(house: House) -> None:
    url = f"/api/agents/{house.agent.id}"
    house.owner.patch(url, {"title": "First", "adapterConfig": {"env": {"TOKEN": "s"}}}, format="json")
    house.owner.patch(url, {"title": "Second", "adapterConfig": {"env": {"TOKEN": "t"}}}, format="json")
    newest, first = house.owner.get(f"{url}/config-revisions").json()
    assert (newest["afterConfig"]["title"], first["changedKeys"]) == ("Second", ["adapterConfig", "title"])
    answer = house.owner.post(f"{url}/config-revisions/{first['id']}/rollback")
    assert (answer.status_code, answer.json()["title"]) == (200, "First")
    assert Agent.objects.get(id=house.agent.id).adapter_config["env"] == {"TOKEN": "t"}
    assert ActivityEvent.objects.filter(action="agent.config_rolled_back").count() == 1
    elsewhere = f"/api/agents/{house.ceo.id}/config-revisions/{first['id']}"
    assert house.owner.get(elsewhere).json() == {"error": "Revision not found"}


def test_a_revision_that_is_not_whole_brings_nothing_back(house: House) -> None:
    revision = ConfigRevision.objects.create(
        company=house.company, agent=house.agent, before={"name": "A"}, after={"name": "B"}
    )
    answer = house.owner.post(f"/api/agents/{house.agent.id}/config-revisions/{revision.id}/rollback")
    assert (answer.status_code, answer.json()["error"]) == (422, "The revision holds no whole configuration")
    assert Agent.objects.get(id=house.agent.id).name == house.agent.name


def test_shortnames_need_a_company_and_must_be_unique(house: House) -> None:
    assert house.owner.get("/api/agents/worker").status_code == 422
    found = house.owner.get("/api/agents/worker", {"companyId": str(house.company.id)})
    assert found.json()["id"] == str(house.agent.id)
    assert house.agent_caller.get("/api/agents/WORKER").json()["id"] == str(house.agent.id)
    assert house.agent_caller.get("/api/agents/nobody").json() == {"error": "Agent not found"}
    AgentFactory(company=house.company, name="Worker")
    assert house.agent_caller.get("/api/agents/worker").status_code == 409


def test_me_is_the_calling_agent(house: House) -> None:
    body = house.agent_caller.get("/api/agents/me").json()
    assert (body["id"], body["access"]["canAssignTasks"]) == (str(house.agent.id), False)
    answer = house.owner.get("/api/agents/me")
    assert (answer.status_code, answer.json()["error"]) == (401, "Agent authentication required")
