"""Taking issues and giving them back over HTTP (spec/4, checkout invariants)."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.models import ActivityEvent
from heartbeats.models import HeartbeatRun, WakeupRequest
from issues.models import Issue
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory, finished_run, running_run
from tests.factories.issues import IssueFactory, IssueRelationFactory, ProjectFactory, TreeHoldFactory, assigned_to
from tests.issues.conftest import Shop, at_work, speaking_for
from tests.racing import race

pytestmark = pytest.mark.django_db
USUAL = ["todo", "backlog", "blocked"]


def take(client: Any, issue: Issue, agent: Any, expected: list[str] | None = None) -> Any:
    body = {"agentId": str(agent.pk), "expectedStatuses": expected or USUAL}
    return client.post(f"/api/issues/{issue.pk}/checkout", body, format="json")


def test_a_run_takes_a_free_issue(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    run, client = at_work(shop.worker)
    answer = take(client, issue, shop.worker)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["assigneeAgentId"]) == ("in_progress", str(shop.worker.pk))
    assert body["checkoutRunId"] == body["executionRunId"] == str(run.pk)
    assert body["executionAgentNameKey"] == "worker"
    assert body["startedAt"] is not None
    assert ActivityEvent.objects.get(action="issue.checked_out").run_id == run.pk


def test_taking_again_by_the_same_run_changes_nothing(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    _, client = at_work(shop.worker)
    first, again = take(client, issue, shop.worker), take(client, issue, shop.worker)
    assert (again.status_code, again.json()) == (200, first.json())
    assert ActivityEvent.objects.filter(action="issue.checked_out").count() == 1


def test_an_agent_takes_only_for_itself_and_only_in_a_run(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    other = take(shop.worker_key, issue, shop.mate)
    assert (other.status_code, other.json()) == (403, {"error": "Agent can only checkout as itself"})
    without = take(shop.worker_key, issue, shop.worker)
    assert (without.status_code, without.json()) == (401, {"error": "Agent run id required"})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"agentId": "x", "expectedStatuses": ["todo"]},
        {"agentId": str(uuid.uuid4()), "expectedStatuses": []},
        {"agentId": str(uuid.uuid4()), "expectedStatuses": ["odd"]},
    ],
)
def test_bad_checkouts_are_400(shop: Shop, body: dict[str, Any]) -> None:
    issue = IssueFactory(company=shop.company)
    assert shop.owner.post(f"/api/issues/{issue.pk}/checkout", body, format="json").status_code == 400


def test_an_unexpected_status_is_409(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company, status=IssueStatus.IN_REVIEW)
    _, client = at_work(shop.worker)
    assert take(client, issue, shop.worker).json()["error"] == "Issue checkout conflict"


def test_the_loser_learns_who_holds_it_and_how_alive(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    run, client = at_work(shop.worker)
    take(client, issue, shop.worker)
    spoke = timezone.now().replace(microsecond=0) - timedelta(minutes=3)
    HeartbeatRun.objects.filter(pk=run.pk).update(last_output_at=spoke)
    _, late = at_work(shop.mate)
    answer = take(late, issue, shop.mate)
    assert answer.status_code == 409
    details = answer.json()["details"]
    wanted = {"issueId": str(issue.pk), "status": "in_progress", "assigneeAgentId": str(shop.worker.pk)}
    assert {name: details[name] for name in wanted} == wanted
    assert details["checkoutRunId"] == details["executionRunId"] == str(run.pk)
    assert (details["holder"]["runId"], details["holder"]["status"]) == (str(run.pk), "running")
    assert datetime.fromisoformat(details["holder"]["lastSignOfLifeAt"]) == spoke
    assert 180 <= details["holder"]["secondsSinceLife"] < 240


def test_a_lock_of_a_run_that_is_over_stands_in_nobodys_way(shop: Shop) -> None:
    over = finished_run(agent=shop.worker)
    issue = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, checkout_run=over, execution_run=over)
    run, client = at_work(shop.worker)
    answer = take(client, issue, shop.worker)
    assert (answer.status_code, answer.json()["checkoutRunId"]) == (200, str(run.pk))


def test_a_run_that_is_over_takes_nothing(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    over = finished_run(agent=shop.worker)
    assert take(speaking_for(over), issue, shop.worker).status_code == 409


def test_another_run_of_the_same_agent_is_a_conflict(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    queued = HeartbeatRunFactory(agent=shop.worker, issue=issue)
    Issue.objects.filter(pk=issue.pk).update(execution_run=queued)
    _, client = at_work(shop.worker)
    assert take(client, issue, shop.worker).status_code == 409


def test_somebody_elses_issue_is_a_conflict(shop: Shop) -> None:
    for columns in ({"assignee_agent": shop.mate}, {"assignee_user": shop.person}):
        issue = IssueFactory(company=shop.company, **columns)
        _, client = at_work(shop.worker)
        assert take(client, issue, shop.worker).status_code == 409


def test_open_blockers_are_422_and_named(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    edge = IssueRelationFactory(blocked=issue, blocker__status=IssueStatus.CANCELLED)
    _, client = at_work(shop.worker)
    answer = take(client, issue, shop.worker)
    assert answer.status_code == 422
    assert answer.json()["details"] == {"unresolvedBlockerIssueIds": [str(edge.blocker_id)]}


def test_a_pause_hold_above_is_409(shop: Shop) -> None:
    root = IssueFactory(company=shop.company)
    hold = TreeHoldFactory(root_issue=root)
    issue = IssueFactory(company=shop.company, parent=root)
    _, client = at_work(shop.worker)
    answer = take(client, issue, shop.worker)
    assert (answer.status_code, answer.json()["details"]["holdId"]) == (409, str(hold.pk))


def test_a_paused_project_is_409(shop: Shop) -> None:
    project = ProjectFactory(company=shop.company, paused_at="2026-01-01T00:00:00Z", pause_reason="budget")
    issue = IssueFactory(company=shop.company, project=project)
    _, client = at_work(shop.worker)
    answer = take(client, issue, shop.worker)
    assert (answer.status_code, answer.json()["error"]) == (409, "Project is paused")


def test_a_persons_checkout_names_no_run(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    answer = take(shop.owner, issue, shop.worker)
    assert (answer.status_code, answer.json()["checkoutRunId"]) == (200, None)


def test_an_agent_of_another_company_is_404(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    assert take(shop.owner, issue, AgentFactory()).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_take_one_wins_and_the_rest_learn_who(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    agents = [AgentFactory(company=shop.company) for _ in range(14)] + [shop.worker, shop.mate]
    clients = [(agent, speaking_for(running_run(agent=agent))) for agent in agents]
    answers = race([lambda a=agent, c=client: take(c, issue, a) for agent, client in clients])  # type: ignore[misc]
    won = [answer for answer in answers if answer.status_code == 200]
    lost = [answer for answer in answers if answer.status_code == 409]
    assert (len(won), len(lost)) == (1, 15)
    holder = won[0].json()["checkoutRunId"]
    assert {answer.json()["details"]["checkoutRunId"] for answer in lost} == {holder}
    assert {answer.json()["details"]["holder"]["runId"] for answer in lost} == {holder}


def test_release_gives_back_from_any_status(shop: Shop) -> None:
    issue = assigned_to(shop.worker, status=IssueStatus.DONE)
    answer = shop.owner.post(f"/api/issues/{issue.pk}/release", {}, format="json")
    body = answer.json()
    assert (answer.status_code, body["status"], body["assigneeAgentId"]) == (200, "todo", None)
    assert (body["checkoutRunId"], body["executionRunId"], body["completedAt"]) == (None, None, None)
    assert ActivityEvent.objects.filter(action="issue.released").count() == 1


def test_an_agent_releases_its_own_with_its_run(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    _, client = at_work(shop.worker)
    take(client, issue, shop.worker)
    assert shop.worker_key.post(f"/api/issues/{issue.pk}/release", {}, format="json").status_code == 401
    _, other_run = at_work(shop.worker)
    assert other_run.post(f"/api/issues/{issue.pk}/release", {}, format="json").status_code == 409
    _, mate = at_work(shop.mate)
    assert mate.post(f"/api/issues/{issue.pk}/release", {}, format="json").status_code == 409
    assert client.post(f"/api/issues/{issue.pk}/release", {}, format="json").status_code == 200


def test_force_release_clears_locks_and_tells_what_they_were(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    run, client = at_work(shop.worker)
    take(client, issue, shop.worker)
    address = f"/api/issues/{issue.pk}/admin/force-release"
    assert client.post(address, {}, format="json").json() == {"error": "Board access required"}
    answer = shop.owner.post(address, {}, format="json").json()
    assert answer["previous"] == {"checkoutRunId": str(run.pk), "executionRunId": str(run.pk)}
    assert (answer["issue"]["status"], answer["issue"]["checkoutRunId"]) == ("in_progress", None)
    assert answer["issue"]["assigneeAgentId"] == str(shop.worker.pk)
    cleared = shop.owner.post(f"{address}?clearAssignee=true", {}, format="json").json()
    assert cleared["issue"]["assigneeAgentId"] is None


@pytest.mark.django_db(transaction=True)
def test_w9_a_persons_checkout_wakes_the_agent_and_its_own_does_not(shop: Shop) -> None:
    mine, theirs = IssueFactory(company=shop.company), IssueFactory(company=shop.company)
    _, client = at_work(shop.worker)
    take(client, mine, shop.worker)
    take(shop.owner, theirs, shop.mate)
    wake = WakeupRequest.objects.get(reason="issue_checked_out")
    assert (wake.agent_id, wake.issue_id, wake.source) == (shop.mate.pk, theirs.pk, "assignment")
    assert wake.payload == {"issueId": str(theirs.pk), "mutation": "checkout"}
