"""Changing issues over HTTP: columns, comments, who may, whom it wakes (spec/4, PATCH and W3 to W8)."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import ActivityEvent, AgentGrant
from agents.vocabulary import Permission
from heartbeats.models import HeartbeatRun, WakeupRequest
from issues.models import Issue, IssueRelation
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory, agent_grant
from tests.factories.heartbeats import finished_run, running_run
from tests.factories.issues import IssueFactory, IssueRelationFactory, ProjectFactory, assigned_to
from tests.issues.conftest import Shop, at_work, speaking_for
from tests.racing import race

pytestmark = pytest.mark.django_db


def patch(client: Any, issue: Issue, **body: Any) -> Any:
    return client.patch(f"/api/issues/{issue.pk}", body, format="json")


def test_named_columns_change_and_the_log_says_what_they_were(shop: Shop) -> None:
    project = ProjectFactory(company=shop.company)
    issue = IssueFactory(company=shop.company, title="Old")
    answer = patch(shop.owner, issue, title="New", priority="high", projectId=str(project.pk))
    assert answer.status_code == 200
    body = answer.json()
    assert (body["title"], body["priority"], body["projectId"]) == ("New", "high", str(project.pk))
    assert body["comment"] is None
    details = ActivityEvent.objects.get(action="issue.updated").details or {}
    assert (details["title"], details["_previous"]["title"]) == ("New", "Old")
    assert details["identifier"] == issue.identifier
    assert "status" not in details


def test_an_unchanged_value_is_no_change(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company, title="Same")
    patch(shop.owner, issue, title="Same", status="todo")
    details = ActivityEvent.objects.get(action="issue.updated").details or {}
    assert details["_previous"] == {}


@pytest.mark.parametrize("status", ["done", "cancelled"])
def test_closing_sets_its_time_and_opening_takes_it_back(shop: Shop, status: str) -> None:
    issue = IssueFactory(company=shop.company)
    closed = patch(shop.owner, issue, status=status).json()
    assert (closed["completedAt"] is not None, closed["cancelledAt"] is not None) == (
        status == "done",
        status == "cancelled",
    )
    opened = patch(shop.owner, issue, status="todo").json()
    assert (opened["completedAt"], opened["cancelledAt"]) == (None, None)


def test_work_begins_once(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    first = patch(shop.owner, issue, status="in_progress").json()["startedAt"]
    patch(shop.owner, issue, status="todo")
    assert patch(shop.owner, issue, status="in_progress").json()["startedAt"] == first


@pytest.mark.parametrize("change", [{"status": "done"}, {"assigneeAgentId": "mate"}])
def test_leaving_in_progress_or_the_assignee_clears_both_locks(shop: Shop, change: dict[str, str]) -> None:
    issue = IssueFactory(company=shop.company)
    _, client = at_work(shop.worker)
    client.post(
        f"/api/issues/{issue.pk}/checkout",
        {"agentId": str(shop.worker.pk), "expectedStatuses": ["todo"]},
        format="json",
    )
    body = patch(shop.owner, issue, **change).json()
    locks = ("checkoutRunId", "executionRunId", "executionLockedAt", "executionAgentNameKey")
    assert [body[name] for name in locks] == [None] * 4


def test_in_progress_keeps_an_assignee_and_waits_for_blockers(shop: Shop) -> None:
    unowned, working, blocked = (
        IssueFactory(company=shop.company),
        assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS),
        assigned_to(shop.worker),
    )
    edge = IssueRelationFactory(blocked=blocked)
    assert patch(shop.owner, unowned, status="in_progress").status_code == 422
    assert patch(shop.owner, working, assigneeAgentId=None).status_code == 422
    answer = patch(shop.owner, blocked, status="in_progress")
    assert answer.json()["details"] == {"unresolvedBlockerIssueIds": [str(edge.blocker_id)]}


def test_an_assignee_may_be_named_by_shortname(shop: Shop) -> None:
    issue = IssueFactory(company=shop.company)
    assert patch(shop.owner, issue, assigneeAgentId="Mate").json()["assigneeAgentId"] == str(shop.mate.pk)
    assert patch(shop.owner, issue, assigneeAgentId="nobody").status_code == 404
    AgentFactory(company=shop.company, name="Mate")
    assert patch(shop.owner, issue, assigneeAgentId="mate").status_code == 409


def test_two_assignees_are_422_also_when_one_was_there(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    assert patch(shop.owner, issue, assigneeUserId=str(shop.person.pk)).status_code == 422
    moved = patch(shop.owner, issue, assigneeUserId=str(shop.person.pk), assigneeAgentId=None)
    assert moved.json()["assigneeUserId"] == str(shop.person.pk)


def test_a_repeated_assignment_of_a_terminated_agent_is_no_new_one(shop: Shop) -> None:
    agent = AgentFactory(company=shop.company, status="terminated")
    issue = IssueFactory(company=shop.company, assignee_agent=agent)
    assert patch(shop.owner, issue, assigneeAgentId=str(agent.pk), title="T").status_code == 200


def test_assigning_needs_the_right_but_giving_back_to_the_author_does_not(shop: Shop) -> None:
    AgentGrant.objects.filter(agent=shop.worker).delete()
    issue = assigned_to(shop.worker, created_by_user=shop.person)
    refused = patch(shop.worker_key, issue, assigneeAgentId=str(shop.mate.pk))
    assert (refused.status_code, refused.json()) == (403, {"error": "Missing permission: tasks:assign"})
    given = patch(shop.worker_key, issue, assigneeAgentId=None, assigneeUserId=str(shop.person.pk))
    assert given.status_code == 200


def test_people_count_as_human_actions_and_agents_do_not(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    patch(shop.worker_key, issue, title="A")
    assert Issue.objects.get().last_human_action_at is None
    patch(shop.owner, issue, title="B")
    assert Issue.objects.get().last_human_action_at is not None


@pytest.mark.parametrize("wish", ["resume", "interrupt"])
def test_wishes_need_a_comment(shop: Shop, wish: str) -> None:
    issue = assigned_to(shop.worker)
    assert patch(shop.owner, issue, **{wish: True}).status_code == 400


def test_a_comment_comes_back_with_the_issue(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    body = patch(shop.owner, issue, status="in_review", comment="Please look").json()
    assert (body["status"], body["comment"]["body"]) == ("in_review", "Please look")
    assert sorted(ActivityEvent.objects.values_list("action", flat=True)) == [
        "issue.comment_added",
        "issue.updated",
    ]


def test_reopen_brings_a_closed_issue_back_unless_a_status_is_named(shop: Shop) -> None:
    closed, named = (assigned_to(shop.worker, status=IssueStatus.DONE) for _ in range(2))
    assert patch(shop.owner, closed, reopen=True).json()["status"] == "todo"
    assert patch(shop.owner, named, reopen=True, status="blocked").json()["status"] == "blocked"


# The agent mutation rule


def test_an_unassigned_issue_is_anybodys(shop: Shop) -> None:
    assert patch(shop.worker_key, IssueFactory(company=shop.company), title="T").status_code == 200


def test_own_work_in_progress_needs_the_run_that_holds_it(shop: Shop) -> None:
    holder = running_run(agent=shop.worker)
    issue = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, checkout_run=holder, execution_run=holder)
    without = patch(shop.worker_key, issue, title="T")
    assert (without.status_code, without.json()) == (401, {"error": "Agent run id required"})
    _, other = at_work(shop.worker)
    conflict = patch(other, issue, title="T")
    assert (conflict.status_code, conflict.json()["error"]) == (409, "Issue run ownership conflict")
    assert conflict.json()["details"]["holder"]["runId"] == str(holder.pk)
    assert patch(speaking_for(holder), issue, title="T").status_code == 200


def test_a_checkout_of_a_run_that_is_over_is_adopted(shop: Shop) -> None:
    over = finished_run(agent=shop.worker)
    issue = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, checkout_run=over)
    run, client = at_work(shop.worker)
    assert patch(client, issue, title="T").json()["checkoutRunId"] == str(run.pk)
    details = ActivityEvent.objects.get(action="issue.checkout_lock_adopted").details or {}
    assert (details["previousCheckoutRunId"], details["checkoutRunId"]) == (str(over.pk), str(run.pk))
    assert details["reason"] == "stale_checkout_run"


def test_a_run_at_work_on_another_issue_takes_nothing(shop: Shop) -> None:
    """Its end clears the locks of its own issue only: what it took here would stay taken (spec/3 K.11)."""
    over = finished_run(agent=shop.worker)
    issue = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, checkout_run=over)
    _, client = at_work(shop.worker, issue=assigned_to(shop.worker))
    assert patch(client, issue, title="T").json()["checkoutRunId"] == str(over.pk)


def test_a_run_that_is_over_may_say_its_last_words_but_takes_nothing(shop: Shop) -> None:
    over, last = finished_run(agent=shop.worker), finished_run(agent=shop.worker)
    issue = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, checkout_run=over)
    assert patch(speaking_for(last), issue, title="T").json()["checkoutRunId"] == str(over.pk)


def test_somebody_elses_issue_is_not_an_agents_to_change(shop: Shop) -> None:
    waiting, working = assigned_to(shop.mate), assigned_to(shop.mate, status=IssueStatus.IN_PROGRESS)
    foreign = patch(shop.worker_key, waiting, title="T")
    assert (foreign.status_code, foreign.json()) == (403, {"error": "Agent cannot mutate another agent's issue"})
    held = patch(shop.worker_key, working, title="T")
    assert (held.status_code, held.json()["error"]) == (409, "Issue is checked out by another agent")


@pytest.mark.parametrize("right", ["grant", "manager", "ceo", "creator"])
def test_overseers_change_what_others_own(shop: Shop, right: str) -> None:
    issue = assigned_to(shop.mate, status=IssueStatus.IN_PROGRESS)
    client = shop.ceo_key if right == "ceo" else shop.worker_key
    if right == "grant":
        agent_grant(shop.worker, Permission.TASKS_MANAGE_ACTIVE_CHECKOUTS)
    if right == "manager":
        between = AgentFactory(company=shop.company, reports_to=shop.worker)
        type(between).objects.filter(pk=shop.mate.pk).update(reports_to=between)
    if right == "creator":
        type(shop.worker).objects.filter(pk=shop.worker.pk).update(can_create_agents=True)
    assert patch(client, issue, title="T").status_code == 200


# Blockers


def test_blockers_are_replaced_whole(shop: Shop) -> None:
    old, new, issue = (IssueFactory(company=shop.company) for _ in range(3))
    IssueRelationFactory(blocked=issue, blocker=old)
    body = patch(shop.owner, issue, blockedByIssueIds=[str(new.pk), str(new.pk)]).json()
    assert [row["identifier"] for row in body["blockedBy"]] == [new.identifier]
    details = ActivityEvent.objects.get(action="issue.blockers_updated").details or {}
    assert (details["addedBlockedByIssueIds"], details["removedBlockedByIssueIds"]) == ([str(new.pk)], [str(old.pk)])
    assert "blockedBy" not in patch(shop.owner, issue, blockedByIssueIds=[str(new.pk)]).json()


def test_an_issue_blocks_neither_itself_nor_what_it_waits_for(shop: Shop) -> None:
    one, two, three = (IssueFactory(company=shop.company) for _ in range(3))
    IssueRelationFactory(blocker=one, blocked=two)
    IssueRelationFactory(blocker=two, blocked=three)
    itself = patch(shop.owner, one, blockedByIssueIds=[str(one.pk)])
    assert (itself.status_code, itself.json()) == (422, {"error": "Issue cannot be blocked by itself"})
    cycle = patch(shop.owner, one, blockedByIssueIds=[str(three.pk)], title="Lost")
    assert (cycle.status_code, cycle.json()) == (422, {"error": "Blocking relations cannot contain cycles"})
    one.refresh_from_db()
    assert one.title != "Lost"


def test_an_issue_is_not_part_of_its_own_parts(shop: Shop) -> None:
    top = IssueFactory(company=shop.company)
    middle = IssueFactory(company=shop.company, parent=top)
    bottom = IssueFactory(company=shop.company, parent=middle)
    for parent in (top, bottom):
        assert patch(shop.owner, top, parentId=str(parent.pk)).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_two_edges_that_close_a_cycle_together_do_not_both_pass(shop: Shop) -> None:
    one, two = IssueFactory(company=shop.company), IssueFactory(company=shop.company)
    answers = race(
        [
            lambda: patch(shop.owner, one, blockedByIssueIds=[str(two.pk)]),
            lambda: patch(shop.owner, two, blockedByIssueIds=[str(one.pk)]),
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert IssueRelation.objects.count() == 1


# Whom it wakes


def wakes() -> list[tuple[str, str, str | None]]:
    rows = WakeupRequest.objects.order_by("agent__name", "wake_reason")
    return list(rows.values_list("agent__name", "source", "wake_reason"))


@pytest.mark.django_db(transaction=True)
def test_w1_creation_wakes_the_assignee_but_not_for_the_backlog(shop: Shop) -> None:
    for status in ("backlog", "todo"):
        shop.owner.post(
            shop.issues, {"title": status, "status": status, "assigneeAgentId": str(shop.worker.pk)}, format="json"
        )
    wake = WakeupRequest.objects.get()
    assert (wake.reason, wake.source) == ("issue_assigned", "assignment")
    assert wake.payload == {"issueId": str(wake.issue_id), "mutation": "create"}
    assert wake.run is not None
    assert wake.run.context["source"] == "issue.create"


@pytest.mark.django_db(transaction=True)
def test_w3_a_new_assignee_is_woken_with_the_comment(shop: Shop) -> None:
    issue = assigned_to(shop.worker)
    comment = patch(shop.owner, issue, assigneeAgentId="mate", comment="Yours now").json()["comment"]
    assert wakes() == [("Mate", "assignment", "issue_assigned")]
    wake = WakeupRequest.objects.get()
    assert (wake.payload or {})["commentId"] == comment["id"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("before", "after", "wakes_it"),
    [
        ("backlog", "todo", True),
        ("backlog", "done", True),
        ("blocked", "todo", True),
        ("done", "todo", True),
        ("cancelled", "todo", True),
        ("blocked", "in_review", False),
        ("todo", "blocked", False),
        ("in_review", "todo", False),
    ],
)
def test_w4_which_changes_of_status_wake_the_assignee(shop: Shop, before: str, after: str, wakes_it: bool) -> None:
    issue = assigned_to(shop.worker, status=IssueStatus(before))
    patch(shop.owner, issue, status=after)
    assert wakes() == ([("Worker", "automation", "issue_status_changed")] if wakes_it else [])


@pytest.mark.django_db(transaction=True)
def test_one_wake_per_agent_and_issue_the_later_rule_wins(shop: Shop) -> None:
    issue = assigned_to(shop.worker, status=IssueStatus.BACKLOG)
    patch(shop.owner, issue, status="todo", comment="Go @Mate")
    assert wakes() == [
        ("Mate", "automation", "issue_comment_mentioned"),
        ("Worker", "automation", "issue_commented"),
    ]


@pytest.mark.django_db(transaction=True)
def test_w8_the_last_blocker_and_the_last_child_wake_those_who_wait(shop: Shop) -> None:
    parent, waiting = assigned_to(shop.mate), assigned_to(shop.ceo)
    first, last = (IssueFactory(company=shop.company, parent=parent) for _ in range(2))
    for blocker in (first, last):
        IssueRelationFactory(blocker=blocker, blocked=waiting)
    patch(shop.owner, first, status="done", comment="First part is in")
    assert wakes() == []
    patch(shop.owner, last, status="done")
    assert wakes() == [
        ("Chief", "automation", "issue_blockers_resolved"),
        ("Mate", "automation", "issue_children_completed"),
    ]
    resolved = WakeupRequest.objects.get(wake_reason="issue_blockers_resolved").payload or {}
    assert resolved["resolvedBlockerIssueId"] == str(last.pk)
    assert resolved["blockerIssueIds"] == [str(first.pk), str(last.pk)]
    completed = WakeupRequest.objects.get(wake_reason="issue_children_completed").payload or {}
    assert [child["summary"] for child in completed["childIssueSummaries"]] == ["First part is in", None]


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_blocker_resolves_nothing_but_a_cancelled_child_counts(shop: Shop) -> None:
    parent, waiting = assigned_to(shop.mate), assigned_to(shop.ceo)
    child = IssueFactory(company=shop.company, parent=parent)
    IssueRelationFactory(blocker=child, blocked=waiting)
    patch(shop.owner, child, status="cancelled")
    assert wakes() == [("Mate", "automation", "issue_children_completed")]


@pytest.mark.django_db(transaction=True)
def test_blockers_that_become_done_at_the_same_moment_wake_who_waits(shop: Shop) -> None:
    waiting = assigned_to(shop.worker)
    blockers = [IssueFactory(company=shop.company) for _ in range(8)]
    for blocker in blockers:
        IssueRelationFactory(blocker=blocker, blocked=waiting)
    race([lambda b=blocker: patch(shop.owner, b, status="done") for blocker in blockers])  # type: ignore[misc]
    assert HeartbeatRun.objects.filter(issue=waiting, status="queued").count() == 1
