"""Every invariant of the audit: silent on a healthy system, loud on the one row that breaks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from agents.models import LiveEvent
from agents.vocabulary import AgentStatus
from heartbeats.execution import rundir
from heartbeats.models import HeartbeatRun, RunEvent, WakeupRequest
from heartbeats.vocabulary import RunStatus, WakeupStatus
from issues.models import Interaction, Issue
from issues.vocabulary import InteractionKind, IssueStatus
from recovery.audit.run import CHECKS, audit
from recovery.models import MassLossIncident
from tests.factories.agents import AgentFactory, CompanyFactory
from tests.factories.heartbeats import (
    EnvironmentLeaseFactory,
    HeartbeatRunFactory,
    WakeupRequestFactory,
    finished_run,
    parked_retry,
    running_run,
)
from tests.factories.issues import IssueCommentFactory, IssueRelationFactory, TreeHoldFactory, assigned_to
from tests.present import present

pytestmark = pytest.mark.django_db


def broken() -> list[str]:
    return [violation.check for violation in audit()]


def long_ago(issue: Issue) -> Issue:
    Issue.objects.filter(pk=issue.pk).update(updated_at=timezone.now() - timedelta(minutes=10))
    HeartbeatRun.objects.filter(issue=issue, finished_at__isnull=False).update(
        finished_at=timezone.now() - timedelta(minutes=10)
    )
    return issue


def a_healthy_system() -> None:
    agent = AgentFactory()
    for make in (running_run, HeartbeatRunFactory, parked_retry):
        issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
        run = make(agent=agent, issue=issue)
        Issue.objects.filter(pk=issue.pk).update(execution_run=run)
        long_ago(issue)
    resting = assigned_to(agent)
    run = finished_run(agent=agent, issue=resting, event_seq=1)
    RunEvent.objects.create(company=agent.company, run=run, agent_id=agent.pk, seq=1, event_type="lifecycle")
    long_ago(resting)


def test_a_healthy_system_is_clean() -> None:
    a_healthy_system()
    assert audit() == []


def two_live_runs() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    with connection.cursor() as cursor:
        cursor.execute("drop index run_one_live_per_issue")
    HeartbeatRunFactory(agent=agent, issue=issue)
    HeartbeatRunFactory(agent=agent, issue=issue)


def lock_on_an_ended_run() -> None:
    agent = AgentFactory()
    run = finished_run(agent=agent)
    assigned_to(agent, execution_run=run)


def open_wakeup_of_an_ended_run() -> None:
    run = finished_run()
    WakeupRequest.objects.filter(pk=present(run.wakeup_id)).update(status=WakeupStatus.CLAIMED)


def closed_wakeup_of_a_live_run() -> None:
    run = HeartbeatRunFactory()
    WakeupRequest.objects.filter(pk=run.wakeup_id).update(status=WakeupStatus.COALESCED)


def active_lease_of_an_ended_run() -> None:
    EnvironmentLeaseFactory(run=finished_run())


def a_gap_in_the_events() -> None:
    run = finished_run(event_seq=3)
    for seq in (1, 3):
        RunEvent.objects.create(company=run.company, run=run, agent_id=run.agent_id, seq=seq, event_type="lifecycle")


def an_unjudged_lease() -> None:
    running_run(lease_expires_at=timezone.now() - timedelta(minutes=5))


def an_overdue_retry() -> None:
    parked_retry(scheduled_retry_at=timezone.now() - timedelta(minutes=5))


def a_strangers_issue() -> None:
    HeartbeatRunFactory(issue=assigned_to(AgentFactory()), wakeup=None)


def a_comment_that_was_dropped() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    run = HeartbeatRunFactory(agent=agent, issue=issue)
    comment = IssueCommentFactory(issue=issue)
    WakeupRequestFactory(agent=agent, issue=issue, run=run, status=WakeupStatus.COALESCED, wake_comment=comment)


def an_issue_that_nothing_moves() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    finished_run(RunStatus.FAILED, agent=agent, issue=issue)
    long_ago(issue)


def a_spent_ledger() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent, last_human_action_at=timezone.now() - timedelta(hours=1))
    for _ in range(9):
        finished_run(agent=agent, issue=issue, retry_reason="process_lost")


def two_recovery_issues() -> None:
    company = CompanyFactory()
    with connection.cursor() as cursor:
        cursor.execute("drop index issue_one_open_recovery")
    for _ in range(2):
        assigned_to(
            AgentFactory(company=company),
            origin_kind="stranded_issue_recovery",
            origin_id="x",
            status=IssueStatus.BLOCKED,
        )


def a_strangers_checkout() -> None:
    assigned_to(AgentFactory(), checkout_run=finished_run(), status=IssueStatus.BLOCKED)


def a_gap_in_the_feed() -> None:
    company = CompanyFactory()
    for seq in (4, 6):
        LiveEvent.objects.create(company=company, type="activity.logged", payload={}, seq=seq)


FAULTS: list[tuple[str, Callable[[], None]]] = [
    ("one_live_run_per_issue", two_live_runs),
    ("lock_points_at_a_live_run", lock_on_an_ended_run),
    ("no_open_wakeup_of_an_ended_run", open_wakeup_of_an_ended_run),
    ("no_closed_wakeup_of_a_live_run", closed_wakeup_of_a_live_run),
    ("ended_run_is_closed", active_lease_of_an_ended_run),
    ("events_are_gapless", a_gap_in_the_events),
    ("expired_lease_was_judged", an_unjudged_lease),
    ("due_retry_was_promoted", an_overdue_retry),
    ("no_company_is_crossed", a_strangers_issue),
    ("no_comment_is_lost", a_comment_that_was_dropped),
    ("no_issue_is_stalled", an_issue_that_nothing_moves),
    ("retry_ledger_within_cap", a_spent_ledger),
    ("one_open_recovery_issue_per_source", two_recovery_issues),
    ("checkout_is_of_the_company", a_strangers_checkout),
    ("live_feed_is_gapless", a_gap_in_the_feed),
]


@pytest.mark.parametrize(("check", "breaks"), FAULTS, ids=[check for check, _ in FAULTS])
def test_a_broken_promise_is_found_and_no_other(check: str, breaks: Callable[[], None]) -> None:
    a_healthy_system()
    breaks()
    assert set(broken()) == {check}


def test_every_check_has_a_fault_that_it_finds() -> None:
    assert {check.name for check in CHECKS} == {name for name, _ in FAULTS} | {"log_bytes_match"}


def test_a_log_that_has_other_bytes_than_the_run_says_is_found(settings: Any, tmp_path: Path) -> None:
    settings.RUNS_DIR = tmp_path
    settings.HOST_ID = "here"
    for name, stored in (("right", 4), ("wrong", 5), ("pruned", 9)):
        finished_run(executor_host="here", log_ref=name, log_bytes=stored)
        if name != "pruned":
            rundir.create(tmp_path, name).log_path.write_bytes(b"four")
    finished_run(executor_host="elsewhere", log_ref="wrong", log_bytes=7)
    assert [violation.row["log_ref"] for violation in audit()] == ["wrong"]


def waits_for_a_blocker(issue: Issue) -> None:
    IssueRelationFactory(blocked=issue, blocker=assigned_to(AgentFactory(company=issue.company), status="blocked"))


def waits_for_an_answer(issue: Issue) -> None:
    Interaction.objects.create(company=issue.company, issue=issue, kind=InteractionKind.ASK_USER_QUESTIONS)


def waits_for_its_agent(issue: Issue) -> None:
    agent = issue.assignee_agent
    assert agent is not None
    type(agent).objects.filter(pk=agent.pk).update(status=AgentStatus.PAUSED)


def waits_below_a_hold(issue: Issue) -> None:
    TreeHoldFactory(root_issue=issue)


def waits_behind_a_deferred_wakeup(issue: Issue) -> None:
    WakeupRequestFactory(agent=issue.assignee_agent, issue=issue, status=WakeupStatus.DEFERRED)


WAYS = [
    waits_for_a_blocker,
    waits_for_an_answer,
    waits_for_its_agent,
    waits_below_a_hold,
    waits_behind_a_deferred_wakeup,
]


@pytest.mark.parametrize("way", WAYS)
def test_an_issue_that_waits_for_something_is_not_stalled(way: Callable[[Issue], None]) -> None:
    an_issue_that_nothing_moves()
    way(Issue.objects.get())
    assert broken() == []


def test_an_issue_is_given_time() -> None:
    an_issue_that_nothing_moves()
    assert audit(grace=timedelta(hours=1)) == []
    assert [violation.check for violation in audit(grace=timedelta(minutes=5))] == ["no_issue_is_stalled"]


def test_a_withheld_verdict_is_not_an_unjudged_lease() -> None:
    an_unjudged_lease()
    MassLossIncident.objects.create(opened_at=timezone.now(), live_leases=10, due_leases=9)
    assert broken() == []


def test_only_the_named_checks_are_asked_and_unknown_names_refused() -> None:
    an_overdue_retry()
    assert audit(only=["events_are_gapless"]) == []
    with pytest.raises(KeyError, match="no such check: nonsense"):
        audit(only=["nonsense"])


def test_the_command_exits_with_1_and_names_the_row() -> None:
    out = StringIO()
    call_command("audit", stdout=out)
    assert f"{len(CHECKS)} checks, 0 violations" in out.getvalue()
    an_overdue_retry()
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit", "--json", stdout=out)
    assert ended.value.code == 1
    report: dict[str, Any] = json.loads(out.getvalue())
    assert [row["check"] for row in report["violations"]] == ["due_retry_was_promoted"]


@pytest.mark.django_db(transaction=True)
def test_the_audit_reads_one_snapshot_and_cannot_write() -> None:
    a_healthy_system()
    assert audit() == []
    assert not connection.in_atomic_block
    Issue.objects.update(title="writable again")
