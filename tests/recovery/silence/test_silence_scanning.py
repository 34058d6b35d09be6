"""The silent-run watchdog on real rows (spec/3 I, K.9)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from agents.vocabulary import AgentRole
from heartbeats.execution import rundir
from heartbeats.models import HeartbeatRun, RunEvent, WakeupRequest
from issues.models import Issue, IssueComment, IssueRelation
from issues.vocabulary import IssueStatus, OriginKind
from recovery.audit.run import audit
from recovery.models import WatchdogDecision
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import SweepReport, dry_run, run_sweep
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import finished_run, running_run
from tests.factories.issues import assigned_to
from tests.racing import race
from tests.statements import counted

pytestmark = pytest.mark.django_db

WATCHDOG = sweep_named(SweepName.SCAN_SILENT_RUNS)


def scan() -> SweepReport:
    report = run_sweep(WATCHDOG)
    assert report.results.errors == 0, report.results.error_texts
    return report


def silent(hours: float, *, with_issue: bool = True, **columns: Any) -> HeartbeatRun:
    boss = AgentFactory(role=AgentRole.CTO)
    agent = AgentFactory(company=boss.company, reports_to=boss)
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS) if with_issue else None
    run = running_run(agent=agent, issue=issue, last_output_at=timezone.now() - timedelta(hours=hours), **columns)
    if issue:
        Issue.objects.filter(pk=issue.pk).update(execution_run=run)
    return run


def evaluations() -> list[Issue]:
    return list(Issue.objects.filter(origin_kind=OriginKind.STALE_ACTIVE_RUN_EVALUATION).order_by("created_at"))


def test_a_run_silent_for_an_hour_gets_one_evaluation_issue_for_its_manager_who_is_woken() -> None:
    run = silent(1.1)
    report = scan()
    assert (report.details["scanned"], report.details["created"]) == (1, 1)
    [evaluation] = evaluations()
    assert (evaluation.origin_id, evaluation.priority, evaluation.status) == (str(run.pk), "medium", "todo")
    assert evaluation.assignee_agent_id == run.agent.reports_to_id
    assert evaluation.title == f"Review silent active run for {run.agent.name}"
    wakeup = WakeupRequest.objects.get(issue=evaluation)
    assert (wakeup.agent_id, wakeup.reason) == (run.agent.reports_to_id, "issue_assigned")
    assert not IssueRelation.objects.exists()
    assert audit() == []


def test_the_next_scans_find_it_existing_and_add_nothing() -> None:
    silent(1.1)
    scan()
    report = scan()
    assert (report.details["existing"], len(evaluations()), report.results.acted) == (1, 1, 0)


def test_crossing_critical_raises_the_priority_says_so_once_and_blocks_the_source_without_touching_the_run() -> None:
    run = silent(1.1)
    scan()
    HeartbeatRun.objects.update(last_output_at=timezone.now() - timedelta(hours=4.1))
    assert scan().details["escalated"] == 1
    assert scan().details["existing"] == 1
    [evaluation] = evaluations()
    assert (evaluation.priority, IssueComment.objects.filter(issue=evaluation).count()) == ("high", 1)
    assert IssueRelation.objects.get().blocked_id == run.issue_id
    run.refresh_from_db()
    assert (run.status, run.cancel_requested_at) == ("running", None)
    assert audit() == []


def test_a_run_found_critical_at_once_is_high_and_blocks_from_the_start() -> None:
    silent(5)
    assert scan().details["created"] == 1
    assert (evaluations()[0].priority, IssueRelation.objects.count()) == ("high", 1)


def test_quiet_runs_and_snoozed_ones_open_nothing() -> None:
    silent(0.9)
    finished_run(last_output_at=timezone.now() - timedelta(hours=9))
    assert scan().details["scanned"] == 0
    run = silent(2)
    WatchdogDecision.objects.create(
        company=run.company, run=run, decision="snooze", snoozed_until=timezone.now() + timedelta(hours=1)
    )
    assert scan().details["snoozed"] == 1
    assert evaluations() == []


def test_a_closed_evaluation_covers_its_own_silence_and_no_later_one() -> None:
    run = silent(2)
    scan()
    now = timezone.now()
    Issue.objects.filter(pk=evaluations()[0].pk).update(status=IssueStatus.DONE, completed_at=now)
    HeartbeatRun.objects.filter(issue=evaluations()[0]).delete()
    assert scan().details["skipped"] == 1
    Issue.objects.filter(pk=evaluations()[0].pk).update(completed_at=now - timedelta(hours=3))
    HeartbeatRun.objects.filter(pk=run.pk).update(last_output_at=now - timedelta(hours=2))
    assert scan().details["created"] == 1


def test_the_description_shows_the_last_output_and_events_without_secrets(settings: Any, tmp_path: Path) -> None:
    settings.RUNS_DIR = tmp_path
    run = silent(2, log_ref="attempt", event_seq=1)
    log = rundir.create(tmp_path, "attempt").log_path
    log.write_text('{"ts":1,"stream":"stdout","chunk":"compiling with sk-proj-abcdefghijklmnopqrstuv\\n"}\n')
    RunEvent.objects.create(
        company=run.company, run=run, agent_id=run.agent_id, seq=1, event_type="lifecycle", message="run started"
    )
    scan()
    text = evaluations()[0].description or ""
    assert run.issue is not None
    for part in ("compiling with", "run started", str(run.pk), run.issue.identifier, "## Checklist"):
        assert part in text
    assert "sk-proj-abc" not in text


def test_without_an_able_owner_the_issue_waits_for_a_person() -> None:
    running_run(last_output_at=timezone.now() - timedelta(hours=2))
    scan()
    assert evaluations()[0].assignee_agent_id is None


def test_the_silence_of_an_evaluation_opens_no_further_one() -> None:
    """An owner that falls silent over each evaluation would be given another for ever (K.9)."""
    first = silent(5)
    scan()
    [evaluation] = evaluations()
    owner = first.agent.reports_to
    HeartbeatRun.objects.filter(issue=evaluation).delete()
    running_run(agent=owner, issue=evaluation, last_output_at=timezone.now() - timedelta(hours=5))
    report = scan()
    assert (report.details["skipped"], len(evaluations())) == (1, 1)


def test_a_dry_run_opens_nothing() -> None:
    silent(5)
    assert dry_run(WATCHDOG).counts == {"created": 1}
    assert evaluations() == []


@pytest.mark.django_db(transaction=True)
def test_eight_scans_open_one_issue_per_run() -> None:
    for _ in range(5):
        silent(2)
    race([scan] * 8)
    assert len(evaluations()) == 5


@pytest.mark.django_db(transaction=True)
def test_speaking_runs_cost_no_statement() -> None:
    for _ in range(20):
        running_run(last_output_at=timezone.now())
    scan()
    with counted() as statements:
        scan()
    assert len(statements) <= 7, statements.report()
