"""A run and the issue that it takes: one issue per run, one live run per issue, and no lock outlives its run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from agents.models import Agent
from config.common.clock import utc_now
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import cancel_run
from issues.models import Issue
from issues.vocabulary import IssueStatus
from recovery.audit.checks import Moment
from recovery.audit.runs import CHECKS
from tests.factories.heartbeats import HeartbeatRunFactory, finished_run
from tests.factories.issues import IssueFactory, assigned_to
from tests.issues.conftest import Shop, at_work
from tests.issues.test_issues_checkout import take
from tests.racing import race

pytestmark = pytest.mark.django_db
LOCKS = next(check for check in CHECKS if check.name == "lock_points_at_a_live_run")


def violations() -> list[Any]:
    return LOCKS.violations(Moment(now=utc_now()))


def test_a_run_without_issue_is_bound_to_the_one_it_takes(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    run, client = at_work(shop.worker)
    assert take(client, issue, shop.worker).status_code == 200
    run.refresh_from_db()
    assert (run.issue_id, violations()) == (issue.pk, [])


def test_a_run_holds_one_issue_and_is_told_which(shop: Shop) -> None:
    mine, other = assigned_to(shop.worker), IssueFactory(company=shop.company)
    run, client = at_work(shop.worker, issue=mine)
    refused = take(client, other, shop.worker)
    assert (refused.status_code, refused.json()["error"]) == (409, "Issue checkout conflict")
    details = refused.json()["details"]
    assert details["actorRun"] == {"runId": str(run.pk), "issueId": str(mine.pk), "identifier": mine.identifier}
    assert details["holder"] is None
    other.refresh_from_db()
    assert (other.status, other.assignee_agent_id, other.execution_run_id) == ("todo", None, None)
    assert take(client, mine, shop.worker).status_code == 200
    assert violations() == []


def test_a_run_without_issue_yields_to_the_one_that_is_queued_for_it(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    queued = HeartbeatRunFactory(agent=shop.worker, issue=issue)
    _, client = at_work(shop.worker)
    answer = take(client, issue, shop.worker)
    assert answer.status_code == 409
    assert answer.json()["details"]["holder"]["runId"] == str(queued.pk)


def test_the_end_of_a_bound_run_frees_its_issue_and_queues_a_recovery(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    run, client = at_work(shop.worker)
    take(client, issue, shop.worker)
    follow_up = cancel_run(run.pk, now=utc_now()).follow_up_run_id
    issue.refresh_from_db()
    assert (issue.status, issue.checkout_run_id, issue.execution_run_id) == ("in_progress", None, follow_up)
    assert HeartbeatRun.objects.get(issue=issue, status="queued").pk == follow_up


def test_an_ending_run_clears_its_locks_wherever_they_are(shop: Shop) -> None:
    run, _ = at_work(shop.worker, issue=assigned_to(shop.worker))
    stray = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, checkout_run=run, execution_run=run)
    cancel_run(run.pk, now=utc_now())
    stray.refresh_from_db()
    assert (stray.checkout_run_id, stray.execution_run_id, stray.execution_locked_at) == (None, None, None)


def test_a_run_without_issue_that_adopts_a_checkout_is_bound_too(shop: Shop) -> None:
    over = finished_run(agent=shop.worker)
    issue = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, checkout_run=over)
    run, client = at_work(shop.worker)
    body = client.patch(f"/api/issues/{issue.pk}", {"title": "T"}, format="json").json()
    assert (body["checkoutRunId"], body["executionRunId"]) == (str(run.pk), str(run.pk))
    run.refresh_from_db()
    assert (run.issue_id, violations()) == (issue.pk, [])


@pytest.mark.django_db(transaction=True)
def test_who_cannot_wait_for_the_end_speaks_but_adopts_nothing(shop: Shop) -> None:
    """The issue is locked already, so its agent may not be waited for (lock order): it is asked, not awaited."""
    over = finished_run(agent=shop.worker)
    issue = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, checkout_run=over)
    run, client = at_work(shop.worker)

    def speak() -> Any:
        return client.patch(f"/api/issues/{issue.pk}", {"title": "T"}, format="json")

    with transaction.atomic():
        Agent.objects.select_for_update(no_key=True).get(pk=shop.worker.pk)
        answer = _elsewhere(speak)
    assert (answer.status_code, answer.json()["checkoutRunId"]) == (200, str(over.pk))
    run.refresh_from_db()
    assert run.issue_id is None


def _elsewhere(deed: Any) -> Any:
    """What the deed answers on a connection of its own, while this one keeps its transaction."""

    def run() -> Any:
        try:
            return deed()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=60)


@pytest.mark.django_db(transaction=True)
def test_a_checkout_that_races_the_end_of_its_run_leaves_no_lock_behind(shop: Shop) -> None:
    for _ in range(5):
        issue = IssueFactory(company=shop.company)
        run, client = at_work(shop.worker)
        answer, _ended = race([lambda c=client, i=issue: take(c, i, shop.worker), lambda r=run: _end(r)])  # type: ignore[misc]
        assert answer.status_code in (200, 409)
        issue.refresh_from_db()
        assert run.pk not in (issue.checkout_run_id, issue.execution_run_id)
        assert violations() == []


@pytest.mark.django_db(transaction=True)
def test_of_two_issues_that_one_run_takes_at_once_it_gets_one(shop: Shop) -> None:
    issues = [IssueFactory(company=shop.company) for _ in range(4)]
    run, client = at_work(shop.worker)
    answers = race([lambda i=issue: take(client, i, shop.worker) for issue in issues])  # type: ignore[misc]
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    held = Issue.objects.filter(execution_run=run)
    run.refresh_from_db()
    assert [issue.pk for issue in held] == [run.issue_id]
    assert violations() == []


def _end(run: HeartbeatRun) -> Any:
    return cancel_run(run.pk, now=utc_now())
