"""Every case of the retry-scheduling seed, at the same starting rows, with the same outcomes (spec/3 B, C, D)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.actors import Actor, ActorSource
from agents.models import Agent
from agents.vocabulary import AdapterType, AgentRole, AgentStatus
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.vocabulary import RunStatus, TriggerDetail, WakeupSource, WakeupStatus
from heartbeats.wakeups.request import WakeupAsk, request_wakeup
from issues.models import Issue
from issues.vocabulary import IssueStatus
from recovery.retries.ladder import MAX_ATTEMPTS, RETRY_DELAYS, CodexFallback, RetryExhausted
from recovery.retries.scheduling import Parked, schedule_bounded_retry
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory, CompanyFactory, UserFactory
from tests.factories.heartbeats import finished_run, running_run
from tests.factories.issues import assigned_to
from tests.present import present

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def coder(**columns: Any) -> Agent:
    given = {"role": AgentRole.ENGINEER, "status": AgentStatus.ACTIVE, "adapter_type": AdapterType.CODEX_LOCAL}
    agent: Agent = AgentFactory(**{**given, "max_concurrent_runs": 1, "adapter_config": {}, **columns})
    return agent


def failed(agent: Agent, **columns: Any) -> HeartbeatRun:
    given = {"error": "upstream overload", "error_code": "adapter_failed", "finished_at": NOW}
    return finished_run(RunStatus.FAILED, agent=agent, **{**given, **columns})


def stalled_issue(agent: Agent) -> tuple[Issue, HeartbeatRun]:
    issue = assigned_to(agent)
    run = failed(agent, issue=issue)
    Issue.objects.filter(pk=issue.pk).update(execution_run=run, execution_locked_at=NOW)
    return issue, run


def schedule(run: HeartbeatRun, now: datetime = NOW) -> Parked:
    outcome = schedule_bounded_retry(run.pk, now=now, sample=0.5)
    assert isinstance(outcome, Parked)
    return outcome


def promote(now: datetime) -> SweepReport:
    return run_sweep(sweep_named(SweepName.PROMOTE_RETRIES), now=now)


def promoted(report: SweepReport) -> tuple[int, list[Any]]:
    count = report.counts.get("promoted", 0)
    return count, list(report.results.ids) if count else []


def test_schedules_a_retry_with_durable_metadata_and_only_promotes_it_when_due() -> None:
    source = failed(coder())
    scheduled = schedule(source)
    due = NOW + RETRY_DELAYS[0]
    assert (scheduled.plan.attempt, scheduled.plan.due_at) == (1, due)
    retry = HeartbeatRun.objects.get(pk=scheduled.run.pk)
    assert (retry.status, retry.retry_of_run_id, retry.scheduled_retry_attempt, retry.retry_reason) == (
        "scheduled_retry",
        source.pk,
        1,
        "transient_failure",
    )
    assert retry.scheduled_retry_at == due
    assert promoted(promote(due - timedelta(seconds=1))) == (0, [])
    retry.refresh_from_db()
    assert retry.status == "scheduled_retry"
    assert promoted(promote(due)) == (1, [retry.pk])
    retry.refresh_from_db()
    assert retry.status == "queued"


def test_does_not_defer_a_new_assignee_behind_the_previous_assignees_scheduled_retry() -> None:
    company = CompanyFactory()
    old, new = coder(company=company, adapter_type=AdapterType.CLAUDE_LOCAL), coder(company=company)
    issue, source = stalled_issue(old)
    retry = schedule(source).run
    Issue.objects.filter(pk=issue.pk).update(assignee_agent=new)
    for _ in range(5):
        running_run(agent=new)
    outcome = request_wakeup(
        WakeupAsk(
            agent_id=new.pk,
            source=WakeupSource.ASSIGNMENT,
            trigger_detail=TriggerDetail.SYSTEM,
            reason="issue_assigned",
            payload={"issueId": str(issue.pk), "mutation": "update"},
            context={"issueId": str(issue.pk), "source": "issue.update"},
            requested_by=Actor(ActorSource.SESSION, user_id=UserFactory().pk),
        ),
        now=NOW,
    )
    run = HeartbeatRun.objects.get(pk=present(outcome.run_id))
    assert (run.agent_id, run.status) == (new.pk, "queued")
    retry.refresh_from_db()
    assert (retry.status, retry.error_code) == ("cancelled", "issue_reassigned")
    assert not WakeupRequest.objects.filter(status=WakeupStatus.DEFERRED).exists()


def test_does_not_promote_a_scheduled_retry_after_issue_ownership_changes() -> None:
    company = CompanyFactory()
    old, new = coder(company=company, adapter_type=AdapterType.CLAUDE_LOCAL), coder(company=company)
    issue, source = stalled_issue(old)
    scheduled = schedule(source)
    issue.refresh_from_db()
    assert issue.execution_run_id == scheduled.run.pk
    Issue.objects.filter(pk=issue.pk).update(assignee_agent=new)
    assert promoted(promote(scheduled.plan.due_at)) == (0, [])
    scheduled.run.refresh_from_db()
    assert (scheduled.run.status, scheduled.run.error_code) == ("cancelled", "issue_reassigned")
    issue.refresh_from_db()
    assert issue.execution_run_id is None


def test_does_not_promote_a_scheduled_retry_after_the_issue_is_cancelled() -> None:
    issue, source = stalled_issue(coder())
    scheduled = schedule(source)
    Issue.objects.filter(pk=issue.pk).update(status=IssueStatus.CANCELLED, cancelled_at=NOW)
    assert promoted(promote(scheduled.plan.due_at)) == (0, [])
    scheduled.run.refresh_from_db()
    assert (scheduled.run.status, scheduled.run.error_code) == ("cancelled", "issue_cancelled")
    issue.refresh_from_db()
    assert issue.execution_run_id is None


def test_exhausts_bounded_retries_after_the_hard_cap() -> None:
    capped = failed(
        coder(),
        error="still transient",
        scheduled_retry_attempt=MAX_ATTEMPTS,
        retry_reason="transient_failure",
        wake_reason="transient_failure_retry",
    )
    outcome = schedule_bounded_retry(capped.pk, now=NOW, sample=0.5)
    assert outcome == RetryExhausted(attempt=MAX_ATTEMPTS + 1, max_attempts=MAX_ATTEMPTS)
    assert HeartbeatRun.objects.count() == 1
    event = capped.events.get()
    assert event.message is not None
    assert "Bounded retry exhausted" in event.message
    assert event.payload == {
        "retryReason": "transient_failure",
        "scheduledRetryAttempt": MAX_ATTEMPTS,
        "maxAttempts": MAX_ATTEMPTS,
    }


@pytest.mark.parametrize(("made", "mode"), list(enumerate(CodexFallback)))
def test_advances_codex_transient_fallback_stages_across_bounded_retry_attempts(made: int, mode: str) -> None:
    source = failed(
        coder(),
        result={"errorFamily": "transient_upstream"},
        scheduled_retry_attempt=made,
        retry_reason="transient_failure" if made else None,
    )
    retry = schedule(source).run
    assert retry.context["codexTransientFallbackMode"] == mode
    payload = WakeupRequest.objects.get(pk=present(retry.wakeup_id)).payload
    assert payload is not None
    assert payload["codexTransientFallbackMode"] == mode


@pytest.mark.parametrize(
    ("adapter", "hours", "mode"),
    [(AdapterType.CODEX_LOCAL, 1, "same_session"), (AdapterType.CLAUDE_LOCAL, 6, None)],
    ids=["honors_codex_retry_not_before", "claude_transient_upstream_and_its_hint"],
)
def test_honors_retry_not_before_timestamps_when_they_exceed_the_default_bounded_backoff(
    adapter: AdapterType, hours: int, mode: str | None
) -> None:
    later = NOW + timedelta(hours=hours)
    told = "2026-04-20T13:00:00.000Z" if hours == 1 else "2026-04-20T18:00:00.000Z"
    result = {"errorFamily": "transient_upstream", "retryNotBefore": told, "transientRetryNotBefore": told}
    scheduled = schedule(failed(coder(adapter_type=adapter), result=result))
    assert scheduled.plan.due_at == later
    retry = HeartbeatRun.objects.get(pk=scheduled.run.pk)
    assert retry.scheduled_retry_at == later
    assert retry.context["transientRetryNotBefore"] == told
    assert retry.context.get("codexTransientFallbackMode") == mode
    payload = WakeupRequest.objects.get(pk=present(retry.wakeup_id)).payload
    assert payload is not None
    assert payload["transientRetryNotBefore"] == told
