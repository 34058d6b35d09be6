"""Stopping runs on purpose (spec/2 J)."""

from __future__ import annotations

import select
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from agents.vocabulary import AdapterType, BudgetScope
from config.common.after_commit import pending
from heartbeats import hooks
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs import cancelling
from heartbeats.runs.cancelling import (
    AGENT_TERMINATED,
    cancel_run,
    cancel_runs_of_agent,
    cancel_runs_of_issue,
    cancel_work_of_scope,
    process_stopped,
)
from heartbeats.runs.ending import Ending
from heartbeats.runs.stopping import settle_agent
from heartbeats.vocabulary import RunStatus, WakeupStatus
from issues.models import Issue
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import (
    EnvironmentLeaseFactory,
    HeartbeatRunFactory,
    WakeupRequestFactory,
    finished_run,
    parked_retry,
    running_run,
)
from tests.factories.issues import ProjectFactory, assigned_to
from tests.present import present

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_registered", hooks._Registered())


def held(run: HeartbeatRun) -> None:
    Issue.objects.filter(pk=present(run.issue_id)).update(execution_run=run, checkout_run=run)


def test_a_running_local_run_is_cancelled_at_once_and_keeps_its_slot_until_its_process_is_gone() -> None:
    agent = AgentFactory(status="running")
    run = running_run(agent=agent)
    lease = EnvironmentLeaseFactory(run=run)
    cancelled = cancel_run(run.pk, now=NOW)
    run.refresh_from_db()
    agent.refresh_from_db()
    assert (cancelled.won, run.status, run.error_code, run.finished_at) == (True, "cancelled", "cancelled", NOW)
    assert present(run.result)["stopReason"] == "cancelled"
    assert (run.process_stopping, run.liveness_state) == (True, "failed")
    assert WakeupRequest.objects.get(pk=present(run.wakeup_id)).status == WakeupStatus.CANCELLED
    assert [event.message for event in run.events.all()] == ["run cancelled"]
    assert list(HeartbeatRun.objects.occupying()) == [run]
    assert agent.status == "idle"
    assert not process_stopped(run.pk, epoch=9, now=NOW)
    assert process_stopped(run.pk, epoch=1, now=NOW)
    assert not HeartbeatRun.objects.occupying().exists()
    lease.refresh_from_db()
    assert lease.status == "released"
    assert pending()[-1].args == (str(agent.pk),)


def test_a_remote_run_has_no_process_of_ours_to_stop() -> None:
    run = running_run(agent=AgentFactory(adapter_type=AdapterType.REMOTE))
    cancel_run(run.pk, now=NOW)
    run.refresh_from_db()
    assert not run.process_stopping


def test_a_terminal_run_is_returned_unchanged() -> None:
    run = finished_run()
    cancelled = cancel_run(run.pk, now=NOW)
    assert (cancelled.won, cancelled.run.status) == (False, "succeeded")


def test_a_run_of_another_company_does_not_exist() -> None:
    run = running_run()
    with pytest.raises(HeartbeatRun.DoesNotExist):
        cancel_run(run.pk, company_id=AgentFactory().company_id, now=NOW)
    with pytest.raises(HeartbeatRun.DoesNotExist):
        cancel_run(uuid.uuid4(), now=NOW)


def test_cancelling_releases_both_locks_and_promotes_who_waits() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    run = running_run(agent=agent, issue=issue)
    held(run)
    waiting = WakeupRequestFactory(agent=agent, issue=issue, status=WakeupStatus.DEFERRED, context={})
    follow_up = cancel_run(run.pk, now=NOW).follow_up_run_id
    issue.refresh_from_db()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.run_id) == ("queued", follow_up)
    assert (issue.execution_run_id, issue.checkout_run_id) == (follow_up, None)


def test_pausing_cancels_every_live_run_with_its_reason_and_recovers_nothing() -> None:
    agent = AgentFactory(status="paused")
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    working: HeartbeatRun = running_run(agent=agent, issue=issue)
    runs: list[HeartbeatRun] = [working, HeartbeatRunFactory(agent=agent), parked_retry(agent=agent)]
    held(working)
    other = AgentFactory(company=agent.company)
    waiting = WakeupRequestFactory(agent=other, issue=issue, status=WakeupStatus.DEFERRED, context={})
    done = cancel_runs_of_agent(agent.pk, now=NOW)
    assert set(done.run_ids) == {run.pk for run in runs}
    assert {(run.status, run.error) for run in HeartbeatRun.objects.filter(agent=agent)} == {
        ("cancelled", "Cancelled due to agent pause")
    }
    first = HeartbeatRun.objects.get(pk=runs[0].pk)
    assert first.result is not None
    assert first.result["stopReason"] == "paused"
    waiting.refresh_from_db()
    assert HeartbeatRun.objects.live().get().pk == waiting.run_id
    agent.refresh_from_db()
    assert agent.status == "paused"


def test_a_termination_does_not_speak_of_a_pause() -> None:
    run = running_run(agent=AgentFactory(status="terminated"))
    cancel_runs_of_agent(run.agent_id, reason=AGENT_TERMINATED, now=NOW)
    run.refresh_from_db()
    assert run.result is not None
    assert run.result["stopReason"] == "cancelled"


def test_a_cancelled_issue_cancels_its_live_run() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent, status=IssueStatus.CANCELLED)
    run = running_run(agent=agent, issue=issue)
    held(run)
    assert cancel_runs_of_issue(issue.pk, now=NOW).run_ids == (run.pk,)
    assert not HeartbeatRun.objects.live().exists()


@pytest.mark.parametrize("scope", list(BudgetScope))
def test_a_budget_stop_cancels_the_scopes_runs_and_its_waiting_wakeups(scope: BudgetScope) -> None:
    agent = AgentFactory()
    project = ProjectFactory(company=agent.company)
    issue = assigned_to(agent, project=project)
    inside, outside = running_run(agent=agent, issue=issue), running_run()
    waiting = WakeupRequestFactory(agent=agent, issue=issue, status=WakeupStatus.DEFERRED, context={})
    scope_id = {BudgetScope.COMPANY: agent.company_id, BudgetScope.AGENT: agent.pk, BudgetScope.PROJECT: project.pk}
    done = cancel_work_of_scope(scope, scope_id[scope], company_id=agent.company_id, now=NOW)
    assert (done.run_ids, done.wakeups) == ((inside.pk,), 1)
    inside.refresh_from_db()
    outside.refresh_from_db()
    waiting.refresh_from_db()
    assert inside.result is not None
    assert (inside.result["stopReason"], outside.status) == ("budget_paused", "running")
    assert (waiting.status, waiting.error) == ("cancelled", "Cancelled due to budget pause")
    assert not HeartbeatRun.objects.live().filter(issue=issue).exists()


def test_one_run_that_cannot_be_cancelled_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = AgentFactory(status="paused")
    poisoned, healthy = running_run(agent=agent), HeartbeatRunFactory(agent=agent)

    def fragile(ending: Ending, **facts: Any) -> None:
        if ending.run.pk == poisoned.pk:
            raise ValueError("a rule is broken")
        settle_agent(ending, **facts)

    monkeypatch.setattr(cancelling, "settle_agent", fragile)
    done = cancel_runs_of_agent(agent.pk, now=NOW)
    poisoned.refresh_from_db()
    assert (done.run_ids, done.failed, poisoned.status) == ((healthy.pk,), (poisoned.pk,), "running")


@pytest.mark.django_db(transaction=True)
def test_the_host_of_a_cancelled_run_is_notified_after_commit() -> None:
    run = running_run()
    settings = connection.get_connection_params()
    wanted = {name: settings[name] for name in ("dbname", "user", "password", "host", "port") if name in settings}
    with psycopg.connect(**wanted, autocommit=True) as listener:
        listener.execute("listen everbeat_host")
        cancel_run(run.pk, now=NOW)
        assert select.select([listener.fileno()], [], [], 10)[0]
        heard = next(iter(listener.notifies(timeout=5, stop_after=1)))
    assert heard.payload == "host-a"


def test_a_parked_retry_can_be_cancelled_and_needs_no_host() -> None:
    retry = parked_retry(scheduled_retry_at=NOW + timedelta(hours=1))
    assert cancel_run(retry.pk, now=NOW).won
    retry.refresh_from_db()
    assert (retry.status, retry.process_stopping) == (RunStatus.CANCELLED, False)
