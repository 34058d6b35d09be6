"""Promotion on real rows: order, batches, races, poison, cost (spec/3 C and D, issue 5's measures)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.models import ActivityEvent, Agent, LiveEvent
from agents.vocabulary import AdapterType, AgentStatus
from config.common.after_commit import pending
from heartbeats import hooks
from heartbeats.models import HeartbeatRun, RunEvent, WakeupRequest
from heartbeats.vocabulary import RunStatus, WakeupStatus
from issues.models import Issue
from issues.vocabulary import IssueStatus
from recovery.audit.run import audit
from recovery.models import PoisonRow
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import HeartbeatRunFactory, WakeupRequestFactory, finished_run, parked_retry
from tests.factories.issues import assigned_to
from tests.present import present
from tests.racing import race
from tests.recovery.poison import poisoned
from tests.statements import counted
from tests.timing import processor_seconds

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def promote() -> SweepReport:
    return run_sweep(sweep_named(SweepName.PROMOTE_RETRIES), now=NOW)


def due(agent: Agent, *, ago: float = 1, issue: Issue | None = None) -> HeartbeatRun:
    run = parked_retry(agent=agent, issue=issue, scheduled_retry_at=NOW - timedelta(seconds=ago))
    if issue is not None:
        Issue.objects.filter(pk=issue.pk).update(execution_run=run)
    return run


def many_due(agent: Agent, count: int) -> list[HeartbeatRun]:
    """Rows in three statements: the factories would take longer than what is measured."""
    issues = [
        Issue(
            company_id=agent.company_id,
            number=n,
            identifier=f"{agent.company.issue_prefix}-{n}",
            title="x",
            status=IssueStatus.TODO,
            assignee_agent=agent,
        )
        for n in range(1, count + 1)
    ]
    Issue.objects.bulk_create(issues)
    wakeups = [
        WakeupRequest(
            company_id=agent.company_id,
            agent=agent,
            issue=issue,
            source="automation",
            status=WakeupStatus.QUEUED,
            requested_at=NOW,
        )
        for issue in issues
    ]
    WakeupRequest.objects.bulk_create(wakeups)
    runs = [
        HeartbeatRun(
            company_id=agent.company_id,
            agent=agent,
            issue=issue,
            wakeup=wakeup,
            invocation_source="automation",
            adapter_type=agent.adapter_type,
            status=RunStatus.SCHEDULED_RETRY,
            scheduled_retry_at=NOW - timedelta(seconds=60),
            scheduled_retry_attempt=1,
            retry_reason="transient_failure",
        )
        for issue, wakeup in zip(issues, wakeups, strict=True)
    ]
    return HeartbeatRun.objects.bulk_create(runs)


def test_a_promoted_retry_leaves_an_event_two_live_events_and_one_ring_per_agent() -> None:
    agent = AgentFactory(host_label="gpu")
    first, second = due(agent), due(agent)
    assert promote().counts == {"promoted": 2}
    for run in (first, second):
        run.refresh_from_db()
        event = run.events.get()
        assert (run.status, run.event_seq, event.seq, event.level) == ("queued", 1, 1, "info")
    types = sorted(LiveEvent.objects.exclude(type="recovery.sweep").values_list("type", flat=True))
    assert types == sorted(["heartbeat.run.status", "heartbeat.run.queued", "heartbeat.run.event"] * 2)
    assert [(message.args, message.queue) for message in pending()] == [((str(agent.pk),), "runs.gpu")]
    assert audit() == []


def test_the_oldest_due_go_first() -> None:
    agent = AgentFactory()
    ages = {due(agent, ago=ago).pk: ago for ago in (5, 50, 20)}
    assert [ages[run_id] for run_id in promote().results.ids if not isinstance(run_id, str)] == [50, 20, 5]


def test_nothing_is_promoted_a_millisecond_early() -> None:
    parked_retry(scheduled_retry_at=NOW + timedelta(milliseconds=1))
    assert promote().results.looked_at == 0


def test_a_stale_retry_takes_its_wakeup_and_its_lock_with_it_and_says_why() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    run = due(agent, issue=issue)
    other = AgentFactory(company=agent.company)
    Issue.objects.filter(pk=issue.pk).update(assignee_agent=other)
    assert promote().counts == {"issue_reassigned": 1}
    wakeup = WakeupRequest.objects.get(pk=present(run.wakeup_id))
    run.refresh_from_db()
    assert (run.status, run.finished_at, wakeup.status, wakeup.error) == ("cancelled", NOW, "cancelled", run.error)
    event = run.events.get()
    assert event.payload is not None
    assert (event.level, event.payload["previousRetryAgentId"], event.payload["currentAssigneeAgentId"]) == (
        "warn",
        str(agent.pk),
        str(other.pk),
    )
    assert audit() == []


def test_what_waited_behind_a_stale_retry_is_promoted_with_it() -> None:
    agent = AgentFactory()
    other = AgentFactory(company=agent.company)
    issue = assigned_to(agent)
    due(agent, issue=issue)
    WakeupRequestFactory(
        agent=other, issue=issue, status=WakeupStatus.DEFERRED, context={"issueId": str(issue.pk)}, wake_reason="x"
    )
    Issue.objects.filter(pk=issue.pk).update(assignee_agent=other)
    promote()
    successor = HeartbeatRun.objects.get(agent=other)
    issue.refresh_from_db()
    assert (successor.status, issue.execution_run_id) == ("queued", successor.pk)


def test_one_poison_retry_holds_up_nobody() -> None:
    agent = AgentFactory()
    runs = [due(agent) for _ in range(4)]
    with poisoned("heartbeats_heartbeatrun", runs[1].pk):
        report = promote()
    assert (report.counts, report.results.errors) == ({"promoted": 3}, 1)
    assert PoisonRow.objects.get().row_id == runs[1].pk
    assert promote().results.skipped == {"poison": 1}


def test_a_dry_run_says_what_would_happen_and_writes_nothing() -> None:
    run = due(AgentFactory())
    assert dry_run(sweep_named(SweepName.PROMOTE_RETRIES), now=NOW).counts == {"promoted": 1}
    run.refresh_from_db()
    assert run.status == "scheduled_retry"
    assert not RunEvent.objects.exists()
    assert pending() == []


@pytest.mark.django_db(transaction=True)
def test_eight_sweeps_at_once_promote_two_hundred_retries_once_each() -> None:
    runs = many_due(AgentFactory(), 200)
    reports = race([promote] * 8)
    assert sum(report.counts.get("promoted", 0) for report in reports) == 200
    assert RunEvent.objects.count() == 200
    assert set(HeartbeatRun.objects.values_list("status", flat=True)) == {"queued"}
    assert len(runs) == 200
    assert audit() == []


@pytest.mark.django_db(transaction=True)
def test_a_thousand_due_retries_take_less_than_two_seconds_and_few_statements() -> None:
    many_due(AgentFactory(), 1_000)

    def one_pass() -> None:
        with counted() as statements:
            assert promote().counts == {"promoted": 1_000}
        assert len(statements) <= 80, statements.report()

    assert processor_seconds(one_pass) < 2


@pytest.mark.django_db(transaction=True)
def test_parked_retries_that_are_not_due_cost_nothing() -> None:
    agent = AgentFactory()
    for run in many_due(agent, 50):
        HeartbeatRun.objects.filter(pk=run.pk).update(scheduled_retry_at=NOW + timedelta(hours=1))
    promote()
    with counted() as statements:
        promote()
    assert len(statements) <= 7, statements.report()


def transient(agent: Agent, issue: Issue | None = None, **columns: object) -> HeartbeatRun:
    run = finished_run(
        RunStatus.FAILED, agent=agent, issue=issue, result={"errorFamily": "transient_upstream"}, **columns
    )
    if issue is not None:
        Issue.objects.filter(pk=issue.pk).update(execution_run=run)
        issue.refresh_from_db()
    return run


def test_finalisation_parks_a_retry_for_a_transient_failure_and_the_lock_goes_with_it() -> None:
    agent = AgentFactory(adapter_type=AdapterType.CODEX_LOCAL)
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    run = transient(agent, issue)
    retry = hooks.schedule_bounded_retry(run, issue, now=NOW)
    assert retry is not None
    assert retry.scheduled_retry_at is not None
    assert timedelta(seconds=90) <= retry.scheduled_retry_at - NOW <= timedelta(seconds=150)
    issue.refresh_from_db()
    assert (issue.status, issue.execution_run_id) == ("in_progress", retry.pk)
    assert run.events.get().level == "warn"
    assert not ActivityEvent.objects.exists()


def test_other_failures_are_not_parked() -> None:
    run = finished_run(RunStatus.FAILED, error_code="adapter_failed")
    assert hooks.schedule_bounded_retry(run, None, now=NOW) is None


def test_no_retry_for_an_issue_that_is_over_or_taken_or_for_an_agent_that_cannot_be_woken() -> None:
    agent = AgentFactory()
    done = assigned_to(agent, status=IssueStatus.DONE)
    taken = assigned_to(agent)
    HeartbeatRunFactory(agent=AgentFactory(company=agent.company), issue=taken)
    moved = assigned_to(AgentFactory(company=agent.company))
    for issue in (done, taken, moved):
        assert hooks.schedule_bounded_retry(transient(agent, issue), issue, now=NOW) is None
    paused = AgentFactory(status=AgentStatus.PAUSED)
    assert hooks.schedule_bounded_retry(transient(paused), None, now=NOW) is None


def test_a_spent_ledger_parks_nothing_and_says_so() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    for _ in range(8):
        finished_run(RunStatus.FAILED, agent=agent, issue=issue, retry_reason="process_lost")
    run = transient(agent, issue)
    assert hooks.schedule_bounded_retry(run, issue, now=NOW) is None
    assert "spent" in (run.events.get().message or "")
