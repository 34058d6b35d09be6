"""Pausing, resuming, cancelling and restoring trees over HTTP (spec/4 section 6)."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import ActivityEvent
from heartbeats.models import HeartbeatRun, WakeupRequest
from issues.models import Issue, TreeHold
from issues.vocabulary import IssueStatus
from tests.factories.heartbeats import HeartbeatRunFactory, WakeupRequestFactory
from tests.factories.issues import IssueCommentFactory, IssueFactory, TreeHoldFactory, assigned_to
from tests.issues.conftest import Shop
from tests.racing import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def tree(shop: Shop) -> list[Issue]:
    """An issue in progress, below it one todo and one done, below the todo one in the backlog."""
    top = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, title="top")
    left = assigned_to(shop.mate, parent=top, title="left")
    right = IssueFactory(company=shop.company, parent=top, status=IssueStatus.DONE, title="right")
    leaf = IssueFactory(company=shop.company, parent=left, status=IssueStatus.BACKLOG, title="leaf")
    return [top, left, right, leaf]


def hold(shop: Shop, issue: Issue, mode: str, **more: Any) -> Any:
    return shop.owner.post(f"/api/issues/{issue.pk}/tree-holds", {"mode": mode, **more}, format="json")


def look(shop: Shop, issue: Issue, mode: str, **more: Any) -> Any:
    return shop.owner.post(f"/api/issues/{issue.pk}/tree-control/preview", {"mode": mode, **more}, format="json")


def statuses() -> dict[str, str]:
    return dict(Issue.objects.values_list("title", "status"))


def test_a_preview_tells_everything_and_changes_nothing(shop: Shop, tree: list[Issue]) -> None:
    run = HeartbeatRunFactory(agent=shop.mate, issue=tree[1])
    answer = look(shop, tree[0], "cancel")
    assert answer.status_code == 200
    body = answer.json()
    assert body["totals"] == {
        "totalIssues": 4,
        "affectedIssues": 3,
        "skippedIssues": 1,
        "activeRuns": 0,
        "queuedRuns": 1,
        "affectedAgents": 2,
    }
    assert body["countsByStatus"] == {"in_progress": 1, "todo": 1, "done": 1, "backlog": 1}
    assert [(row["title"], row["skipReason"]) for row in body["skippedIssues"]] == [("right", "terminal_status")]
    assert [row["id"] for row in body["activeRuns"]] == [str(run.pk)]
    assert [row["code"] for row in body["warnings"]] == ["queued_runs_present"]
    assert statuses()["top"] == "in_progress"
    assert ActivityEvent.objects.filter(action="issue.tree_control_previewed").count() == 1


@pytest.mark.parametrize(
    ("mode", "codes"),
    [("resume", ["no_active_pause_holds"]), ("restore", ["no_affected_issues"]), ("pause", [])],
)
def test_a_preview_warns_of_orders_that_do_nothing(shop: Shop, tree: list[Issue], mode: str, codes: list[str]) -> None:
    assert [row["code"] for row in look(shop, tree[0], mode).json()["warnings"]] == codes


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mode": "odd"},
        {"mode": "pause", "extra": 1},
        {"mode": "pause", "releasePolicy": {"strategy": "odd"}},
        {"mode": "pause", "releasePolicy": {"strategy": "manual", "x": 1}},
    ],
)
def test_bodies_are_strict(shop: Shop, tree: list[Issue], body: dict[str, Any]) -> None:
    for address in ("tree-control/preview", "tree-holds"):
        assert shop.owner.post(f"/api/issues/{tree[0].pk}/{address}", body, format="json").status_code == 400


def test_only_people_of_the_company_hold_trees(shop: Shop, tree: list[Issue]) -> None:
    address = f"/api/issues/{tree[0].pk}/tree-holds"
    refused = shop.ceo_key.post(address, {"mode": "pause"}, format="json")
    assert (refused.status_code, refused.json()) == (403, {"error": "Board access required"})
    for client in (shop.stranger, shop.viewer):
        assert client.post(address, {"mode": 5}, format="json").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_pause_ends_the_runs_and_shows_on_everything_below(shop: Shop, tree: list[Issue]) -> None:
    run = HeartbeatRunFactory(agent=shop.mate, issue=tree[1])
    answer = hold(shop, tree[0], "pause", reason="Lunch")
    assert answer.status_code == 201
    made = answer.json()["hold"]
    assert (made["mode"], made["status"], made["createdByUserId"]) == ("pause", "active", str(shop.person.pk))
    assert len(made["members"]) == 4
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert "pause" in (run.error or "")
    state = shop.owner.get(f"/api/issues/{tree[3].pk}/tree-control/state").json()["activePauseHold"]
    assert (state["holdId"], state["isRoot"], state["reason"]) == (made["id"], False, "Lunch")
    assert ActivityEvent.objects.filter(action="issue.tree_hold_run_interrupted").count() == 1
    assert statuses()["left"] == "todo"
    skipped = {row["title"]: row["skipReason"] for row in look(shop, tree[1], "pause").json()["skippedIssues"]}
    assert skipped == {"left": "already_held", "leaf": "already_held"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["pause", "cancel"])
def test_a_hold_cancels_the_wakeups_that_no_run_took_up_and_logs_each(shop: Shop, tree: list[Issue], mode: str) -> None:
    top = tree[0]
    served = WakeupRequestFactory(agent=shop.mate, issue=top, status="queued")
    run = HeartbeatRunFactory(agent=shop.mate, issue=top, wakeup=served)
    WakeupRequest.objects.filter(pk=served.pk).update(run=run)
    comment = IssueCommentFactory(issue=top, author_user=shop.person)
    waiting = WakeupRequestFactory(
        agent=shop.worker,
        issue=top,
        status="deferred_issue_execution",
        run=None,
        requested_by_type="user",
        requested_by_id=str(shop.person.pk),
        context={"wakeReason": "issue_commented", "wakeCommentIds": [str(comment.pk)]},
    )
    assert hold(shop, top, mode).status_code == 201
    for wakeup in (served, waiting):
        wakeup.refresh_from_db()
        assert (wakeup.status, wakeup.finished_at is not None) == ("cancelled", True)
    logged = ActivityEvent.objects.filter(action="issue.tree_hold_wakeup_deferred", issue=top)
    assert set(logged.values_list("entity_id", flat=True)) == {str(served.pk), str(waiting.pk)}
    assert not HeartbeatRun.objects.live().exists()
    assert statuses()["top"] == ("cancelled" if mode == "cancel" else "in_progress")


@pytest.mark.django_db(transaction=True)
def test_a_resume_releases_every_pause_inside_the_tree(shop: Shop, tree: list[Issue]) -> None:
    first, second = TreeHoldFactory(root_issue=tree[0]), TreeHoldFactory(root_issue=tree[3])
    answer = hold(shop, tree[0], "resume")
    assert answer.status_code == 200
    assert set(answer.json()["resumedPauseHoldIds"]) == {str(first.pk), str(second.pk)}
    assert shop.owner.get(f"/api/issues/{tree[3].pk}/tree-control/state").json() == {"activePauseHold": None}
    assert not TreeHold.objects.filter(status="active").exists()


@pytest.mark.django_db(transaction=True)
def test_a_cancel_closes_the_tree_ends_its_runs_and_wakes_the_parent_above(shop: Shop, tree: list[Issue]) -> None:
    above = assigned_to(shop.ceo, title="above")
    Issue.objects.filter(pk=tree[0].pk).update(parent=above)
    run = HeartbeatRunFactory(agent=shop.worker, issue=tree[0])
    assert hold(shop, tree[0], "cancel").status_code == 201
    assert statuses() == {
        "above": "todo",
        "top": "cancelled",
        "left": "cancelled",
        "right": "done",
        "leaf": "cancelled",
    }
    assert Issue.objects.filter(status="cancelled", cancelled_at__isnull=True).count() == 0
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert ActivityEvent.objects.filter(action="issue.tree_cancel_status_updated").count() == 3
    assert WakeupRequest.objects.get(agent=shop.ceo).wake_reason == "issue_children_completed"


@pytest.mark.django_db(transaction=True)
def test_w12_a_restore_brings_back_what_the_cancel_took_and_wakes_when_asked(shop: Shop, tree: list[Issue]) -> None:
    by_hand = IssueFactory(company=shop.company, parent=tree[0], status=IssueStatus.CANCELLED, title="by hand")
    hold(shop, tree[0], "cancel")
    Issue.objects.filter(pk=tree[3].pk).update(status="todo", cancelled_at=None)
    preview = look(shop, tree[0], "restore").json()
    assert {row["title"]: row["skipReason"] for row in preview["skippedIssues"]} == {
        "right": "not_cancelled",
        "by hand": "not_cancelled_by_tree_control",
        "leaf": "changed_after_cancel",
    }
    assert [row["code"] for row in preview["warnings"]] == ["restore_conflicts_present"]
    answer = hold(shop, tree[0], "restore", metadata={"wakeAgents": True})
    assert answer.status_code == 200
    restored = statuses()
    assert (restored["top"], restored["left"], restored[by_hand.title]) == ("todo", "todo", "cancelled")
    assert not TreeHold.objects.filter(status="active").exists()
    wakes = WakeupRequest.objects.filter(wake_reason="issue_tree_restored")
    assert set(wakes.values_list("agent__name", flat=True)) == {"Worker", "Mate"}
    wake = wakes.get(agent=shop.mate)
    assert wake.payload == {
        "issueId": str(tree[1].pk),
        "rootIssueId": str(tree[0].pk),
        "restoreHoldId": answer.json()["hold"]["id"],
    }


@pytest.mark.django_db(transaction=True)
def test_a_restore_without_the_wish_wakes_nobody(shop: Shop, tree: list[Issue]) -> None:
    hold(shop, tree[0], "cancel")
    hold(shop, tree[0], "restore")
    assert statuses()["left"] == "todo"
    assert not HeartbeatRun.objects.filter(status="queued").exists()


@pytest.mark.django_db(transaction=True)
def test_restoring_a_part_leaves_the_rest_cancelled_and_restorable(shop: Shop, tree: list[Issue]) -> None:
    hold(shop, tree[0], "cancel")
    hold(shop, tree[1], "restore")
    assert (statuses()["left"], statuses()["top"]) == ("todo", "cancelled")
    hold(shop, tree[0], "restore")
    assert statuses()["top"] == "todo"


@pytest.mark.django_db(transaction=True)
def test_a_hold_is_released_once(shop: Shop, tree: list[Issue]) -> None:
    made = hold(shop, tree[0], "pause").json()["hold"]
    address = f"/api/issues/{tree[0].pk}/tree-holds/{made['id']}"
    released = shop.owner.post(f"{address}/release", {"reason": "Done"}, format="json")
    assert (released.status_code, released.json()["status"]) == (200, "released")
    assert released.json()["releaseReason"] == "Done"
    again = shop.owner.post(f"{address}/release", {}, format="json")
    assert (again.status_code, again.json()) == (409, {"error": "Issue tree hold is already released"})
    elsewhere = f"/api/issues/{tree[1].pk}/tree-holds/{made['id']}"
    assert shop.owner.get(elsewhere).json() == {"error": "Issue tree hold not found"}


def test_holds_are_listed_with_members_when_asked(shop: Shop, tree: list[Issue]) -> None:
    hold(shop, tree[0], "pause")
    address = f"/api/issues/{tree[0].pk}/tree-holds"
    assert "members" not in shop.owner.get(address).json()[0]
    assert len(shop.owner.get(address, {"includeMembers": "true"}).json()[0]["members"]) == 4
    assert shop.owner.get(address, {"status": "released"}).json() == []
    assert shop.owner.get(address, {"mode": "odd"}).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_of_four_who_cancel_and_restore_at_once_nobody_deadlocks(shop: Shop, tree: list[Issue]) -> None:
    answers = race([lambda mode=mode: hold(shop, tree[0], mode) for mode in ("cancel", "pause", "restore", "cancel")])  # type: ignore[misc]
    assert all(answer.status_code in (200, 201) for answer in answers)
