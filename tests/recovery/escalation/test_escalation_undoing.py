"""Every automatic verdict has a reason code, its evidence and a way back in the admin (spec/3 K.18, spec/6 G9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents.models import ActivityEvent
from agents.vocabulary import AdapterType
from heartbeats.models import HeartbeatRun, RunEvent
from heartbeats.vocabulary import RunStatus
from issues.models import Issue, IssueRelation
from issues.vocabulary import IssueStatus, OriginKind
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import run_sweep
from recovery.vocabulary import SweepName
from tests.config.admin.admin_site import confirm, page_of
from tests.factories.agents import AgentFactory, UserFactory
from tests.factories.heartbeats import parked_retry
from tests.factories.issues import assigned_to
from tests.recovery.seed_rows import DEAD_PID, Rows, coder, lost_run, reap, reconcile, stranded

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def gone() -> HeartbeatRun:
    """A process that is dead, its one retry spent."""
    return lost_run(process_pid=DEAD_PID, process_loss_retry_count=1).run


def lease_over() -> HeartbeatRun:
    """Another host's, of which only silence speaks."""
    return lost_run(executor_host="elsewhere", executor_boot_id="b", process_loss_retry_count=1).run


def rebooted() -> HeartbeatRun:
    return lost_run(executor_boot_id="the boot before", process_pid=DEAD_PID, process_loss_retry_count=1).run


def poison() -> HeartbeatRun:
    return lost_run(process_pid=DEAD_PID, supervisor_losses=2).run


def silent_remote() -> HeartbeatRun:
    agent = coder(adapter_type=AdapterType.REMOTE)
    return lost_run(agent=agent, executor_host=None, executor_boot_id=None, failure_retry_count=3).run


VERDICTS = {
    gone: ("process_lost", "process_gone"),
    lease_over: ("process_lost", "lease_expired"),
    rebooted: ("process_lost", "host_rebooted"),
    poison: ("poison", "process_gone"),
    silent_remote: ("agent_lost", None),
}


@pytest.mark.parametrize("prepare", VERDICTS, ids=lambda one: one.__name__)
def test_a_lost_run_says_why_by_what_evidence_and_can_be_asked_for_again(
    site: Client, prepare: Callable[[], HeartbeatRun]
) -> None:
    run = prepare()
    reap()
    run.refresh_from_db()
    code, evidence = VERDICTS[prepare]
    assert (run.status, run.error_code) == (RunStatus.FAILED, code)
    found = [event.payload.get("evidence") for event in RunEvent.objects.filter(run=run) if event.payload]
    assert (evidence in found) if evidence else run.error
    issue = Issue.objects.get(pk=str(run.issue_id))
    Issue.objects.filter(pk=issue.pk).update(execution_run=None, checkout_run=None)
    HeartbeatRun.objects.filter(status__in=RunStatus.LIVE).delete()
    assert ">Retry…<" in site.get(page_of(run)).content.decode()
    if issue.status == IssueStatus.BLOCKED:
        assert confirm(site, "requeue", issue) == ["1 back at work."]
    else:
        assert confirm(site, "retry", run) == ["1 requested again."]
    assert HeartbeatRun.objects.live().filter(issue=issue).count() == 1


def test_a_stale_retry_says_why_it_was_cancelled_and_can_be_asked_for_again(site: Client) -> None:
    agent = AgentFactory()
    issue = assigned_to(AgentFactory(company=agent.company))
    run = parked_retry(agent=agent, issue=issue, scheduled_retry_at=timezone.now() - timedelta(minutes=1))
    run_sweep(sweep_named(SweepName.PROMOTE_RETRIES))
    run.refresh_from_db()
    assert (run.status, run.error_code) == (RunStatus.CANCELLED, "issue_reassigned")
    told = RunEvent.objects.get(run=run, level="warn").payload or {}
    assert (told["issueId"], told["currentAssigneeAgentId"]) == (str(issue.pk), str(issue.assignee_agent_id))
    assert confirm(site, "retry", run) == ["1 requested again."]


def escalated(**owner: Any) -> Rows:
    boss = AgentFactory(**owner)
    rows = stranded(
        IssueStatus.TODO, retry_reason="assignment_recovery", agent=coder(company=boss.company, reports_to=boss)
    )
    reconcile()
    return rows.again()


def test_an_escalation_says_why_and_is_taken_back_with_one_click(site: Client) -> None:
    rows = escalated()
    said = ActivityEvent.objects.filter(issue=rows.issue, action="issue.updated").latest("id").details or {}
    assert (said["cause"], said["latestRunId"], said["latestRunErrorCode"]) == (
        "dispatch_retried",
        str(rows.run.pk),
        "process_lost",
    )
    recovery = Issue.objects.get(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY)

    assert confirm(site, "requeue", rows.issue) == ["1 back at work."]

    rows.again()
    recovery.refresh_from_db()
    assert (rows.issue.status, recovery.status) == (IssueStatus.TODO, IssueStatus.CANCELLED)
    assert not IssueRelation.objects.filter(blocked=rows.issue).exists()
    assert [run.status for run in rows.other_runs] == [RunStatus.QUEUED]
    assert not HeartbeatRun.objects.live().filter(issue=recovery).exists()
    assert reconcile().details["escalated"] == 0


def test_an_escalation_that_nobody_could_own_is_taken_back_too(site: Client) -> None:
    rows = stranded(IssueStatus.TODO, retry_reason="assignment_recovery")
    Issue.objects.filter(pk=rows.issue.pk).update(status=IssueStatus.BLOCKED)
    assert confirm(site, "requeue", rows.again().issue) == ["1 back at work."]
    assert rows.again().issue.status == IssueStatus.TODO


def test_a_recovery_issue_that_was_blocked_in_place_goes_on_and_still_blocks_its_source(site: Client) -> None:
    rows = escalated()
    recovery = Issue.objects.get(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY)
    HeartbeatRun.objects.filter(issue=recovery).delete()
    Issue.objects.filter(pk=recovery.pk).update(status=IssueStatus.BLOCKED)
    recovery.refresh_from_db()
    assert confirm(site, "requeue", recovery) == ["1 back at work."]
    recovery.refresh_from_db()
    assert (recovery.status, rows.again().issue.status) == (IssueStatus.TODO, IssueStatus.BLOCKED)


def test_only_what_recovery_blocked_is_put_back(site: Client) -> None:
    agent = AgentFactory()
    by_hand, open_ = assigned_to(agent, status=IssueStatus.BLOCKED), assigned_to(agent)
    assert confirm(site, "requeue", by_hand) == ["none back at work, 1 skipped because recovery did not block it."]
    assert confirm(site, "requeue", open_) == ["none back at work, 1 skipped because it is not blocked."]
