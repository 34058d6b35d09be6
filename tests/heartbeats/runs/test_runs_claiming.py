"""Claiming on real rows: order, gates, slots, epochs, and what a refused run leaves (spec/2 C)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.models import ActivityEvent, Agent, LiveEvent
from agents.vocabulary import AgentStatus
from config.common.clock import database_now
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs import claim_facts
from heartbeats.runs.claim_facts import load_queue
from heartbeats.runs.claiming import Claimed, claim_runs
from heartbeats.vocabulary import RunStatus, WakeupStatus
from issues.models import Issue
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory, WakeupRequestFactory, finished_run, running_run
from tests.factories.issues import IssueCommentFactory, IssueFactory, IssueRelationFactory, TreeHoldFactory, assigned_to
from tests.present import present
from tests.statements import counted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def claim(agent: Agent, capacity: int = 10) -> Claimed:
    return claim_runs(agent.pk, host="host-a", boot_id="boot-1", capacity=capacity, lease_seconds=60, now=NOW)


def queued(agent: Agent, issue: Issue | None = None, **columns: Any) -> HeartbeatRun:
    run: HeartbeatRun = HeartbeatRunFactory(agent=agent, issue=issue, **columns)
    return run


def test_a_claim_takes_epoch_host_and_lease_and_moves_wakeup_lock_and_agent() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    run = queued(agent, issue)
    claimed = claim(agent)
    run.refresh_from_db()
    issue.refresh_from_db()
    agent.refresh_from_db()
    assert [(one.run_id, one.epoch, one.lease_expires_at) for one in claimed.runs] == [
        (run.pk, 1, run.lease_expires_at)
    ]
    assert (run.status, run.executor_host, run.executor_boot_id, run.started_at) == ("running", "host-a", "boot-1", NOW)
    assert run.lease_expires_at is not None
    assert abs(run.lease_expires_at - database_now() - timedelta(seconds=60)) < timedelta(seconds=5)
    assert WakeupRequest.objects.get(pk=present(run.wakeup_id)).status == WakeupStatus.CLAIMED
    assert (issue.execution_run_id, agent.status) == (run.pk, "running")
    assert [(event.seq, event.message) for event in run.events.all()] == [(1, "run started")]
    types = list(LiveEvent.objects.order_by("id").values_list("type", flat=True))
    assert types == ["heartbeat.run.status", "heartbeat.run.event", "agent.status"]


def test_no_more_runs_than_slots_and_a_stopping_process_keeps_its_slot() -> None:
    agent = AgentFactory(max_concurrent_runs=3)
    running_run(agent=agent)
    finished_run(RunStatus.CANCELLED, agent=agent, process_stopping=True)
    for _ in range(3):
        queued(agent, assigned_to(agent))
    claimed = claim(agent)
    assert (len(claimed.runs), claimed.waiting) == (1, 2)
    assert claim(agent) == Claimed(waiting=2)


def test_the_hosts_capacity_limits_too() -> None:
    agent = AgentFactory()
    for _ in range(3):
        queued(agent)
    assert len(claim(agent, capacity=2).runs) == 2


def test_no_second_run_for_an_issue_whose_process_is_still_being_stopped() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    stopping = finished_run(RunStatus.CANCELLED, agent=agent, issue=issue, process_stopping=True)
    run = queued(agent, issue)
    assert claim(agent).runs == ()
    HeartbeatRun.objects.filter(pk=stopping.pk).update(process_stopping=False)
    assert [one.run_id for one in claim(agent).runs] == [run.pk]


def test_order_ready_in_progress_then_ready_then_no_issue_then_priority_and_age() -> None:
    agent = AgentFactory(max_concurrent_runs=10)
    without = queued(agent)
    low = queued(agent, assigned_to(agent, priority="low"))
    critical = queued(agent, assigned_to(agent, priority="critical"))
    in_progress = queued(agent, assigned_to(agent, priority="low", status=IssueStatus.IN_PROGRESS))
    claimed = [claim(agent, capacity=1).runs[0].run_id for _ in range(4)]
    assert claimed == [in_progress.pk, critical.pk, low.pk, without.pk]


@pytest.mark.parametrize("status", [AgentStatus.PAUSED, AgentStatus.PENDING_APPROVAL])
def test_an_agent_that_is_not_invokable_claims_nothing(status: AgentStatus) -> None:
    agent = AgentFactory(status=status)
    queued(agent)
    assert claim(agent) == Claimed()


def test_what_is_left_in_the_queue_of_a_terminated_agent_is_cancelled() -> None:
    agent = AgentFactory(status=AgentStatus.TERMINATED)
    run = queued(agent, assigned_to(agent))
    assert claim(agent) == Claimed(cancelled=(run.pk,))
    assert not HeartbeatRun.objects.live().exists()


def test_a_refused_run_frees_its_slot_for_the_next_one() -> None:
    agent = AgentFactory(max_concurrent_runs=1)
    stale = queued(agent, IssueFactory(company=agent.company, status=IssueStatus.IN_PROGRESS))
    good = queued(agent, assigned_to(agent))
    claimed = claim(agent)
    assert claimed.cancelled == (stale.pk,)
    assert [one.run_id for one in claimed.runs] == [good.pk]


def test_unresolved_blockers_end_the_run_and_skip_the_wakeup() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    blocker = IssueFactory(company=agent.company)
    IssueRelationFactory(blocked=issue, blocker=blocker)
    run = queued(agent, issue)
    assert claim(agent).cancelled == (run.pk,)
    run.refresh_from_db()
    assert (run.status, run.error_code, run.finished_at) == ("cancelled", "issue_dependencies_blocked", NOW)
    assert run.result is not None
    assert (run.result["stopReason"], run.result["timeoutSource"]) == ("issue_dependencies_blocked", "dependency_gate")
    assert WakeupRequest.objects.get(pk=present(run.wakeup_id)).status == WakeupStatus.SKIPPED
    event = run.events.get()
    assert event.payload is not None
    assert event.payload["unresolvedBlockerIssueIds"] == [str(blocker.pk)]


def test_a_comment_runs_on_a_blocked_issue_that_belongs_to_somebody_else() -> None:
    agent = AgentFactory()
    issue = IssueFactory(company=agent.company)
    IssueRelationFactory(blocked=issue, blocker=IssueFactory(company=agent.company))
    comment = IssueCommentFactory(issue=issue)
    context = {"issueId": str(issue.pk), "wakeReason": "issue_comment_mentioned", "wakeCommentIds": [str(comment.pk)]}
    run = queued(agent, issue, wake_reason="issue_comment_mentioned", context=context)
    assert [one.run_id for one in claim(agent).runs] == [run.pk]
    issue.refresh_from_db()
    assert issue.execution_run_id is None  # only the assignee's run takes the lock


def test_a_changed_assignee_ends_the_run_and_promotes_who_waits_behind_it() -> None:
    agent = AgentFactory()
    new = AgentFactory(company=agent.company)
    issue = assigned_to(agent)
    run = queued(agent, issue)
    Issue.objects.filter(pk=issue.pk).update(assignee_agent=new, execution_run=run)
    waiting = WakeupRequestFactory(
        agent=new, issue=issue, status=WakeupStatus.DEFERRED, context={"issueId": str(issue.pk)}, wake_reason="x"
    )
    assert claim(agent).cancelled == (run.pk,)
    run.refresh_from_db()
    assert run.error_code == "issue_assignee_changed"
    promoted = HeartbeatRun.objects.get(agent=new)
    waiting.refresh_from_db()
    issue.refresh_from_db()
    assert (waiting.status, waiting.reason, waiting.run_id) == ("queued", "issue_execution_promoted", promoted.pk)
    assert issue.execution_run_id == promoted.pk


def test_a_closed_issue_ends_the_run_unless_it_means_to_resume() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent, status=IssueStatus.DONE)
    run = queued(agent, issue)
    claim(agent)
    run.refresh_from_db()
    assert run.error_code == "issue_terminal_status"
    resuming = queued(agent, issue, context={"issueId": str(issue.pk), "resumeIntent": True})
    assert [one.run_id for one in claim(agent).runs] == [resuming.pk]


def test_an_issue_that_was_deleted_ends_the_run() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    run = queued(agent, issue)
    issue.delete()
    assert claim(agent).cancelled == (run.pk,)
    run.refresh_from_db()
    assert run.error_code == "issue_not_found"


def test_another_review_participant_ends_the_run() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent, status=IssueStatus.IN_REVIEW, review_participant_agent=AgentFactory())
    run = queued(agent, issue)
    claim(agent)
    run.refresh_from_db()
    assert run.error_code == "issue_review_participant_changed"


def test_a_pause_hold_ends_the_run_and_is_logged_but_a_verified_comment_passes() -> None:
    agent = AgentFactory()
    held = assigned_to(agent)
    TreeHoldFactory(root_issue=held)
    run = queued(agent, held)
    assert claim(agent).cancelled == (run.pk,)
    assert ActivityEvent.objects.get().action == "issue.tree_hold_run_interrupted"
    comment = IssueCommentFactory(issue=held)
    context = {
        "issueId": str(held.pk),
        "wakeReason": "issue_commented",
        "source": "issue.comment",
        "wakeCommentIds": [str(comment.pk)],
    }
    wakeup = WakeupRequestFactory(
        agent=agent, issue=held, requested_by_type="user", requested_by_id=str(comment.author_user_id)
    )
    spoken = queued(agent, held, context=context, wake_reason="issue_commented", wakeup=wakeup)
    assert [one.run_id for one in claim(agent).runs] == [spoken.pk]


def test_a_budget_stop_ends_the_run_with_its_reason() -> None:
    agent = AgentFactory()
    run = queued(agent)
    agent.company.status, agent.company.pause_reason = "paused", "budget"
    agent.company.save(update_fields=["status", "pause_reason"])
    claim(agent)
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert "budget" in (run.error or "")
    assert WakeupRequest.objects.get(pk=present(run.wakeup_id)).status == WakeupStatus.CANCELLED


def test_very_many_refused_runs_do_not_make_one_long_transaction() -> None:
    agent = AgentFactory(max_concurrent_runs=10)
    for _ in range(60):
        queued(agent, IssueFactory(company=agent.company))
    first = claim(agent)
    assert (len(first.cancelled), first.waiting) == (40, 20)
    assert len(claim(agent).cancelled) == 20


def test_of_a_long_queue_the_first_in_claim_order_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = AgentFactory()
    for status in (IssueStatus.TODO, IssueStatus.IN_PROGRESS):
        for priority in ("low", "critical", "medium", "high"):
            queued(agent, assigned_to(agent, status=status, priority=priority))
    blocked = assigned_to(agent, status=IssueStatus.IN_PROGRESS, priority="critical")
    IssueRelationFactory(blocker=IssueFactory(company=agent.company), blocked=blocked)
    for issue in (blocked, None):
        queued(agent, issue)
    everything = load_queue(agent, now=NOW)
    for few in range(1, 10):
        monkeypatch.setattr(claim_facts, "MOST_LOADED", few)
        queue = load_queue(agent, now=NOW)
        assert queue.runs == everything.runs[:few]
        assert queue.waiting == len(everything.runs) == 10


@pytest.mark.django_db(transaction=True)
def test_a_claim_costs_the_same_for_one_run_as_for_five() -> None:
    for count in (1, 5):
        agent = AgentFactory(max_concurrent_runs=5)
        for _ in range(count):
            queued(agent, assigned_to(agent))
        with counted() as statements:
            assert len(claim(agent).runs) == count
        assert len(statements) <= 14, statements.report()


@pytest.mark.django_db(transaction=True)
def test_finding_nothing_to_claim_takes_four_statements() -> None:
    agent = AgentFactory()
    with counted() as statements:
        claim(agent)
    assert len(statements) <= 4, statements.report()
