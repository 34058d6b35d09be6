"""What a change does to the run that is at work: interruption and cancellation (spec/4 section 4; 16, fault 2)."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import ActivityEvent
from heartbeats.models import HeartbeatRun, WakeupRequest
from issues.models import Issue, IssueComment
from issues.vocabulary import IssueStatus
from tests.factories.heartbeats import HeartbeatRunFactory, running_run
from tests.factories.issues import assigned_to
from tests.issues.conftest import Shop, speaking_for
from tests.present import present

pytestmark = pytest.mark.django_db(transaction=True)


def at_it(shop: Shop) -> tuple[Issue, HeartbeatRun]:
    issue = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS)
    run = running_run(agent=shop.worker, issue=issue)
    Issue.objects.filter(pk=issue.pk).update(checkout_run=run, execution_run=run)
    return issue, run


def live(issue: Issue) -> list[tuple[str, str | None]]:
    rows = HeartbeatRun.objects.live().filter(issue=issue)
    return list(rows.values_list("agent__name", "wake_reason"))


def patch(shop: Shop, issue: Issue, **body: Any) -> Any:
    return shop.owner.patch(f"/api/issues/{issue.pk}", body, format="json")


def test_an_interrupting_comment_ends_the_run_and_is_what_comes_next(shop: Shop) -> None:
    issue, run = at_it(shop)
    body = {"body": "Stop, do it otherwise", "interrupt": True}
    assert shop.owner.post(f"/api/issues/{issue.pk}/comments", body, format="json").status_code == 201
    run.refresh_from_db()
    assert run.status == "cancelled"
    comment = IssueComment.objects.get()
    ((name, _),) = live(issue)
    assert name == "Worker"
    follow_up = HeartbeatRun.objects.live().get(issue=issue)
    assert follow_up.context["wakeCommentId"] == str(comment.pk)
    assert not HeartbeatRun.objects.filter(issue=issue, retry_reason__isnull=False).exists()
    details = ActivityEvent.objects.get(action="issue.comment_added").details or {}
    assert details["interruptedRunId"] == str(run.pk)


def test_interrupting_and_reassigning_wakes_the_new_assignee_and_not_the_old_one(shop: Shop) -> None:
    issue, run = at_it(shop)
    answer = patch(shop, issue, assigneeAgentId="mate", status="todo", comment="Over to Mate", interrupt=True)
    assert answer.status_code == 200
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert [name for name, _ in live(issue)] == ["Mate"]
    assert not HeartbeatRun.objects.filter(issue=issue, agent=shop.worker).exclude(pk=run.pk).exists()


def test_without_a_running_run_there_is_nothing_to_interrupt(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    queued = HeartbeatRunFactory(agent=shop.worker, issue=issue)
    patch(shop, issue, comment="Hurry", interrupt=True)
    queued.refresh_from_db()
    assert queued.status == "queued"


def test_cancelling_an_issue_cancels_its_run_and_done_does_not(shop: Shop) -> None:
    issue, run = at_it(shop)
    finished, other = at_it(shop)
    patch(shop, issue, status="cancelled")
    patch(shop, finished, status="done")
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.status, other.status) == ("cancelled", "running")
    assert live(issue) == []
    cancelled = ActivityEvent.objects.get(action="issue.updated", issue=issue).details or {}
    assert cancelled["cancelledStatusRunId"] == str(run.pk)


def test_a_release_promotes_what_waited_for_the_lock(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    shop.owner.patch(f"/api/issues/{issue.pk}", {"assigneeAgentId": "mate"}, format="json")
    waiting = WakeupRequest.objects.get()
    HeartbeatRun.objects.filter(pk=present(waiting.run_id)).delete()
    WakeupRequest.objects.filter(pk=waiting.pk).update(status="deferred_issue_execution", run=None)
    shop.owner.post(f"/api/issues/{issue.pk}/release", {}, format="json")
    waiting.refresh_from_db()
    assert waiting.status == "queued"


@pytest.mark.parametrize("how", ["patch", "comment"])
def test_a_run_that_speaks_is_not_detached(shop: Shop, how: str) -> None:
    issue, run = at_it(shop)
    HeartbeatRun.objects.filter(pk=run.pk).update(error_code="process_detached", error="nobody watches it")
    client = speaking_for(run)
    if how == "patch":
        client.patch(f"/api/issues/{issue.pk}", {"title": "Still here"}, format="json")
    else:
        client.post(f"/api/issues/{issue.pk}/comments", {"body": "Still here"}, format="json")
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("running", None)
