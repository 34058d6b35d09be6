"""What a hold ends, how long an operator waits for that, and what its own end wakes (spec/4 section 6)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from agents.actors import system
from config.common import after_commit
from config.common.clock import utc_now
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.cancelling import cancel_run, process_stopped
from heartbeats.vocabulary import WakeupSource
from heartbeats.wakeups.request import WakeupAsk, request_wakeup
from heartbeats.wakeups.tree_holds import TASK, begin_hold, end_hold_of
from issues import announcements as said
from issues.models import Issue, TreeHold
from issues.vocabulary import HoldMode, IssueStatus
from recovery.stranded.held import find_unfinished_holds, finish_hold
from recovery.sweeps.rows import Done, Left
from tests.factories.heartbeats import HeartbeatRunFactory, running_run
from tests.factories.issues import TreeHoldFactory, assigned_to
from tests.issues.conftest import Shop
from tests.issues.test_issues_holds import hold

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tree(shop: Shop) -> list[Issue]:
    """An issue in progress, a todo one below it, and one that rests."""
    top = assigned_to(shop.worker, status=IssueStatus.IN_PROGRESS, title="top")
    return [top, assigned_to(shop.mate, parent=top, title="left"), assigned_to(shop.ceo, parent=top, title="rests")]


def paused_with_run(shop: Shop, tree: list[Issue], **more: Any) -> HeartbeatRun:
    run = HeartbeatRunFactory(agent=shop.worker, issue=tree[0])
    assert hold(shop, tree[0], "pause", **more).status_code == 201
    run.refresh_from_db()
    assert run.status == "cancelled"
    return run


def test_a_resume_wakes_whom_the_pause_stopped_and_nobody_else(shop: Shop, tree: list[Issue]) -> None:
    paused_with_run(shop, tree)
    request_wakeup(
        WakeupAsk(
            agent_id=shop.mate.pk,
            company_id=shop.company.pk,
            source=WakeupSource.ASSIGNMENT,
            reason="issue_assigned",
            payload={"issueId": str(tree[1].pk)},
        ),
        now=utc_now(),
    )
    assert not HeartbeatRun.objects.live().exists()
    assert hold(shop, tree[0], "resume").status_code == 200
    wakes = WakeupRequest.objects.filter(wake_reason="issue_tree_resumed", status="queued")
    assert set(wakes.values_list("issue__title", flat=True)) == {"top", "left"}
    assert HeartbeatRun.objects.live().count() == 2


def test_a_pause_until_active_runs_finish_ends_with_the_last_of_them(shop: Shop, tree: list[Issue]) -> None:
    policy = {"releasePolicy": {"strategy": "after_active_runs_finish"}}
    run = running_run(agent=shop.worker, issue=tree[0])
    HeartbeatRun.objects.filter(pk=run.pk).update(executor_host="elsewhere")
    made = hold(shop, tree[0], "pause", **policy).json()["hold"]
    run.refresh_from_db()
    assert (run.status, run.process_stopping) == ("cancelled", True)
    pause = TreeHold.objects.get(pk=made["id"])
    assert pause.status == "active"
    assert find_unfinished_holds(10) == [pause.pk]
    assert finish_hold(pause.pk, now=utc_now(), dry_run=False) == Left("runs_are_stopping")
    process_stopped(run.pk, epoch=run.epoch, now=utc_now())
    assert isinstance(finish_hold(pause.pk, now=utc_now(), dry_run=False), Done)
    pause.refresh_from_db()
    assert (pause.status, pause.release_reason) == ("released", "Active runs finished")
    assert HeartbeatRun.objects.live().get().wake_reason == "issue_tree_resumed"


def test_a_release_may_wait_for_active_runs_too(shop: Shop, tree: list[Issue]) -> None:
    made = hold(shop, tree[0], "pause").json()["hold"]
    run = running_run(agent=shop.worker, issue=tree[0])
    url = f"/api/issues/{tree[0].pk}/tree-holds/{made['id']}/release"
    waits = {"releasePolicy": {"strategy": "after_active_runs_finish"}}
    assert shop.owner.post(url, waits, format="json").json()["status"] == "active"
    cancel_run(run.pk, now=utc_now())
    HeartbeatRun.objects.filter(pk=run.pk).update(process_stopping=False)
    assert shop.owner.post(url, waits, format="json").json()["status"] == "released"


def test_an_operator_waits_a_second_for_runs_and_a_worker_ends_the_rest(shop: Shop, tree: list[Issue]) -> None:
    run = HeartbeatRunFactory(agent=shop.worker, issue=tree[0])
    pause = TreeHoldFactory(root_issue=tree[0])
    news = said.TreeHeld(
        company_id=shop.company.pk,
        root_issue_id=tree[0].pk,
        hold_id=pause.pk,
        mode=HoldMode.PAUSE,
        issues=(said.facts_of(tree[0]),),
        actor=system(),
        now=utc_now(),
    )
    with transaction.atomic():
        begin_hold(news, wait_seconds=0)
        assert after_commit.pending() == [after_commit.Message(TASK, (str(pause.pk),), "control")]
        transaction.set_rollback(True)
    assert find_unfinished_holds(10) == [pause.pk]
    assert end_hold_of(pause.pk, system(), now=utc_now())
    run.refresh_from_db()
    assert (run.status, find_unfinished_holds(10)) == ("cancelled", [])
