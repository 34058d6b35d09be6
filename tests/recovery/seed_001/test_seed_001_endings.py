"""The cases of the process-recovery seed in which a run's end is followed by something (spec/2 H, spec/3 A, B, H).

Where the seed lets a mocked adapter answer, the answer is handed to `finalise_run`, as its supervisor would.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.cancelling import cancel_run
from heartbeats.runs.claiming import claim_runs
from heartbeats.runs.finalising import finalise_run
from heartbeats.runs.told import ExecutionResult
from heartbeats.vocabulary import RunStatus
from issues.models import DocumentRevision, Issue, IssueComment, IssueDocument, IssueRelation
from issues.vocabulary import IssueStatus, OriginKind
from recovery.audit.run import audit
from tests.factories.heartbeats import HeartbeatRunFactory
from tests.factories.issues import IssueFactory, IssueRelationFactory, TreeHoldFactory, assigned_to
from tests.recovery.recovery_artifacts import recovery_of
from tests.recovery.seed_rows import DEAD_PID, Rows, coder, lost_run, reap, reconcile, stranded

pytestmark = pytest.mark.django_db

Committing = DjangoCaptureOnCommitCallbacks


def run_next(rows: Rows, **result: Any) -> HeartbeatRun:
    """Claim the agent's next run and end it with this result."""
    now = timezone.now()
    [claim] = claim_runs(rows.agent.pk, host="host-a", boot_id="boot-1", capacity=1, lease_seconds=60, now=now).runs
    finalise_run(claim.run_id, epoch=claim.epoch, result=ExecutionResult(**result), now=timezone.now())
    return HeartbeatRun.objects.get(pk=claim.run_id)


def comments_on(issue: Issue) -> list[str]:
    return list(IssueComment.objects.filter(issue=issue).values_list("body", flat=True))


def test_blocks_the_issue_when_process_loss_retry_is_exhausted_and_the_continuation_recovery_also_fails(
    django_capture_on_commit_callbacks: Committing,
) -> None:
    rows = lost_run(process_pid=DEAD_PID, process_loss_retry_count=1)
    resolved = IssueFactory(company=rows.agent.company, status=IssueStatus.DONE)
    IssueRelationFactory(blocker=resolved, blocked=rows.issue)
    assert reap().results.ids == (rows.run.pk,)
    [continuation] = rows.other_runs
    expected = {"retryReason": "issue_continuation_needed", "retryOfRunId": str(rows.run.pk)}
    assert expected.items() <= continuation.context.items()
    assert rows.again().run.status == "failed"
    with django_capture_on_commit_callbacks(execute=True):
        run_next(rows, exit_code=1, error_message="continuation recovery failed")
    rows.again()
    assert (rows.issue.status, rows.issue.execution_run_id, rows.issue.checkout_run_id) == ("blocked", None, None)
    recovery = recovery_of(rows, continuation, "in_progress", "issue_continuation_needed")
    [comment] = comments_on(rows.issue)
    assert "retried continuation" in comment
    assert f"Recovery issue: [{recovery.identifier}]" in comment
    assert audit() == []


def test_blocks_failed_recovery_work_in_place_during_immediate_terminal_run_cleanup(
    django_capture_on_commit_callbacks: Committing,
) -> None:
    rows = lost_run(
        process_pid=DEAD_PID, process_loss_retry_count=1, error="Authorization: Bearer sk-test-recovery-secret"
    )
    source = IssueFactory(company=rows.agent.company, status=IssueStatus.BLOCKED)
    Issue.objects.filter(pk=rows.issue.pk).update(
        origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY, origin_id=str(source.pk)
    )
    IssueRelationFactory(blocker=rows.issue, blocked=source)
    with django_capture_on_commit_callbacks(execute=True):
        assert reap().results.ids == (rows.run.pk,)
    rows.again()
    assert (rows.run.status, rows.other_runs) == ("failed", [])
    assert (rows.issue.status, rows.issue.assignee_agent_id, rows.issue.execution_run_id) == (
        "blocked",
        rows.agent.pk,
        None,
    )
    assert (rows.issue.origin_kind, rows.issue.origin_id) == ("stranded_issue_recovery", str(source.pk))
    assert not Issue.objects.filter(origin_id=str(rows.issue.pk)).exists()
    [comment] = comments_on(rows.issue)
    for text in (
        "stopped automatic stranded-work recovery",
        "recovery issues do not create nested `stranded_issue_recovery` issues",
        "Latest retry failure details were withheld from the issue thread",
    ):
        assert text in comment
    assert "sk-test-recovery-secret" not in comment
    assert list(IssueRelation.objects.filter(blocked=source).values_list("blocker_id", flat=True)) == [rows.issue.pk]


def test_does_not_block_paused_tree_work_when_immediate_continuation_recovery_is_suppressed_by_the_hold(
    django_capture_on_commit_callbacks: Committing,
) -> None:
    """Departs from the seed by spec/3 K.11: the lost run lets go of the checkout too; the seed leaves it."""
    rows = lost_run(process_pid=DEAD_PID, process_loss_retry_count=1)
    TreeHoldFactory(root_issue=rows.issue, reason="pause immediate recovery subtree")
    with django_capture_on_commit_callbacks(execute=True):
        assert reap().results.ids == (rows.run.pk,)
    rows.again()
    assert (rows.run.status, rows.other_runs) == ("failed", [])
    assert (rows.issue.status, rows.issue.execution_run_id, rows.issue.checkout_run_id) == ("in_progress", None, None)
    assert not Issue.objects.filter(origin_kind=OriginKind.STRANDED_ISSUE_RECOVERY).exists()
    assert comments_on(rows.issue) == []


def queued_on_issue() -> Rows:
    """`seedQueuedIssueRunFixture`."""
    agent = coder(max_concurrent_runs=1)
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS, started_at=timezone.now())
    run = HeartbeatRunFactory(agent=agent, issue=issue)
    Issue.objects.filter(pk=issue.pk).update(checkout_run=run, execution_run=run)
    issue.refresh_from_db()
    return Rows(agent, run, issue)


def test_schedules_a_bounded_retry_for_codex_transient_upstream_failures_instead_of_blocking_the_issue() -> None:
    rows = queued_on_issue()
    text = "Error running remote compact task: We're currently experiencing high demand"
    run_next(
        rows,
        exit_code=1,
        error_code="adapter_failed",
        error_family="transient_upstream",
        error_message=text,
        provider="openai",
        model="gpt-5.4",
        result={"errorFamily": "transient_upstream"},
    )
    rows.again()
    [retry] = rows.other_runs
    assert (rows.run.status, rows.run.error_code) == ("failed", "adapter_failed")
    assert (rows.run.result or {})["errorFamily"] == "transient_upstream"
    assert (retry.status, retry.retry_reason) == ("scheduled_retry", "transient_failure")
    assert retry.context["codexTransientFallbackMode"] == "same_session"
    assert (rows.issue.status, rows.issue.execution_run_id) == ("in_progress", retry.pk)
    assert comments_on(rows.issue) == []
    assert audit() == []


@pytest.mark.skip(reason="the seed reports to a telemetry service; nothing leaves an installation here")
def test_tracks_the_first_heartbeat_with_the_agent_role_instead_of_adapter_type() -> None:
    pass


def test_records_manual_cancellation_stop_metadata() -> None:
    rows = lost_run(with_issue=False, agent=coder(status="running"))
    cancelled = cancel_run(rows.run.pk, now=timezone.now()).run
    assert cancelled.status == "cancelled"
    expected = {"stopReason": "cancelled", "effectiveTimeoutSec": 0, "timeoutConfigured": False, "timeoutFired": False}
    assert expected.items() <= (cancelled.result or {}).items()


def test_classifies_actionable_plan_only_recovery_and_enqueues_one_liveness_continuation() -> None:
    rows = stranded(IssueStatus.IN_PROGRESS)
    reconcile()
    source = run_next(rows, exit_code=0, summary="I will inspect the repo next and then implement the fix.")
    wakeup = WakeupRequest.objects.get(agent=rows.agent, reason="run_liveness_continuation")
    expected = {"issueId": str(rows.issue.pk), "livenessState": "plan_only", "continuationAttempt": 1}
    assert expected.items() <= (wakeup.payload or {}).items()
    assert (wakeup.payload or {})["sourceRunId"] == str(source.pk)
    assert (source.liveness_state, source.status) == ("plan_only", RunStatus.SUCCEEDED)
    assert source.pk != rows.run.pk
    assert audit() == []


def test_treats_a_plan_document_update_as_progress_and_does_not_enqueue_liveness_continuation() -> None:
    rows = stranded(IssueStatus.IN_PROGRESS)
    reconcile()
    [recovery_run] = rows.other_runs
    plan = "# Plan\n\n- Inspect files\n- Implement fix"
    document = IssueDocument.objects.create(company=rows.agent.company, issue=rows.issue, key="plan", body=plan)
    DocumentRevision.objects.create(
        company=rows.agent.company,
        document=document,
        revision_number=1,
        body=plan,
        author_agent=rows.agent,
        created_by_run=recovery_run,
    )
    ended = run_next(rows, exit_code=0, summary="Plan:\n- Inspect files\n- Implement fix")
    assert (ended.pk, ended.liveness_state) == (recovery_run.pk, "advanced")
    assert not WakeupRequest.objects.filter(reason="run_liveness_continuation").exists()
