"""Lost processes, failing agents, and claims that are given back (spec/3 A, spec/1 E)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.actors import Actor, ActorSource
from agents.vocabulary import AdapterType
from heartbeats import hooks
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.claiming import claim_runs
from heartbeats.runs.issue_ledger import ledger_of
from heartbeats.runs.losing import Loss, Lost, fail_agent_run, lose_run, mark_detached, requeue_run
from heartbeats.vocabulary import ErrorCode, RetryReason, RunStatus, WakeupStatus
from issues.checkout import checkout_for_run, checkout_issue
from issues.models import Issue
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import EnvironmentLeaseFactory, HeartbeatRunFactory, finished_run, running_run
from tests.factories.issues import assigned_to
from tests.present import present

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GONE = "Process lost: pid 41 is no longer running"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def escalated(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, str]]:
    """The issues that were handed to people, with the cause."""
    told: list[tuple[Any, str]] = []
    monkeypatch.setattr(hooks, "_registered", hooks._Registered())
    hooks.register_escalation(lambda issue, _run, cause, _now: told.append((issue.pk, cause)))
    return told


def at_work(**columns: Any) -> tuple[HeartbeatRun, Issue]:
    agent = AgentFactory(status="running")
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    run = running_run(agent=agent, issue=issue, wake_reason="heartbeat_timer", **columns)
    Issue.objects.filter(pk=issue.pk).update(execution_run=run, checkout_run=run)
    return run, issue


def lose(run: HeartbeatRun, *, may_retry: bool = True, epoch: int = 1) -> Lost:
    lost = lose_run(Loss(run_id=run.pk, epoch=epoch, message=GONE, evidence={"pid": 41}, may_retry=may_retry), now=NOW)
    run.refresh_from_db()
    return lost


def fail(run: HeartbeatRun) -> Lost:
    lost = fail_agent_run(
        run.pk, agent_id=run.agent_id, code=ErrorCode.AGENT_REPORTED_FAILURE, reason="disk full", now=NOW
    )
    run.refresh_from_db()
    return lost


def start_again(run_id: Any) -> HeartbeatRun:
    HeartbeatRun.objects.filter(pk=run_id).update(
        status="running", epoch=1, started_at=NOW, lease_expires_at=NOW + timedelta(seconds=60)
    )
    return HeartbeatRun.objects.get(pk=run_id)


def test_a_lost_process_is_retried_once_by_a_run_that_inherits_the_execution_lock_only() -> None:
    run, issue = at_work()
    lease = EnvironmentLeaseFactory(run=run)
    lost = lose(run)
    retry = HeartbeatRun.objects.get(pk=present(lost.retry_run_id))
    issue.refresh_from_db()
    lease.refresh_from_db()
    assert (run.status, run.error_code, present(run.result)["stopReason"]) == ("failed", "process_lost", "process_lost")
    assert (run.liveness_state, "process_lost" in (run.liveness_reason or "")) == ("failed", True)
    assert WakeupRequest.objects.get(pk=present(run.wakeup_id)).status == WakeupStatus.FAILED
    assert (issue.execution_run_id, issue.checkout_run_id) == (retry.pk, run.pk)
    assert (retry.retry_of_run_id, retry.retry_reason, retry.wake_reason) == (
        run.pk,
        "process_lost",
        "process_lost_retry",
    )
    assert (retry.process_loss_retry_count, retry.task_key) == (1, run.task_key)
    assert (retry.events.get().level, lease.status) == ("warn", "failed")
    event = run.events.get()
    assert event.payload == {"code": "process_lost", "pid": 41, "retryRunId": str(retry.pk)}


def test_the_second_loss_is_not_retried_but_the_issue_is_released_into_a_recovery() -> None:
    run, issue = at_work(process_loss_retry_count=1)
    lost = lose(run)
    issue.refresh_from_db()
    recovery = HeartbeatRun.objects.get(pk=present(lost.follow_up_run_id))
    assert lost.retry_run_id is None
    assert (recovery.retry_reason, issue.execution_run_id) == ("issue_continuation_needed", recovery.pk)
    assert issue.checkout_run_id is None


def test_a_run_that_finished_first_or_was_claimed_again_is_not_lost() -> None:
    run, _ = at_work()
    assert lose(run, epoch=2) == Lost(won=False)
    assert run.status == "running"
    assert lose(finished_run()) == Lost(won=False)


def test_a_lost_run_of_a_paused_agent_escalates_instead_of_running_again(escalated: list[tuple[Any, str]]) -> None:
    run, issue = at_work()
    type(run.agent).objects.filter(pk=run.agent_id).update(status="paused")
    lost = lose(run)
    assert (lost.retry_run_id, escalated) == (None, [(issue.pk, "agent_not_invokable")])


def test_the_issues_ledger_ends_process_loss_retries_too(settings: Any, escalated: list[tuple[Any, str]]) -> None:
    settings.AUTOMATIC_RUNS_PER_ISSUE = 1
    run, issue = at_work()
    finished_run(RunStatus.FAILED, agent=run.agent, issue=issue, retry_reason=RetryReason.TRANSIENT_FAILURE)
    assert lose(run).retry_run_id is None
    assert escalated == [(issue.pk, "retry_ledger_exhausted")]


def test_an_agents_failure_is_retried_three_times_then_final_and_escalated(escalated: list[tuple[Any, str]]) -> None:
    run, issue = at_work()
    for attempt in (1, 2, 3):
        lost = fail(run)
        assert run.error_code == "agent_reported_failure"
        assert not escalated
        run = start_again(lost.retry_run_id)
        assert (run.failure_retry_count, run.retry_reason) == (attempt, "agent_failure")
    assert fail(run) == Lost(won=True)
    issue.refresh_from_db()
    assert (escalated, issue.execution_run_id) == ([(issue.pk, "agent_failure_exhausted")], None)
    assert HeartbeatRun.objects.filter(issue=issue).count() == 4


def test_the_failure_policy_touches_only_live_runs_of_that_agent() -> None:
    run, _ = at_work()
    foreign = fail_agent_run(run.pk, agent_id=AgentFactory().pk, code=ErrorCode.AGENT_FATAL_ERROR, reason="no", now=NOW)
    assert not foreign.won
    assert not fail(finished_run()).won


def test_a_failing_local_agents_process_is_stopped_by_its_host() -> None:
    run, _ = at_work()
    fail(run)
    assert run.process_stopping
    remote = running_run(agent=AgentFactory(adapter_type=AdapterType.REMOTE))
    fail(remote)
    assert not remote.process_stopping


def test_a_queued_run_of_a_failing_agent_fails_by_the_same_policy() -> None:
    run = HeartbeatRunFactory()
    assert fail(run).retry_run_id is not None
    assert (run.status, run.process_stopping) == ("failed", False)


def test_a_claim_that_never_started_goes_back_to_the_queue_without_spending_a_retry() -> None:
    run, issue = at_work()
    asked = {"message": "Claimed, but nothing was started", "evidence": {}, "now": NOW}
    assert not requeue_run(run.pk, epoch=2, **asked)  # type: ignore[arg-type]
    assert requeue_run(run.pk, epoch=1, supervisor_lost=True, **asked)  # type: ignore[arg-type]
    run.refresh_from_db()
    issue.refresh_from_db()
    run.agent.refresh_from_db()
    assert (run.status, run.executor_host, run.lease_expires_at, run.supervisor_losses) == ("queued", None, None, 1)
    assert (issue.execution_run_id, run.agent.status) == (run.pk, "idle")
    assert WakeupRequest.objects.get(pk=present(run.wakeup_id)).status == WakeupStatus.QUEUED
    claimed = claim_runs(run.agent_id, host="host-b", boot_id="b", capacity=1, lease_seconds=60, now=NOW)
    assert [(one.run_id, one.epoch) for one in claimed.runs] == [(run.pk, 2)]


def test_a_living_process_that_nobody_watches_is_marked_once() -> None:
    run, _ = at_work()
    mark = {"epoch": 1, "message": "pid 41 is alive", "evidence": {"pid": 41}, "now": NOW}
    assert mark_detached(run.pk, **mark)  # type: ignore[arg-type]
    assert not mark_detached(run.pk, **mark)  # type: ignore[arg-type]
    run.refresh_from_db()
    assert (run.status, run.error_code, run.events.count()) == ("running", "process_detached", 1)


def test_taking_the_lock_at_every_start_renews_no_credit(settings: Any, escalated: list[tuple[Any, str]]) -> None:
    """A run that is checked out and dies, again and again: the ledger counts on (spec/3 K.6)."""
    settings.AUTOMATIC_RUNS_PER_ISSUE = 3
    run, issue = at_work()
    for _ in range(4):
        Issue.objects.filter(pk=issue.pk).update(checkout_run=None, status=IssueStatus.TODO)
        checkout_for_run(issue.pk, agent_id=run.agent_id, run_id=run.pk, expected=["todo"], now=NOW)
        lost = lose(run)
        follow_up = lost.retry_run_id or lost.follow_up_run_id
        if follow_up is None:
            break
        run = start_again(follow_up)
    assert [cause for _, cause in escalated] == ["retry_ledger_exhausted"]
    assert HeartbeatRun.objects.filter(issue=issue).count() == 4


def test_an_agents_own_checkout_is_no_action_either(settings: Any) -> None:
    settings.AUTOMATIC_RUNS_PER_ISSUE = 1
    run, issue = at_work()
    retry = start_again(present(lose(run).retry_run_id))
    world = frozenset({issue.company_id})
    agent = Actor(
        source=ActorSource.AGENT_JWT,
        agent_id=run.agent_id,
        run_id=retry.pk,
        company_ids=world,
        writable_company_ids=world,
    )
    checkout_issue(agent, issue.pk, agent_id=run.agent_id, expected=["in_progress"], now=NOW)
    assert not ledger_of(issue).allows
