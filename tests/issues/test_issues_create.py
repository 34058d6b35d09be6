"""Creating issues over HTTP (spec/4 section 4)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from agents.models import ActivityEvent, AgentGrant, LiveEvent
from agents.vocabulary import AgentStatus
from issues.models import Issue, IssueRelation
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory, MemberFactory
from tests.factories.issues import IssueFactory, ProjectFactory, ProjectWorkspaceFactory
from tests.issues.conftest import Shop, at_work
from tests.racing import race

pytestmark = pytest.mark.django_db


def test_an_issue_gets_the_next_number_and_the_defaults(shop: Shop) -> None:
    first = shop.owner.post(shop.issues, {"title": "Paint the door"}, format="json")
    second = shop.owner.post(shop.issues, {"title": "Oil the hinge", "workMode": "unheard-of", "x": 1}, format="json")
    assert (first.status_code, second.status_code) == (201, 201)
    body = first.json()
    assert body["identifier"] == f"{shop.company.issue_prefix}-1"
    assert second.json()["issueNumber"] == 2
    expected = {"status": "backlog", "priority": "medium", "originKind": "manual", "requestDepth": 0, "labels": []}
    assert {name: body[name] for name in expected} == expected
    assert body["createdByUserId"] == str(shop.person.pk)
    assert body["relatedWork"] == {"inbound": [], "outbound": []}


def test_the_counter_passes_numbers_that_came_from_elsewhere(shop: Shop) -> None:
    IssueFactory(company=shop.company, number=900_041)
    answer = shop.owner.post(shop.issues, {"title": "Next"}, format="json")
    assert answer.json()["issueNumber"] == 900_042


def test_creation_is_logged_with_the_run_and_told_to_screens(shop: Shop) -> None:
    run, client = at_work(shop.worker)
    issue = client.post(shop.issues, {"title": "Subtask"}, format="json").json()
    row = ActivityEvent.objects.get(action="issue.created")
    assert (row.actor_type, row.agent_id, row.run_id) == ("agent", shop.worker.pk, run.pk)
    assert row.details is not None
    assert row.details["identifier"] == issue["identifier"]
    assert LiveEvent.objects.filter(type="issue.changed", payload__issueId=issue["id"]).count() == 1


def test_typed_newlines_become_real_ones(shop: Shop) -> None:
    answer = shop.owner.post(shop.issues, {"title": "T", "description": "one\\ntwo"}, format="json")
    assert answer.json()["description"] == "one\ntwo"


def test_an_assignee_needs_the_right_to_assign(shop: Shop) -> None:
    AgentGrant.objects.filter(agent=shop.worker).delete()
    body = {"title": "T", "assigneeAgentId": str(shop.mate.pk)}
    answer = shop.worker_key.post(shop.issues, body, format="json")
    assert (answer.status_code, answer.json()) == (403, {"error": "Missing permission: tasks:assign"})


@pytest.mark.parametrize("status", [AgentStatus.TERMINATED, AgentStatus.PENDING_APPROVAL])
def test_agents_that_cannot_take_work_are_refused(shop: Shop, status: AgentStatus) -> None:
    agent = AgentFactory(company=shop.company, status=status)
    answer = shop.owner.post(shop.issues, {"title": "T", "assigneeAgentId": str(agent.pk)}, format="json")
    assert answer.status_code == 409


def test_two_assignees_are_422(shop: Shop) -> None:
    body = {"title": "T", "assigneeAgentId": str(shop.worker.pk), "assigneeUserId": str(shop.person.pk)}
    answer = shop.owner.post(shop.issues, body, format="json")
    assert (answer.status_code, answer.json()) == (422, {"error": "Issue can only have one assignee"})


def test_in_progress_needs_an_assignee(shop: Shop) -> None:
    answer = shop.owner.post(shop.issues, {"title": "T", "status": "in_progress"}, format="json")
    assert (answer.status_code, answer.json()) == (422, {"error": "in_progress issues require an assignee"})


def test_in_progress_with_open_blockers_is_422(shop: Shop) -> None:
    blocker = IssueFactory(company=shop.company)
    body = {
        "title": "T",
        "status": "in_progress",
        "assigneeAgentId": str(shop.worker.pk),
        "blockedByIssueIds": [str(blocker.pk)],
    }
    answer = shop.owner.post(shop.issues, body, format="json")
    assert answer.status_code == 422
    assert answer.json()["details"] == {"unresolvedBlockerIssueIds": [str(blocker.pk)]}
    assert not IssueRelation.objects.exists()


def test_done_at_birth_has_its_time(shop: Shop) -> None:
    answer = shop.owner.post(shop.issues, {"title": "T", "status": "done"}, format="json").json()
    assert answer["completedAt"] is not None


@pytest.mark.parametrize("field", ["parentId", "projectId", "projectWorkspaceId", "assigneeAgentId", "assigneeUserId"])
@pytest.mark.parametrize("foreign", [True, False], ids=["foreign", "unknown"])
def test_ids_of_another_company_and_of_nothing_are_404(shop: Shop, field: str, foreign: bool) -> None:
    makers: dict[str, Any] = {
        "parentId": IssueFactory,
        "projectId": ProjectFactory,
        "projectWorkspaceId": ProjectWorkspaceFactory,
        "assigneeAgentId": AgentFactory,
        "assigneeUserId": lambda: MemberFactory().user,
    }
    named = makers[field]().pk if foreign else uuid.uuid4()
    answer = shop.owner.post(shop.issues, {"title": "T", field: str(named)}, format="json")
    assert answer.status_code == 404
    assert Issue.objects.filter(company=shop.company).count() == 0


@pytest.mark.parametrize("field", ["blockedByIssueIds", "labelIds"])
def test_foreign_ids_in_sets_are_422(shop: Shop, field: str) -> None:
    foreign = IssueFactory()
    answer = shop.owner.post(shop.issues, {"title": "T", field: [str(foreign.pk)]}, format="json")
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ["title"]),
        ({"title": ""}, ["title"]),
        ({"title": "T", "status": "odd"}, ["status"]),
        ({"title": "T", "priority": "odd"}, ["priority"]),
        ({"title": "T", "assigneeAgentId": "nobody"}, ["assigneeAgentId"]),
        ({"title": "T", "requestDepth": -1}, ["requestDepth"]),
    ],
)
def test_bad_bodies_are_400_and_name_the_field(shop: Shop, body: dict[str, Any], path: list[str]) -> None:
    answer = shop.owner.post(shop.issues, body, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"] == "Validation error"
    assert answer.json()["details"][0]["path"] == path


def test_depth_is_clamped(shop: Shop) -> None:
    answer = shop.owner.post(shop.issues, {"title": "T", "requestDepth": 5000}, format="json")
    assert answer.json()["requestDepth"] == 1024


def test_a_child_inherits_project_and_goal_and_may_block_its_parent(shop: Shop) -> None:
    project, goal = ProjectFactory(company=shop.company), uuid.uuid4()
    parent = IssueFactory(company=shop.company, project=project, goal_id=goal, request_depth=3)
    body = {"title": "Part", "acceptanceCriteria": ["It works", "It lasts"], "blockParentUntilDone": True}
    answer = shop.owner.post(f"/api/issues/{parent.identifier}/children", body, format="json")
    assert answer.status_code == 201
    child = answer.json()
    assert (child["parentId"], child["projectId"], child["goalId"]) == (str(parent.pk), str(project.pk), str(goal))
    assert child["requestDepth"] == 4
    assert "- It works\n- It lasts" in child["description"]
    edge = IssueRelation.objects.get()
    assert (str(edge.blocker_id), edge.blocked_id) == (child["id"], parent.pk)
    assert ActivityEvent.objects.filter(action="issue.child_created").count() == 1


def test_more_than_twenty_criteria_are_refused(shop: Shop) -> None:
    parent = IssueFactory(company=shop.company)
    body = {"title": "Part", "acceptanceCriteria": ["x"] * 21}
    assert shop.owner.post(f"/api/issues/{parent.pk}/children", body, format="json").status_code == 400


def test_the_same_idempotency_key_creates_once(shop: Shop) -> None:
    first = shop.owner.post(shop.issues, {"title": "T"}, format="json", headers={"Idempotency-Key": "k1"})
    again = shop.owner.post(shop.issues, {"title": "T"}, format="json", headers={"Idempotency-Key": "k1"})
    other = shop.owner.post(shop.issues, {"title": "U"}, format="json", headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert other.status_code == 409
    assert Issue.objects.filter(company=shop.company).count() == 1


def test_viewers_and_strangers_create_nothing(shop: Shop) -> None:
    for client in (shop.viewer, shop.stranger, shop.strange_agent):
        assert client.post(shop.issues, {"title": 5}, format="json").status_code == 403
    assert not Issue.objects.filter(status=IssueStatus.BACKLOG).exists()


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_create_at_once_each_gets_a_number_and_none_is_skipped(shop: Shop) -> None:
    answers = race([lambda: shop.owner.post(shop.issues, {"title": "T"}, format="json")] * 16)
    assert [answer.status_code for answer in answers] == [201] * 16
    assert sorted(answer.json()["issueNumber"] for answer in answers) == list(range(1, 17))


@pytest.mark.django_db(transaction=True)
def test_of_eight_repeats_of_one_request_one_creates(shop: Shop) -> None:
    def create() -> Any:
        headers = {"Idempotency-Key": "same"}
        return shop.owner.post(shop.issues, {"title": "T"}, format="json", headers=headers)

    assert len({answer.json()["id"] for answer in race([create] * 8)}) == 1
    assert Issue.objects.filter(company=shop.company).count() == 1
