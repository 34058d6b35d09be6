"""The reconciliation beyond the seed: permanent failures, ledger, settled evidence, missed edges, guards, cost (K)."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents.models import ActivityEvent, Agent
from agents.vocabulary import AgentRole, AgentStatus
from heartbeats.models import HeartbeatRun, RunEvent, WakeupRequest
from heartbeats.vocabulary import RunStatus, WakeupStatus
from issues.models import Issue, IssueComment, IssueRelation
from issues.vocabulary import IssueStatus, OriginKind
from recovery.audit.run import audit
from recovery.models import PoisonRow, SweepRun
from recovery.stranded.survey import _SURVEY
from recovery.sweeps.catalogue import sweep_named
from recovery.sweeps.run import dry_run
from recovery.vocabulary import SweepName
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import WakeupRequestFactory, finished_run
from tests.factories.issues import IssueFactory, IssueRelationFactory, TreeHoldFactory, assigned_to
from tests.present import present
from tests.racing import race
from tests.recovery.healthy_rows import healthy
from tests.recovery.poison import poisoned
from tests.recovery.seed_rows import Rows, coder, reconcile, stranded, todo_without_run
from tests.statements import counted
from tests.timing import processor_seconds

pytestmark = pytest.mark.django_db


def recoveries() -> list[Issue]:
    return list(Issue.objects.filter(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY).order_by("created_at"))


def comment_on(issue: Issue) -> str:
    return IssueComment.objects.filter(issue=issue).latest("created_at").body


def test_a_permanent_failure_escalates_at_once_and_names_what_to_fix() -> None:
    rows = stranded(IssueStatus.TODO, result={"errorFamily": "auth"}, error="401 for sk-live-abcdef0123456789")
    assert reconcile().details["escalated"] == 1
    [recovery] = recoveries()
    text = comment_on(rows.issue)
    for said in (text, recovery.description or ""):
        assert "Renew the credentials of" in said
        assert "sk-live" not in said
    assert [run.issue_id for run in rows.other_runs] == [recovery.pk]


def test_a_spent_ledger_escalates_and_a_person_gives_the_issue_new_credit() -> None:
    rows = stranded(IssueStatus.TODO)
    for _ in range(7):
        finished_run(RunStatus.FAILED, agent=rows.agent, issue=rows.issue, retry_reason="process_lost")
    last = finished_run(RunStatus.FAILED, agent=rows.agent, issue=rows.issue, retry_reason="process_lost")
    Issue.objects.filter(pk=rows.issue.pk).update(last_human_action_at=timezone.now())
    assert reconcile().details["dispatch_requeued"] == 1
    HeartbeatRun.objects.filter(retry_of_run=last).delete()
    Issue.objects.filter(pk=rows.issue.pk).update(last_human_action_at=None, execution_run=None)
    assert reconcile().details["escalated"] == 1
    assert "spent all automatic runs" in comment_on(rows.issue)


def test_the_assignees_manager_owns_the_recovery_issue_before_everybody_else() -> None:
    boss = coder(role=AgentRole.PM)
    agent = coder(company=boss.company, reports_to=boss)
    AgentFactory(company=boss.company, role=AgentRole.CTO)
    stranded(IssueStatus.TODO, retry_reason="assignment_recovery", agent=agent)
    reconcile()
    assert recoveries()[0].assignee_agent_id == boss.pk


def test_without_an_able_owner_the_comment_asks_the_operator_and_no_issue_is_opened() -> None:
    rows = stranded(IssueStatus.TODO, retry_reason="assignment_recovery")
    Agent.objects.filter(pk=rows.agent.pk).update(status=AgentStatus.PAUSED)
    from recovery.escalation.escalating import escalate_stranded
    from recovery.stranded.decision import EscalationCause

    cause = EscalationCause.AGENT_NOT_INVOKABLE
    done = escalate_stranded(rows.agent.company_id, rows.issue.pk, rows.run.pk, cause, timezone.now())
    assert (done.won, done.recovery_issue_id, recoveries()) == (True, None, [])
    text = comment_on(rows.issue)
    assert "An operator must take this issue on" in text
    assert "Resume" in text
    assert rows.again().issue.status == "blocked"


def test_only_unresolved_blockers_stay_beside_the_recovery_issue() -> None:
    rows = stranded(IssueStatus.IN_PROGRESS, retry_reason="issue_continuation_needed")
    done = IssueFactory(company=rows.agent.company, status=IssueStatus.DONE)
    IssueRelationFactory(blocker=done, blocked=rows.issue)
    reconcile()
    blockers = IssueRelation.objects.filter(blocked=rows.issue).values_list("blocker_id", flat=True)
    assert list(blockers) == [recoveries()[0].pk]
    activity = ActivityEvent.objects.get(action="issue.updated", entity_id=str(rows.issue.pk))
    assert (activity.details or {})["latestRunErrorCode"] == "process_lost"
    assert (activity.details or {})["blockedByIssueIds"] == [str(recoveries()[0].pk)]


def test_a_closed_recovery_issue_is_not_opened_again_for_the_same_run_but_the_work_is_tried_once_more() -> None:
    rows = stranded(IssueStatus.TODO, retry_reason="assignment_recovery")
    reconcile()
    now = timezone.now()
    Issue.objects.filter(pk=recoveries()[0].pk).update(status=IssueStatus.DONE, completed_at=now)
    HeartbeatRun.objects.filter(issue=recoveries()[0]).delete()
    Issue.objects.filter(pk=rows.issue.pk).update(status=IssueStatus.TODO)
    report = reconcile()
    assert (report.details["dispatch_requeued"], len(recoveries())) == (1, 1)
    [again] = rows.other_runs
    HeartbeatRun.objects.filter(pk=again.pk).update(status=RunStatus.FAILED, finished_at=now)
    WakeupRequest.objects.filter(pk=present(again.wakeup_id)).update(status=WakeupStatus.FAILED)
    Issue.objects.filter(pk=rows.issue.pk).update(execution_run=None)
    assert reconcile().details["escalated"] == 1
    assert len(recoveries()) == 2
    assert audit() == []


def test_an_issue_that_waits_for_another_is_neither_dispatched_nor_escalated() -> None:
    waiting = todo_without_run()
    assert waiting.assignee_agent is not None
    IssueRelationFactory(blocked=waiting, blocker=IssueFactory(company=waiting.company, status=IssueStatus.IN_REVIEW))
    report = reconcile()
    assert report.results.skipped == {"dependencies_blocked": 1}
    assert not WakeupRequest.objects.exists()


def test_an_agent_that_takes_no_demands_is_not_asked_again_and_again() -> None:
    todo_without_run(wake_on_demand=False)
    assert reconcile().results.skipped == {"wake_on_demand_disabled": 1}
    assert not WakeupRequest.objects.exists()


def waiting_for(*statuses: IssueStatus, **columns: Any) -> Issue:
    agent = coder()
    issue = assigned_to(agent, **{"status": IssueStatus.BLOCKED, **columns})
    ended = timezone.now() - timedelta(minutes=5)
    for status in statuses:
        blocker = IssueFactory(company=agent.company, status=status)
        Issue.objects.filter(pk=blocker.pk).exclude(completed_at=None).update(completed_at=ended)
        Issue.objects.filter(pk=blocker.pk).exclude(cancelled_at=None).update(cancelled_at=ended)
        IssueRelationFactory(blocker=blocker, blocked=issue)
    return issue


def test_an_issue_whose_blockers_are_all_done_is_woken_once() -> None:
    issue = waiting_for(IssueStatus.DONE, IssueStatus.DONE)
    assert reconcile().counts == {"wake_blockers_resolved": 1}
    wakeup = WakeupRequest.objects.get()
    assert (wakeup.issue_id, wakeup.reason, wakeup.source) == (issue.pk, "issue_blockers_resolved", "automation")
    HeartbeatRun.objects.update(status=RunStatus.SUCCEEDED, finished_at=timezone.now())
    assert reconcile().counts == {}


def test_an_issue_with_an_open_blocker_or_woken_since_is_left_waiting() -> None:
    waiting_for(IssueStatus.DONE, IssueStatus.TODO)
    woken = waiting_for(IssueStatus.DONE)
    WakeupRequestFactory(agent=woken.assignee_agent, issue=woken, status=WakeupStatus.COMPLETED)
    report = reconcile()
    assert "wake_blockers_resolved" not in report.counts


def test_a_cancelled_blocker_is_surfaced_once_to_the_owner() -> None:
    issue = waiting_for(IssueStatus.CANCELLED, IssueStatus.DONE)
    assert reconcile().counts == {"surface_cancelled_blocker": 1}
    assert "A cancelled issue still blocks this one" in comment_on(issue)
    assert WakeupRequest.objects.get().reason == "issue_commented"
    HeartbeatRun.objects.update(status=RunStatus.SUCCEEDED, finished_at=timezone.now())
    assert reconcile().counts == {}
    assert IssueComment.objects.count() == 1


def test_a_deferred_wakeup_that_no_run_will_release_is_promoted() -> None:
    issue = assigned_to(coder())
    WakeupRequestFactory(
        agent=issue.assignee_agent,
        issue=issue,
        status=WakeupStatus.DEFERRED,
        wake_reason="issue_commented",
        context={"issueId": str(issue.pk)},
        requested_at=timezone.now() - timedelta(minutes=1),
    )
    assert reconcile().counts == {"promote_deferred": 1}
    assert HeartbeatRun.objects.get().status == "queued"
    assert audit() == []


def test_a_hold_keeps_resolved_blockers_quiet() -> None:
    issue = waiting_for(IssueStatus.DONE)
    TreeHoldFactory(root_issue=issue)
    assert reconcile().counts == {}
    assert not WakeupRequest.objects.exists()


def test_one_poison_issue_holds_up_nobody() -> None:
    bad, good = stranded(IssueStatus.IN_PROGRESS), stranded(IssueStatus.IN_PROGRESS)
    with poisoned("issues_issue", bad.issue.pk):
        report = reconcile()
    assert (report.details["continuation_requeued"], report.details["errors"]) == (1, 1)
    assert PoisonRow.objects.get().row_id == bad.issue.pk
    assert (len(bad.other_runs), len(good.other_runs)) == (0, 1)


def test_a_dry_run_reports_the_same_and_writes_nothing() -> None:
    todo_without_run()
    stranded(IssueStatus.IN_PROGRESS)
    stranded(IssueStatus.TODO, retry_reason="assignment_recovery")
    waiting_for(IssueStatus.DONE)
    before = [model.objects.count() for model in (Issue, HeartbeatRun, WakeupRequest, IssueComment, RunEvent)]
    would = dry_run(sweep_named(SweepName.RECONCILE_STRANDED))
    after = [model.objects.count() for model in (Issue, HeartbeatRun, WakeupRequest, IssueComment, RunEvent)]
    assert (before, SweepRun.objects.count()) == (after, 0)
    assert would.counts == reconcile().counts


def test_twice_is_once() -> None:
    rows = [stranded(IssueStatus.IN_PROGRESS), stranded(IssueStatus.TODO, retry_reason="assignment_recovery")]
    assert reconcile().results.acted == 2
    second = reconcile()
    assert (second.results.acted, len(recoveries())) == (0, 1)
    assert len(rows[0].other_runs) == 1


def test_an_empty_system_reports_nothing() -> None:
    report = reconcile()
    assert (report.results.looked_at, report.details["issue_ids"]) == (0, [])


def two_hundred_stranded() -> list[Rows]:
    agent = coder(max_concurrent_runs=10)
    return [stranded(IssueStatus.IN_PROGRESS, agent=agent) for _ in range(100)] + [
        stranded(IssueStatus.IN_PROGRESS, agent=agent, retry_reason="issue_continuation_needed") for _ in range(100)
    ]


@pytest.mark.django_db(transaction=True)
def test_eight_sweeps_at_once_give_two_hundred_issues_one_verdict_each() -> None:
    two_hundred_stranded()
    reports = race([reconcile] * 8)
    assert sum(int(str(report.details.get("continuation_requeued", 0))) for report in reports) == 100
    assert sum(int(str(report.details.get("escalated", 0))) for report in reports) == 100
    assert (len(recoveries()), HeartbeatRun.objects.filter(retry_reason="issue_continuation_needed").count()) == (
        100,
        200,
    )
    assert audit() == []


@pytest.mark.django_db(transaction=True)
def test_healthy_issues_cost_no_statement_of_their_own() -> None:
    healthy(300)
    reconcile()
    with counted() as statements:
        report = reconcile()
    assert report.details["skipped"] == 300
    assert len(statements) <= 12, statements.report()


@pytest.mark.django_db(transaction=True)
def test_ten_thousand_healthy_issues_take_a_fifth_of_a_second() -> None:
    healthy(10_000)
    reconcile()
    assert processor_seconds(reconcile) < 0.2


@pytest.mark.skipif(not os.environ.get("EVERBEAT_SLOW_TESTS"), reason="needs EVERBEAT_SLOW_TESTS=1: 100,000 rows")
def test_a_hundred_thousand_healthy_issues_are_served_by_indexes() -> None:
    healthy(100_000)
    values: dict[str, list[str] | int] = {"closed": ["paused"], "productive": ["advanced"], "most": 100}
    with connection.cursor() as cursor:
        cursor.execute(f"explain {_SURVEY}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "run_newest_of_issue" in plan
    assert "run_live_of" in plan
    reconcile()
    began = time.monotonic()
    assert reconcile().details["skipped"] == 100_000
    assert time.monotonic() - began < 3
