"""Comments over HTTP: what they store, reopen, refuse, and whom they wake (spec/4, W5 to W7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.models import ActivityEvent
from heartbeats.models import WakeupRequest
from issues.models import Issue, IssueComment
from issues.vocabulary import IssueStatus
from tests.factories.heartbeats import finished_run, running_run
from tests.factories.issues import (
    IssueCommentFactory,
    IssueFactory,
    IssueRelationFactory,
    TreeHoldFactory,
    assigned_to,
    comment_of_agent,
)
from tests.issues.conftest import Shop, at_work

pytestmark = pytest.mark.django_db


def say(client: Any, issue: Issue, body: str = "Hello", **more: Any) -> Any:
    return client.post(f"/api/issues/{issue.pk}/comments", {"body": body, **more}, format="json")


def test_a_comment_is_stored_with_author_and_run(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    run, client = at_work(shop.worker)
    answer = say(client, issue, "one\\ntwo")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["authorAgentId"], body["authorUserId"]) == (str(shop.worker.pk), None)
    assert (body["createdByRunId"], body["body"], body["followUpRequested"]) == (str(run.pk), "one\ntwo", False)
    assert ActivityEvent.objects.get(action="issue.comment_added").run_id == run.pk


def test_a_persons_comment_is_a_human_action_and_an_agents_is_not(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    say(shop.worker_key, issue)
    assert Issue.objects.get().last_human_action_at is None
    say(shop.owner, issue)
    assert Issue.objects.get().last_human_action_at is not None


@pytest.mark.parametrize("body", [{}, {"body": ""}, {"body": 5}, {"body": "x", "reopen": "yes"}])
def test_bad_comments_are_400(shop: Shop, body: dict[str, Any]) -> None:
    issue = IssueFactory(company=shop.company)
    assert shop.owner.post(f"/api/issues/{issue.pk}/comments", body, format="json").status_code == 400


@pytest.mark.parametrize("status", [IssueStatus.DONE, IssueStatus.CANCELLED, IssueStatus.BLOCKED])
def test_a_person_reopens_by_speaking_to_the_agent_that_owns_it(shop: Shop, status: IssueStatus) -> None:
    issue = assigned_to(shop.worker, status=status)
    say(shop.owner, issue)
    issue.refresh_from_db()
    assert (issue.status, issue.completed_at, issue.cancelled_at) == ("todo", None, None)
    updated = ActivityEvent.objects.get(action="issue.updated").details
    assert updated is not None
    assert (updated["reopened"], updated["reopenedFrom"]) == (True, status.value)


def test_speaking_reopens_nothing_that_waits_or_that_no_agent_owns(shop: Shop) -> None:
    waiting = assigned_to(shop.worker, status=IssueStatus.BLOCKED)
    IssueRelationFactory(blocked=waiting)
    unowned = IssueFactory(company=shop.company, status=IssueStatus.DONE)
    for issue in (waiting, unowned):
        say(shop.owner, issue)
    assert set(Issue.objects.filter(pk__in=[waiting.pk, unowned.pk]).values_list("status", flat=True)) == {
        "blocked",
        "done",
    }


def test_an_agent_reopens_only_when_it_says_so(shop: Shop) -> None:
    issue = assigned_to(shop.worker, status=IssueStatus.DONE)
    say(shop.worker_key, issue)
    issue.refresh_from_db()
    assert issue.status == "done"
    say(shop.worker_key, issue, reopen=True)
    issue.refresh_from_db()
    assert issue.status == "todo"


@pytest.mark.parametrize(
    ("status", "code"),
    [("cancelled", 409), ("in_review", 409), ("backlog", 409), ("done", 201), ("todo", 201)],
)
def test_resume_is_refused_where_work_cannot_go_on(shop: Shop, status: str, code: int) -> None:
    issue = assigned_to(shop.worker, status=IssueStatus(status))
    answer = say(shop.owner, issue, resume=True)
    assert answer.status_code == code
    if code == 201:
        assert answer.json()["followUpRequested"] is True


def test_resume_is_refused_under_a_hold_and_with_open_blockers(shop: Shop) -> None:
    held, blocked = assigned_to(shop.worker), assigned_to(shop.worker)
    TreeHoldFactory(root_issue=held)
    IssueRelationFactory(blocked=blocked)
    assert [say(shop.owner, issue, resume=True).status_code for issue in (held, blocked)] == [409, 409]
    assert not IssueComment.objects.exists()


def test_only_people_interrupt(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    answer = say(shop.worker_key, issue, interrupt=True)
    assert (answer.status_code, answer.json()) == (403, {"error": "Only board users can interrupt active runs"})


def test_the_thread_is_read_newest_first_and_pages_never_repeat(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    moment = timezone.now()
    said = sorted((IssueCommentFactory(issue=issue) for _ in range(5)), key=lambda comment: comment.pk)
    for number, comment in enumerate(said):
        created = moment + timedelta(microseconds=number // 2)
        IssueComment.objects.filter(pk=comment.pk).update(created_at=created, body=str(number))
    address = f"/api/issues/{issue.pk}/comments"
    down = [row["body"] for row in shop.owner.get(address).json()]
    assert down == ["4", "3", "2", "1", "0"]
    after = {"after": str(said[1].pk), "order": "asc"}
    assert [row["body"] for row in shop.owner.get(address, after).json()] == ["2", "3", "4"]
    older = {"afterCommentId": str(said[2].pk), "limit": "1"}
    assert [row["body"] for row in shop.owner.get(address, older).json()] == ["1"]
    assert shop.owner.get(address, {"after": str(IssueCommentFactory().pk)}).status_code == 404
    assert shop.owner.get(address, {"order": "odd"}).status_code == 400


def test_one_comment_is_read_on_its_own_issue_only(shop: Shop) -> None:
    issue, other = IssueFactory(company=shop.company), IssueFactory(company=shop.company)
    comment = IssueCommentFactory(issue=issue)
    assert shop.owner.get(f"/api/issues/{issue.pk}/comments/{comment.pk}").json()["id"] == str(comment.pk)
    for wrong in (f"{other.pk}/comments/{comment.pk}", f"{issue.pk}/comments/nonsense"):
        assert shop.owner.get(f"/api/issues/{wrong}").json() == {"error": "Comment not found"}


def test_only_what_waits_behind_the_active_run_can_be_withdrawn(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    old = IssueCommentFactory(issue=issue, author_user=shop.person)
    address = f"/api/issues/{issue.pk}/comments/{old.pk}"
    assert shop.owner.delete(address).status_code == 409
    running_run(agent=shop.worker, issue=issue)
    assert shop.owner.delete(address).status_code == 409
    fresh = IssueCommentFactory(issue=issue, author_user=shop.person)
    assert shop.ceo_key.delete(f"/api/issues/{issue.pk}/comments/{fresh.pk}").status_code == 403
    answer = shop.owner.delete(f"/api/issues/{issue.pk}/comments/{fresh.pk}")
    assert (answer.status_code, answer.json()["id"]) == (200, str(fresh.pk))
    assert list(IssueComment.objects.values_list("pk", flat=True)) == [old.pk]
    assert ActivityEvent.objects.filter(action="issue.comment_cancelled").count() == 1


def test_a_finished_run_reads_nothing_any_more(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    finished_run(agent=shop.worker, issue=issue)
    comment = IssueCommentFactory(issue=issue, author_user=shop.person)
    assert shop.owner.delete(f"/api/issues/{issue.pk}/comments/{comment.pk}").status_code == 409


@pytest.mark.django_db(transaction=True)
def test_w5_a_comment_wakes_the_assignee_but_not_its_author(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    say(shop.worker_key, issue)
    assert not WakeupRequest.objects.exists()
    comment = say(shop.owner, issue).json()
    wake = WakeupRequest.objects.get()
    assert (wake.reason, wake.source, wake.trigger_detail) == ("issue_commented", "automation", "system")
    assert (wake.requested_by_type, wake.requested_by_id) == ("user", str(shop.person.pk))
    assert wake.payload == {"issueId": str(issue.pk), "commentId": comment["id"], "mutation": "comment"}
    context = wake.run.context if wake.run else {}
    assert (context["source"], context["wakeCommentId"]) == ("issue.comment", comment["id"])


@pytest.mark.django_db(transaction=True)
def test_w6_a_comment_that_reopens_wakes_even_its_author(shop: Shop) -> None:
    issue = assigned_to(shop.worker, status=IssueStatus.DONE)
    say(shop.worker_key, issue, reopen=True)
    wake = WakeupRequest.objects.get()
    assert wake.reason == "issue_reopened_via_comment"
    assert (wake.payload or {})["reopenedFrom"] == "done"


@pytest.mark.django_db(transaction=True)
def test_w7_mentions_wake_also_on_closed_issues_and_the_assignee_once(shop: Shop) -> None:
    issue = assigned_to(shop.worker, status=IssueStatus.DONE)
    say(shop.mate_key, IssueFactory(company=shop.company), "hello @worker and @mate")
    say(shop.ceo_key, issue, "see @Mate and @Worker")
    reasons = list(WakeupRequest.objects.order_by("requested_at", "pk").values_list("agent__name", "wake_reason"))
    assert sorted(reasons) == [
        ("Mate", "issue_comment_mentioned"),
        ("Worker", "issue_comment_mentioned"),
        ("Worker", "issue_comment_mentioned"),
    ]


@pytest.mark.django_db(transaction=True)
def test_the_assignees_wake_wins_over_a_mention_of_it(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    say(shop.owner, issue, "@Worker please")
    assert [wake.reason for wake in WakeupRequest.objects.all()] == ["issue_commented"]


@pytest.mark.django_db(transaction=True)
def test_a_paused_agent_fails_no_comment(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    type(shop.worker).objects.filter(pk=shop.worker.pk).update(status="paused")
    assert say(shop.owner, issue).status_code == 201
    wake = WakeupRequest.objects.get()
    assert (wake.status, wake.reason, wake.run_id) == ("skipped", "agent.not_invokable", None)


def test_agents_comments_count_as_theirs(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    comment_of_agent(issue, shop.worker)
    row = shop.owner.get(f"/api/issues/{issue.pk}/comments").json()[0]
    assert row["authorAgentId"] == str(shop.worker.pk)
