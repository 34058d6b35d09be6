"""The reconciliation's cases of the process-recovery seed (spec/3 E, F, G)."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent
from agents.vocabulary import AgentStatus, BudgetScope
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.vocabulary import RunStatus, WakeupStatus
from issues.models import Issue, IssueComment
from issues.vocabulary import IssueStatus, OriginKind
from recovery.audit.run import audit
from recovery.sweeps.run import SweepReport
from tests.factories.agents import BudgetPolicyFactory, CostEventFactory
from tests.factories.heartbeats import WakeupRequestFactory, finished_run
from tests.factories.issues import IssueFactory, IssueRelationFactory, assigned_to
from tests.racing import race
from tests.recovery.recovery_artifacts import blockers_of, recovery_of
from tests.recovery.seed_rows import Rows, coder, reconcile, stranded, todo_without_run

pytestmark = pytest.mark.django_db

WITHHELD = "Latest retry failure details were withheld from the issue thread"
NOTHING = {"assignment_dispatched": 0, "dispatch_requeued": 0, "continuation_requeued": 0, "escalated": 0}


def counted(report: SweepReport) -> dict[str, Any]:
    assert report.error is None, report.error
    assert report.results.errors == 0, report.results.error_texts
    return {name: report.details[name] for name in NOTHING}


def named(report: SweepReport) -> list[str]:
    ids = report.details["issue_ids"]
    assert isinstance(ids, list)
    return ids


def comments_on(issue: Issue) -> list[str]:
    return list(IssueComment.objects.filter(issue=issue).order_by("created_at", "id").values_list("body", flat=True))


def test_dispatches_assigned_todo_work_with_no_prior_run_as_a_normal_assignment_wake() -> None:
    issue = todo_without_run()
    report = reconcile()
    assert counted(report) == {**NOTHING, "assignment_dispatched": 1}
    assert named(report) == [str(issue.pk)]
    wakeup = WakeupRequest.objects.get()
    assert (wakeup.agent_id, wakeup.source, wakeup.trigger_detail, wakeup.reason) == (
        issue.assignee_agent_id,
        "assignment",
        "system",
        "issue_assigned",
    )
    assert wakeup.payload == {"issueId": str(issue.pk), "mutation": "assigned_todo_liveness_dispatch"}
    run = HeartbeatRun.objects.get()
    expected = {
        "issueId": str(issue.pk),
        "taskId": str(issue.pk),
        "wakeReason": "issue_assigned",
        "source": "issue.assigned_todo_liveness_dispatch",
    }
    assert run.retry_of_run_id is None
    assert expected.items() <= run.context.items()
    assert "retryReason" not in run.context
    issue.refresh_from_db()
    assert (issue.status, blockers_of(issue), comments_on(issue)) == ("todo", [], [])
    assert not Issue.objects.filter(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY).exists()
    assert counted(reconcile()) == NOTHING
    assert audit() == []


def test_does_not_duplicate_initial_assigned_todo_dispatch_when_a_queued_wake_already_exists() -> None:
    issue = todo_without_run()
    WakeupRequestFactory(agent=issue.assignee_agent, issue=issue)
    report = reconcile()
    assert counted(report) == NOTHING
    assert (report.details["skipped"], named(report)) == (1, [])
    assert (WakeupRequest.objects.count(), HeartbeatRun.objects.count()) == (1, 0)


def test_skips_budget_blocked_assigned_todo_work_with_no_prior_run_and_continues_the_sweep() -> None:
    blocked, unblocked = todo_without_run(), todo_without_run()
    agent = blocked.assignee_agent
    assert agent is not None
    BudgetPolicyFactory(company=agent.company, scope_type=BudgetScope.AGENT, scope_id=agent.pk, amount=1)
    CostEventFactory(agent=agent, cost_cents=1)
    report = reconcile()
    assert counted(report) == {**NOTHING, "assignment_dispatched": 1}
    assert (report.details["skipped"], named(report)) == (1, [str(unblocked.pk)])
    assert not WakeupRequest.objects.filter(agent=agent).exists()
    assert HeartbeatRun.objects.get().issue_id == unblocked.pk
    blocked.refresh_from_db()
    assert blocked.status == "todo"


def test_does_not_dispatch_assigned_todo_work_with_no_prior_run_when_the_agent_is_paused() -> None:
    issue = todo_without_run(status=AgentStatus.PAUSED)
    report = reconcile()
    assert counted(report) == NOTHING
    assert (report.details["skipped"], named(report)) == (1, [])
    issue.refresh_from_db()
    assert (issue.status, HeartbeatRun.objects.count()) == ("todo", 0)


@pytest.mark.parametrize("old_wake", [False, True], ids=["no_wake_remains", "an_old_queued_wake_exists"])
def test_re_enqueues_assigned_todo_work_when_the_last_issue_run_died(old_wake: bool) -> None:
    rows = stranded(IssueStatus.TODO)
    if old_wake:
        WakeupRequestFactory(agent=rows.agent, issue=rows.issue)
    report = reconcile()
    assert counted(report) == {**NOTHING, "dispatch_requeued": 1}
    assert named(report) == [str(rows.issue.pk)]
    [retry] = rows.other_runs
    assert (retry.context["retryReason"], retry.retry_reason) == ("assignment_recovery", "assignment_recovery")
    assert rows.again().issue.execution_run_id == retry.pk


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RunStatus.FAILED, "adapter_failed"),
        (RunStatus.FAILED, "process_lost"),
        (RunStatus.TIMED_OUT, "adapter_timed_out"),
    ],
)
def test_re_enqueues_stranded_in_progress_work_before_escalating(status: RunStatus, code: str) -> None:
    rows = stranded(IssueStatus.IN_PROGRESS, status, error_code=code)
    report = reconcile()
    assert counted(report) == {**NOTHING, "continuation_requeued": 1}
    assert named(report) == [str(rows.issue.pk)]
    [retry] = rows.other_runs
    expected = {
        "issueId": str(rows.issue.pk),
        "taskId": str(rows.issue.pk),
        "retryReason": "issue_continuation_needed",
        "retryOfRunId": str(rows.run.pk),
        "source": "issue.continuation_recovery",
    }
    assert expected.items() <= retry.context.items()
    assert not Issue.objects.filter(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY).exists()
    assert audit() == []


def test_blocks_assigned_todo_work_after_the_one_automatic_dispatch_recovery_was_already_used() -> None:
    rows = stranded(
        IssueStatus.TODO, retry_reason="assignment_recovery", error="Authorization: Bearer sk-test-recovery-secret"
    )
    report = reconcile()
    assert counted(report) == {**NOTHING, "escalated": 1}
    assert named(report) == [str(rows.issue.pk)]
    rows.again()
    assert rows.issue.status == "blocked"
    recovery = recovery_of(rows, rows.run, "todo", "assignment_recovery")
    assert "sk-test-recovery-secret" not in (recovery.description or "")
    [comment] = comments_on(rows.issue)
    for text in ("retried dispatch", WITHHELD, f"Recovery issue: [{recovery.identifier}]"):
        assert text in comment
    assert "sk-test-recovery-secret" not in comment
    assert audit() == []


def test_assigns_open_unassigned_blockers_back_to_their_creator_agent() -> None:
    creator: Agent = coder(name="SecurityEngineer")
    blocker = IssueFactory(company=creator.company, created_by_agent=creator, priority="high", title="Fix blocker")
    blocked = assigned_to(coder(company=creator.company), status=IssueStatus.BLOCKED, priority="high")
    IssueRelationFactory(blocker=blocker, blocked=blocked)
    report = reconcile()
    assert report.details["orphan_blockers_assigned"] == 1
    assert str(blocker.pk) in named(report)
    blocker.refresh_from_db()
    assert blocker.assignee_agent_id == creator.pk
    [comment] = comments_on(blocker)
    assert "Assigned Orphan Blocker" in comment
    prefix = creator.company.issue_prefix
    assert f"[{blocked.identifier}](/{prefix}/issues/{blocked.identifier})" in comment
    wakeup = WakeupRequest.objects.get(agent=creator)
    assert (wakeup.reason, wakeup.payload) == (
        "issue_assigned",
        {"issueId": str(blocker.pk), "mutation": "unassigned_blocker_recovery"},
    )
    assert reconcile().details["orphan_blockers_assigned"] == 0


def test_re_enqueues_continuation_for_stranded_in_progress_work_with_no_active_run() -> None:
    rows = stranded(IssueStatus.IN_PROGRESS)
    report = reconcile()
    assert counted(report) == {**NOTHING, "continuation_requeued": 1}
    assert named(report) == [str(rows.issue.pk)]
    [retry] = rows.other_runs
    assert (retry.status, retry.context["retryReason"]) == ("queued", "issue_continuation_needed")
    assert rows.again().issue.status == "in_progress"


def test_does_not_continue_seeded_in_progress_work_that_has_no_run_linkage() -> None:
    issue = assigned_to(coder(), status=IssueStatus.IN_PROGRESS, started_at=timezone.now())
    report = reconcile()
    assert counted(report) == NOTHING
    assert report.details["skipped"] == 1
    issue.refresh_from_db()
    assert (issue.status, issue.execution_run_id, HeartbeatRun.objects.count()) == ("in_progress", None, 0)


def test_blocks_stranded_in_progress_work_after_the_continuation_retry_was_already_used() -> None:
    rows = stranded(IssueStatus.IN_PROGRESS, retry_reason="issue_continuation_needed")
    report = reconcile()
    assert counted(report) == {**NOTHING, "escalated": 1}
    assert named(report) == [str(rows.issue.pk)]
    assert rows.again().issue.status == "blocked"
    recovery = recovery_of(rows, rows.run, "in_progress", "issue_continuation_needed")
    [comment] = comments_on(rows.issue)
    for text in ("retried continuation", WITHHELD, f"Recovery issue: [{recovery.identifier}]"):
        assert text in comment


def test_redacts_error_code_only_stranded_recovery_failures_in_issue_copy() -> None:
    rows = stranded(
        IssueStatus.IN_PROGRESS,
        retry_reason="issue_continuation_needed",
        error_code="adapter_exit_code",
        error=None,
    )
    assert counted(reconcile())["escalated"] == 1
    recovery = recovery_of(rows, rows.run, "in_progress", "issue_continuation_needed")
    [comment] = comments_on(rows.issue)
    for text in (recovery.description or "", comment):
        assert WITHHELD in text
        assert "- Failure: none recorded" not in text
        assert "adapter_exit_code" not in text


@pytest.mark.django_db(transaction=True)
def test_reuses_the_raced_stranded_recovery_issue_when_duplicate_active_recovery_creation_conflicts() -> None:
    """The seed races eight sweeps. Ours take turns by a lock, so the verb itself is raced as well."""
    from recovery.escalation.escalating import escalate_stranded
    from recovery.stranded.decision import EscalationCause

    rows = stranded(IssueStatus.IN_PROGRESS, retry_reason="issue_continuation_needed")
    cause = EscalationCause.CONTINUATION_RETRIED
    race(
        [reconcile] * 4
        + [lambda: escalate_stranded(rows.agent.company_id, rows.issue.pk, rows.run.pk, cause, timezone.now())] * 4
    )
    recovery = Issue.objects.get(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY, origin_id=str(rows.issue.pk))
    assert blockers_of(rows.issue) == [recovery.pk]
    assert len(comments_on(rows.issue)) == 1
    assert audit() == []


def a_failing_recovery_issue() -> tuple[Rows, Issue]:
    rows = stranded(IssueStatus.IN_PROGRESS)
    source = IssueFactory(company=rows.agent.company, status=IssueStatus.BLOCKED, title="Original stranded source")
    Issue.objects.filter(pk=rows.issue.pk).update(
        title="Recover stalled issue PAP-1", origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY, origin_id=str(source.pk)
    )
    IssueRelationFactory(blocker=rows.issue, blocked=source)
    rows.again()
    return rows, source


def nested(rows: Rows) -> int:
    about = Issue.objects.filter(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY, origin_id=str(rows.issue.pk))
    return about.count()


def test_blocks_stranded_recovery_issues_in_place_instead_of_creating_nested_recovery_issues() -> None:
    rows, source = a_failing_recovery_issue()
    report = reconcile()
    assert counted(report) == {**NOTHING, "escalated": 1}
    assert named(report) == [str(rows.issue.pk)]
    rows.again()
    assert (rows.issue.status, rows.issue.assignee_agent_id, rows.issue.origin_id) == (
        "blocked",
        rows.agent.pk,
        str(source.pk),
    )
    assert (nested(rows), rows.other_runs) == (0, [])
    [comment] = comments_on(rows.issue)
    for text in (
        "stopped automatic stranded-work recovery",
        WITHHELD,
        "recovery issues do not create nested `stranded_issue_recovery` issues",
    ):
        assert text in comment
    assert blockers_of(source) == [rows.issue.pk]


def test_keeps_repeated_recovery_failures_on_the_same_canonical_recovery_issue() -> None:
    rows, source = a_failing_recovery_issue()
    assert counted(reconcile())["escalated"] == 1
    second = finished_run(RunStatus.FAILED, agent=rows.agent, issue=rows.issue, error_code="adapter_failed")
    Issue.objects.filter(pk=rows.issue.pk).update(
        status=IssueStatus.IN_PROGRESS, checkout_run=second, execution_run=None
    )
    report = reconcile()
    assert counted(report) == {**NOTHING, "escalated": 1}
    assert named(report) == [str(rows.issue.pk)]
    about = Issue.objects.filter(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY, origin_id=str(source.pk))
    assert [issue.pk for issue in about] == [rows.issue.pk]
    assert (nested(rows), blockers_of(source)) == (0, [rows.issue.pk])
    comments = comments_on(rows.issue)
    assert len(comments) == 2
    assert WITHHELD in comments[1]


def test_does_not_escalate_paused_tree_recovery_when_the_continuation_retry_was_cancelled_by_the_hold() -> None:
    rows = stranded(IssueStatus.IN_PROGRESS, RunStatus.CANCELLED, retry_reason="issue_continuation_needed", held=True)
    report = reconcile()
    assert counted(report) == NOTHING
    assert (report.details["skipped"], named(report)) == (1, [])
    rows.again()
    assert (rows.issue.status, rows.issue.checkout_run_id) == ("in_progress", rows.run.pk)
    assert not Issue.objects.filter(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY).exists()
    assert (blockers_of(rows.issue), comments_on(rows.issue)) == ([], [])
    assert WakeupRequest.objects.filter(agent=rows.agent).count() == 1


def test_records_productive_continuation_instead_of_recovery_when_the_latest_one_succeeded() -> None:
    rows = stranded(
        IssueStatus.IN_PROGRESS,
        RunStatus.SUCCEEDED,
        retry_reason="issue_continuation_needed",
        liveness_state="advanced",
    )
    report = reconcile()
    assert counted(report) == NOTHING
    assert report.details["productive_continuation_observed"] == 1
    assert report.details["successful_continuation_observed"] == 0
    assert named(report) == []
    rows.again()
    assert (rows.issue.status, comments_on(rows.issue), rows.other_runs) == ("in_progress", [], [])
    assert WakeupRequest.objects.filter(status=WakeupStatus.COMPLETED).count() == 1


def test_does_not_reconcile_user_assigned_work_through_the_agent_stranded_work_recovery_path() -> None:
    rows = stranded(IssueStatus.TODO, to_user=True)
    assert counted(reconcile()) == NOTHING
    rows.again()
    assert (rows.issue.status, rows.other_runs) == ("todo", [])
