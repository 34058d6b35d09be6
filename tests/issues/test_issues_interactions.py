"""Questions in the thread over HTTP: asking, answering, what comes of it (spec/4 section 4, W10)."""

from __future__ import annotations

from typing import Any

import pytest

from heartbeats.models import WakeupRequest
from issues.models import Interaction, Issue
from issues.vocabulary import IssueStatus
from tests.factories.issues import IssueFactory, assigned_to
from tests.issues.conftest import Shop, at_work
from tests.racing import race

pytestmark = pytest.mark.django_db

TASKS = {
    "version": 1,
    "tasks": [
        {"clientKey": "b", "parentClientKey": "a", "title": "Second"},
        {"clientKey": "a", "title": "First", "priority": "high"},
        {"clientKey": "c", "title": "Third"},
    ],
}
QUESTIONS = {
    "version": 1,
    "questions": [
        {
            "id": "q1",
            "prompt": "Which?",
            "selectionMode": "single",
            "required": True,
            "options": [{"id": "x", "label": "X"}, {"id": "y", "label": "Y"}],
        }
    ],
}
CONFIRM = {"version": 1, "prompt": "Go?"}


def ask(client: Any, issue: Issue, kind: str, payload: dict[str, Any], **more: Any) -> Any:
    body = {"kind": kind, "payload": payload, **more}
    return client.post(f"/api/issues/{issue.pk}/interactions", body, format="json")


def answer(client: Any, row: dict[str, Any], how: str, **body: Any) -> Any:
    return client.post(f"/api/issues/{row['issueId']}/interactions/{row['id']}/{how}", body, format="json")


def test_an_agent_asks_in_its_run_only(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    run, client = at_work(shop.worker)
    assert ask(shop.worker_key, issue, "request_confirmation", CONFIRM).json() == {"error": "Agent run id required"}
    asked = ask(client, issue, "request_confirmation", CONFIRM)
    assert asked.status_code == 201
    body = asked.json()
    assert (body["status"], body["continuationPolicy"], body["sourceRunId"]) == ("pending", "none", str(run.pk))
    assert body["payload"] == CONFIRM


def test_a_known_key_gets_the_first_question_again(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    first = ask(shop.owner, issue, "suggest_tasks", TASKS, idempotencyKey="once")
    again = ask(shop.owner, issue, "request_confirmation", CONFIRM, idempotencyKey="once")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert Interaction.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("odd", {}),
        ("suggest_tasks", {"version": 1, "tasks": []}),
        ("suggest_tasks", {"version": 1, "tasks": [{"clientKey": "a", "title": "A", "parentClientKey": "z"}]}),
        ("suggest_tasks", {"version": 1, "tasks": [{"clientKey": "a", "title": "A"}] * 2}),
        ("ask_user_questions", {"version": 1, "questions": [{"id": "q"}]}),
        ("request_confirmation", {"version": 2, "prompt": "x"}),
    ],
)
def test_payloads_have_the_form_of_their_kind(shop: Shop, kind: str, payload: dict[str, Any]) -> None:
    assert ask(shop.owner, IssueFactory(company=shop.company), kind, payload).status_code == 400


def test_accepted_tasks_become_parts_in_the_shape_suggested(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    row = ask(shop.owner, issue, "suggest_tasks", TASKS).json()
    done = answer(shop.owner, row, "accept", selectedClientKeys=["a", "b"])
    assert done.status_code == 200
    body = done.json()
    assert (body["status"], body["resolvedByUserId"]) == ("accepted", str(shop.person.pk))
    assert body["result"]["skippedClientKeys"] == ["c"]
    first, second = Issue.objects.get(title="First"), Issue.objects.get(title="Second")
    assert (first.parent_id, second.parent_id) == (issue.pk, first.pk)
    assert (first.priority, first.status) == ("high", IssueStatus.TODO)
    assert {task["identifier"] for task in body["result"]["createdTasks"]} == {first.identifier, second.identifier}


def test_without_a_selection_all_tasks_are_accepted(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    answer(shop.owner, ask(shop.owner, issue, "suggest_tasks", TASKS).json(), "accept")
    assert Issue.objects.exclude(pk=issue.pk).count() == 3


def test_an_answer_is_given_once_and_must_fit(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    row = ask(shop.owner, issue, "ask_user_questions", QUESTIONS).json()
    assert answer(shop.owner, row, "accept").status_code == 422
    for bad in (
        [],
        [{"questionId": "q2", "optionIds": ["x"]}],
        [{"questionId": "q1", "optionIds": ["x", "y"]}],
        [{"questionId": "q1", "optionIds": ["z"]}],
    ):
        assert answer(shop.owner, row, "respond", answers=bad).status_code == 422
    given = answer(shop.owner, row, "respond", answers=[{"questionId": "q1", "optionIds": ["x"]}])
    assert (given.status_code, given.json()["status"]) == (200, "answered")
    assert given.json()["result"]["answers"] == [{"questionId": "q1", "optionIds": ["x"], "otherText": None}]
    again = answer(shop.owner, row, "respond", answers=[{"questionId": "q1", "optionIds": ["x"]}])
    assert (again.status_code, again.json()["error"]) == (409, "Interaction has already been resolved")


def test_only_people_answer_and_a_strangers_bad_body_is_403(shop: Shop) -> None:
    row = ask(shop.owner, IssueFactory(company=shop.company), "request_confirmation", CONFIRM).json()
    for client in (shop.ceo_key, shop.stranger, shop.viewer):
        assert answer(client, row, "reject", reason=5).status_code == 403
    assert answer(shop.owner, {**row, "id": "nonsense"}, "reject").status_code == 404


def test_a_confirmation_may_demand_a_reason_to_be_rejected(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    row = ask(shop.owner, issue, "request_confirmation", {**CONFIRM, "rejectRequiresReason": True}).json()
    assert answer(shop.owner, row, "reject").status_code == 422
    assert answer(shop.owner, row, "reject", reason="Not yet").json()["result"]["reason"] == "Not yet"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("policy", "how", "wakes"),
    [
        ("wake_assignee", "reject", True),
        ("wake_assignee_on_accept", "accept", True),
        ("wake_assignee_on_accept", "reject", False),
        ("none", "accept", False),
    ],
)
def test_w10_the_policy_says_who_is_woken(shop: Shop, policy: str, how: str, wakes: bool) -> None:
    issue = assigned_to(shop.worker)
    row = ask(shop.owner, issue, "request_confirmation", CONFIRM, continuationPolicy=policy).json()
    answer(shop.owner, row, how)
    woken = list(WakeupRequest.objects.all())
    assert len(woken) == (1 if wakes else 0)
    for wake in woken:
        payload = wake.payload or {}
        assert (wake.reason, payload["interactionId"], payload["mutation"]) == (
            "issue_commented",
            row["id"],
            "interaction",
        )


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_accept_one_creates(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    row = ask(shop.owner, issue, "suggest_tasks", TASKS).json()
    answers = race([lambda: answer(shop.owner, row, "accept")] * 8)
    assert sorted(given.status_code for given in answers) == [200] + [409] * 7
    assert Issue.objects.exclude(pk=issue.pk).count() == 3


@pytest.mark.parametrize("how", ["comment", "patch"])
def test_a_confirmation_that_says_so_expires_when_a_person_speaks(shop: Shop, how: str) -> None:
    issue = IssueFactory(company=shop.company)
    row = ask(shop.owner, issue, "request_confirmation", {**CONFIRM, "supersedeOnUserComment": True}).json()
    firm = ask(shop.owner, issue, "request_confirmation", CONFIRM).json()
    shop.worker_key.post(f"/api/issues/{issue.pk}/comments", {"body": "Well?"}, format="json")
    assert Interaction.objects.get(pk=row["id"]).status == "pending"
    if how == "comment":
        shop.owner.post(f"/api/issues/{issue.pk}/comments", {"body": "Wait"}, format="json")
    else:
        shop.owner.patch(f"/api/issues/{issue.pk}", {"comment": "Wait"}, format="json")
    statuses = {row["id"]: "expired", firm["id"]: "pending"}
    assert {str(entry.pk): entry.status for entry in Interaction.objects.all()} == statuses
    assert answer(shop.owner, row, "accept").status_code == 409
