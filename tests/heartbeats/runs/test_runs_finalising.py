"""The end of a run on real rows: steps 1 to 9 of spec/2 E, and what must never happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.models import ActivityEvent, CostEvent, LiveEvent
from config.common.after_commit import pending
from heartbeats import hooks
from heartbeats.models import HeartbeatRun, LateReport, RuntimeState, TaskSession, WakeupRequest
from heartbeats.runs import finalising
from heartbeats.runs.finalising import ExecutionResult, Finalised, StartedSession, finalise_run
from heartbeats.runs.scheduling import queue_run, repeat_of, retry_context
from heartbeats.runs.sessions import SessionState
from heartbeats.vocabulary import RetryReason, RunStatus, WakeupStatus
from issues.models import Issue, IssueComment
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import (
    EnvironmentLeaseFactory,
    HeartbeatRunFactory,
    TaskSessionFactory,
    WakeupRequestFactory,
    finished_run,
    running_run,
)
from tests.factories.issues import IssueCommentFactory, TreeHoldFactory, assigned_to, comment_of_agent
from tests.present import present
from tests.statements import counted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DONE = ExecutionResult(exit_code=0, summary="Fixed the parser; all tests pass.")
BROKEN = ExecutionResult(exit_code=3, error_message="it broke")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_registered", hooks._Registered())


def at_work(**columns: Any) -> tuple[HeartbeatRun, Issue]:
    """A running run that holds its assignee's issue."""
    agent = columns.pop("agent", None) or AgentFactory(status="running")
    issue = assigned_to(agent, status=columns.pop("issue_status", IssueStatus.IN_PROGRESS))
    run = running_run(agent=agent, issue=issue, **columns)
    Issue.objects.filter(pk=issue.pk).update(execution_run=run, checkout_run=run)
    return run, issue


def finish(run: HeartbeatRun, result: ExecutionResult = DONE, epoch: int = 1) -> Finalised:
    finalised = finalise_run(run.pk, epoch=epoch, result=result, now=NOW)
    run.refresh_from_db()
    return finalised


def test_a_succeeded_run_ends_with_wakeup_locks_agent_and_events() -> None:
    run, issue = at_work()
    finalised = finish(run)
    issue.refresh_from_db()
    run.agent.refresh_from_db()
    assert (finalised.won, finalised.status, run.status, run.finished_at) == (True, "succeeded", "succeeded", NOW)
    assert WakeupRequest.objects.get(pk=present(run.wakeup_id)).status == WakeupStatus.COMPLETED
    assert (issue.execution_run_id, issue.checkout_run_id) == (None, None)
    assert (run.agent.status, run.agent.last_heartbeat_at) == ("idle", NOW)
    assert run.result is not None
    assert (run.result["stopReason"], run.result["summary"]) == ("completed", DONE.summary)
    assert next((event.seq, event.message) for event in run.events.all()) == (1, "run succeeded")
    assert "heartbeat.run.status" in set(LiveEvent.objects.values_list("type", flat=True))


def test_the_summary_becomes_the_agents_comment_and_satisfies_the_policy() -> None:
    run, issue = at_work()
    finish(run)
    comment = IssueComment.objects.get(issue=issue)
    assert (comment.body, comment.author_agent_id, comment.created_by_run_id) == (DONE.summary, run.agent_id, run.pk)
    assert (run.issue_comment_status, run.issue_comment_satisfied_by_comment_id) == ("satisfied", comment.pk)
    assert ActivityEvent.objects.get(action="issue.comment_added").actor_type == "system"


def test_a_run_that_commented_itself_gets_no_second_comment() -> None:
    run, issue = at_work()
    own = comment_of_agent(issue, run.agent, created_by_run=run)
    finalised = finish(run)
    assert list(IssueComment.objects.filter(issue=issue)) == [own]
    assert (finalised.liveness, run.issue_comment_satisfied_by_comment_id) == ("advanced", own.pk)


def test_an_owed_comment_is_asked_for_once_by_a_run_that_inherits_the_lock() -> None:
    run, issue = at_work(wake_reason="issue_assigned")
    finalised = finish(run, ExecutionResult(exit_code=0))
    issue.refresh_from_db()
    follow_up = HeartbeatRun.objects.get(retry_of_run=run)
    assert finalised.follow_up_run_id == follow_up.pk == issue.execution_run_id
    assert (follow_up.wake_reason, follow_up.retry_reason) == ("missing_issue_comment", "missing_issue_comment")
    assert follow_up.task_key == run.task_key
    assert (run.issue_comment_status, run.issue_comment_retry_queued_at) == ("retry_queued", NOW)
    HeartbeatRun.objects.filter(pk=follow_up.pk).update(
        status="running", epoch=1, started_at=NOW, lease_expires_at=NOW + timedelta(seconds=60)
    )
    finish(follow_up, ExecutionResult(exit_code=0))
    assert follow_up.issue_comment_status == "retry_exhausted"


def test_a_failed_run_queues_one_continuation_recovery_and_its_failure_escalates() -> None:
    told: list[tuple[Any, ...]] = []
    hooks.register_escalation(lambda issue, run, cause, _now: told.append((issue.pk, run.pk, cause)))
    run, issue = at_work(wake_reason="heartbeat_timer")
    finalised = finish(run, BROKEN)
    recovery = HeartbeatRun.objects.get(retry_of_run=run)
    issue.refresh_from_db()
    assert (run.status, run.error_code, run.error) == ("failed", "adapter_failed", "it broke")
    assert finalised.follow_up_run_id == recovery.pk == issue.execution_run_id
    assert (recovery.wake_reason, recovery.retry_reason) == ("issue_continuation_needed",) * 2
    assert recovery.context["source"] == "issue.continuation_recovery"
    assert (recovery.context["wakeSource"], recovery.context["taskKey"]) == ("assignment", str(issue.pk))
    HeartbeatRun.objects.filter(pk=recovery.pk).update(
        status="running", epoch=1, started_at=NOW, lease_expires_at=NOW + timedelta(seconds=60)
    )
    finish(recovery, BROKEN)
    assert told == [(issue.pk, recovery.pk, "already_recovered")]


def test_escalation_with_nobody_registered_leaves_a_warning() -> None:
    run, _ = at_work(retry_reason=RetryReason.ISSUE_CONTINUATION_NEEDED, wake_reason="issue_continuation_needed")
    finish(run, BROKEN)
    warning = run.events.get(level="warn")
    assert warning.payload is not None
    assert warning.payload["cause"] == "already_recovered"


def test_a_permanent_failure_escalates_at_once() -> None:
    run, _ = at_work(wake_reason="heartbeat_timer")
    finalised = finish(run, ExecutionResult(exit_code=1, error_message="401", error_family="auth"))
    assert finalised.follow_up_run_id is None
    assert present(run.events.get(level="warn").payload)["cause"] == "permanent_failure"


def test_a_pause_hold_stops_the_recovery() -> None:
    run, issue = at_work(wake_reason="heartbeat_timer")
    TreeHoldFactory(root_issue=issue)
    assert finish(run, BROKEN).follow_up_run_id is None


def test_the_oldest_deferred_wakeup_is_promoted_and_only_that_one() -> None:
    run, issue = at_work(wake_reason="heartbeat_timer")
    comment = IssueCommentFactory(issue=issue)
    context = {"issueId": str(issue.pk), "wakeReason": "issue_commented", "wakeCommentIds": [str(comment.pk)]}
    deferred = WakeupRequestFactory(
        agent=run.agent,
        issue=issue,
        status=WakeupStatus.DEFERRED,
        context=context,
        wake_reason="issue_commented",
        wake_comment=comment,
        requested_at=NOW - timedelta(minutes=2),
    )
    later = WakeupRequestFactory(
        agent=AgentFactory(company=issue.company), issue=issue, status=WakeupStatus.DEFERRED, context={}
    )
    finalised = finish(run)
    promoted = HeartbeatRun.objects.get(pk=present(finalised.follow_up_run_id))
    deferred.refresh_from_db()
    later.refresh_from_db()
    assert (deferred.status, deferred.reason, deferred.run_id) == ("queued", "issue_execution_promoted", promoted.pk)
    assert (promoted.wake_comment_id, promoted.context["wakeCommentIds"]) == (comment.pk, [str(comment.pk)])
    assert later.status == WakeupStatus.DEFERRED


def test_a_persons_deferred_comment_reopens_a_closed_issue_but_an_agents_does_not() -> None:
    for requester, expected in (("user", IssueStatus.TODO), ("agent", IssueStatus.DONE)):
        run, issue = at_work(wake_reason="heartbeat_timer")
        comment = IssueCommentFactory(issue=issue)
        Issue.objects.filter(pk=issue.pk).update(status="done", completed_at=NOW)
        WakeupRequestFactory(
            agent=run.agent,
            issue=issue,
            status=WakeupStatus.DEFERRED,
            context={"issueId": str(issue.pk), "wakeCommentIds": [str(comment.pk)]},
            requested_by_type=requester,
        )
        promoted = HeartbeatRun.objects.get(pk=present(finish(run).follow_up_run_id))
        issue.refresh_from_db()
        assert issue.status == expected
        assert promoted.context.get("reopenedFrom") == ("done" if requester == "user" else None)


def test_a_deferred_wakeup_of_a_paused_agent_fails_and_the_next_one_is_promoted() -> None:
    run, issue = at_work(wake_reason="heartbeat_timer")
    paused, other = AgentFactory(company=issue.company, status="paused"), AgentFactory(company=issue.company)
    lost = WakeupRequestFactory(agent=paused, issue=issue, status=WakeupStatus.DEFERRED, context={})
    WakeupRequestFactory(agent=other, issue=issue, status=WakeupStatus.DEFERRED, context={})
    follow_up = HeartbeatRun.objects.get(pk=present(finish(run).follow_up_run_id))
    lost.refresh_from_db()
    issue.refresh_from_db()
    assert (lost.status, follow_up.agent_id) == ("failed", other.pk)
    assert issue.execution_run_id is None  # not the assignee


def test_a_stale_epoch_changes_nothing_and_is_kept_for_people() -> None:
    run, _issue = at_work()
    HeartbeatRun.objects.filter(pk=run.pk).update(epoch=2)
    finalised = finish(run, DONE, epoch=1)
    assert (finalised.won, finalised.stale, run.status) == (False, True, "running")
    report = LateReport.objects.get()
    assert (report.epoch, report.current_epoch, report.origin) == (1, 2, "finalise")
    assert report.payload is not None
    assert report.payload["summary"] == DONE.summary


def test_finalising_twice_is_finalising_once() -> None:
    run, _ = at_work()
    first, second = finish(run), finish(run, BROKEN)
    assert (first.won, second.won, second.already, run.status) == (True, False, True, "succeeded")
    assert run.events.filter(message__startswith="run ").count() == 1


def test_a_run_cancelled_meanwhile_stays_cancelled_but_its_cost_counts_and_its_slot_is_free() -> None:
    run = finished_run(RunStatus.CANCELLED, process_stopping=True, error_code="cancelled")
    result = ExecutionResult(exit_code=0, cost_usd=0.5, provider="anthropic", model="m", billing_type="api")
    finalised = finish(run, result)
    assert (finalised.already, run.status, run.process_stopping, run.exit_code) == (True, "cancelled", False, 0)
    assert CostEvent.objects.get().cost_cents == 50
    finish(run, result)
    assert CostEvent.objects.count() == 1


def test_an_accepted_cancel_wins_over_success() -> None:
    run, _ = at_work(cancel_requested_at=NOW)
    assert finish(run).status == "cancelled"


def test_a_signal_that_we_did_not_send_is_a_failure_and_a_time_limit_is_a_timeout() -> None:
    run, _ = at_work()
    assert finish(run, ExecutionResult(signal="SIGSEGV")).status == "failed"
    late, _ = at_work()
    assert finish(late, ExecutionResult(timed_out=True, signal="SIGTERM")).status == "timed_out"
    late.refresh_from_db()
    result = present(late.result)
    assert (late.error_code, result["stopReason"], result["timeoutFired"]) == ("timeout", "timeout", True)


def test_totals_cost_and_session_are_kept() -> None:
    run, _ = at_work()
    result = ExecutionResult(
        exit_code=0,
        summary="done",
        usage={"inputTokens": 100, "outputTokens": 20},
        cost_usd=0.12,
        provider="anthropic",
        model="opus",
        billing_type="api",
        session_id="s-1",
        started_with=StartedSession(),
    )
    finish(run, result)
    state = RuntimeState.objects.get(agent=run.agent)
    assert (state.total_input_tokens, state.total_cost_cents, state.session_id) == (100, 12, "s-1")
    assert (run.session_id_after, present(run.usage)["billingType"]) == ("s-1", "metered_api")
    assert TaskSession.objects.get(task_key=run.task_key).session_params == {"sessionId": "s-1"}
    assert CostEvent.objects.get().booked_by_run


def test_usage_is_the_difference_to_the_sessions_previous_run() -> None:
    first, issue = at_work()
    told = ExecutionResult(exit_code=0, summary=DONE.summary, session_id="s-1", started_with=StartedSession())
    finish(first, replace(told, usage={"inputTokens": 100}))
    second = running_run(agent=first.agent, issue=issue)
    finish(second, replace(told, usage={"inputTokens": 130}))
    assert (present(second.usage)["inputTokens"], present(second.usage)["rawInputTokens"]) == (30, 130)
    assert RuntimeState.objects.get(agent=first.agent).total_input_tokens == 130


@pytest.mark.parametrize("nothing", [None, {"inputTokens": 0}])
def test_a_run_that_counted_no_token_does_not_make_the_session_be_counted_again(nothing: Any) -> None:
    first = running_run()
    told = ExecutionResult(exit_code=0, summary=DONE.summary, session_id="s-1", started_with=StartedSession())
    finish(first, replace(told, usage={"inputTokens": 100}))
    for _time in range(2):
        failed = running_run(agent=first.agent)
        finish(failed, replace(told, exit_code=1, usage=nothing))
    last = running_run(agent=first.agent)
    finish(last, replace(told, usage={"inputTokens": 130}))
    assert present(last.usage)["inputTokens"] == 30
    assert RuntimeState.objects.get(agent=first.agent).total_input_tokens == 130


@pytest.mark.parametrize(("noted", "told", "kept"), [(None, 512, 512), (400, None, 400), (None, None, None)])
def test_where_the_log_was_cut_is_kept_whoever_noticed(noted: int | None, told: int | None, kept: int | None) -> None:
    run, _issue = at_work()
    HeartbeatRun.objects.filter(pk=run.pk).update(log_truncated_at=noted)
    finish(run, replace(DONE, log_truncated_at=told))
    assert run.log_truncated_at == kept


def test_a_silent_adapter_keeps_the_session_but_a_rotated_one_does_not_come_back() -> None:
    for rotated, kept in ((False, "old"), (True, None)):
        run, _ = at_work()
        TaskSessionFactory(agent=run.agent, task_key=run.task_key, session_display_id="old")
        started = StartedSession(session=SessionState({"sessionId": "old"}, "old", "old"), rotated=rotated)
        finish(run, ExecutionResult(exit_code=0, summary="x", started_with=started))
        assert run.session_id_after == kept
        assert RuntimeState.objects.get(agent=run.agent).session_id == kept
        assert TaskSession.objects.filter(agent=run.agent).exists() is not rotated


def test_a_failure_before_the_session_was_chosen_forgets_no_session() -> None:
    run, _ = at_work()
    TaskSessionFactory(agent=run.agent, task_key=run.task_key)
    finish(run, ExecutionResult(error_message="no workspace"))
    assert TaskSession.objects.filter(agent=run.agent).exists()


def test_the_agent_stays_running_with_other_runs_and_goes_to_error_after_a_failure() -> None:
    agent = AgentFactory(status="running")
    run, other = at_work(agent=agent)[0], running_run(agent=agent)
    finish(run)
    agent.refresh_from_db()
    assert agent.status == "running"
    finish(other, BROKEN)
    agent.refresh_from_db()
    assert agent.status == "error"


def test_the_environment_lease_ends_with_the_run() -> None:
    for result, status in ((DONE, "released"), (BROKEN, "failed")):
        run, _ = at_work()
        lease = EnvironmentLeaseFactory(run=run)
        finish(run, result)
        lease.refresh_from_db()
        assert (lease.status, lease.released_at) == (status, NOW)


def test_the_next_queued_run_is_rung_for() -> None:
    run, _ = at_work()
    HeartbeatRunFactory(agent=run.agent)
    finish(run)
    assert [message.args for message in pending()] == [(str(run.agent_id),)]


def _park(run: HeartbeatRun, issue: Issue | None, now: datetime) -> HeartbeatRun | None:
    new = repeat_of(
        run,
        run.agent,
        reason="transient_failure_retry",
        retry_reason=RetryReason.TRANSIENT_FAILURE,
        context=retry_context(run, wakeReason="transient_failure_retry"),
        scheduled_retry_at=now + timedelta(minutes=2),
        scheduled_retry_attempt=1,
    )
    return queue_run(new, now=now)


def test_a_bounded_retry_takes_the_lock_and_nothing_else_follows() -> None:
    hooks.register_bounded_retry(_park)
    run, issue = at_work(wake_reason="heartbeat_timer")
    finalised = finish(run, BROKEN)
    retry = HeartbeatRun.objects.get(retry_of_run=run)
    issue.refresh_from_db()
    assert (retry.status, issue.execution_run_id, issue.status) == ("scheduled_retry", retry.pk, "in_progress")
    assert finalised.follow_up_run_id == retry.pk


def test_a_person_who_waited_for_the_run_does_not_wait_for_its_retry() -> None:
    hooks.register_bounded_retry(_park)
    run, issue = at_work(wake_reason="heartbeat_timer")
    comment = IssueCommentFactory(issue=issue)
    waiting = WakeupRequestFactory(
        agent=run.agent,
        issue=issue,
        status=WakeupStatus.DEFERRED,
        context={"issueId": str(issue.pk), "wakeCommentIds": [str(comment.pk)]},
        wake_comment=comment,
        requested_by_type="user",
    )
    finish(run, BROKEN)
    retry = HeartbeatRun.objects.get(retry_of_run=run)
    waiting.refresh_from_db()
    assert (retry.status, retry.context["wakeCommentIds"]) == ("queued", [str(comment.pk)])
    assert (waiting.status, waiting.run_id) == ("coalesced", retry.pk)


def test_a_run_that_only_planned_is_continued_twice_at_most() -> None:
    run, _issue = at_work(wake_reason="heartbeat_timer")
    plan = ExecutionResult(exit_code=0, summary="Next I will inspect the parser and add a test.")
    for attempt in (1, 2):
        finalised = finish(run, plan)
        assert finalised.liveness == "plan_only", run.liveness_reason
        run = HeartbeatRun.objects.get(pk=present(finalised.follow_up_run_id))
        assert (run.wake_reason, run.continuation_attempt) == ("run_liveness_continuation", attempt)
        HeartbeatRun.objects.filter(pk=run.pk).update(
            status="running", epoch=1, started_at=NOW, lease_expires_at=NOW + timedelta(seconds=60)
        )
    assert finish(run, plan).follow_up_run_id is None
    assert IssueComment.objects.filter(body__startswith="Bounded liveness continuation exhausted").count() == 1
    assert (run.liveness_reason or "").endswith("continuation attempts exhausted")


def test_the_ledger_stops_automatic_runs_that_feed_each_other(settings: Any) -> None:
    settings.AUTOMATIC_RUNS_PER_ISSUE = 1
    run, issue = at_work(wake_reason="heartbeat_timer")
    finished_run(RunStatus.FAILED, agent=run.agent, issue=issue, retry_reason=RetryReason.PROCESS_LOST)
    assert finish(run, BROKEN).follow_up_run_id is None
    assert present(run.events.get(level="warn").payload)["cause"] == "retry_ledger_exhausted"


def test_what_postgresql_cannot_hold_does_not_stop_the_end() -> None:
    run, _ = at_work()
    dirty = ExecutionResult(exit_code=0, summary="a\x00b", stdout_excerpt="\x00\ud800", result={"x": [float("nan")]})
    assert finish(run, dirty).won
    assert run.result is not None
    assert run.result["x"] == [None]


def test_a_fault_inside_the_finalisation_still_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: Any, **__: Any) -> None:
        raise ValueError("a rule is broken")

    monkeypatch.setattr(finalising, "release_and_promote", explode)
    run, issue = at_work()
    finalised = finish(run)
    issue.refresh_from_db()
    assert (finalised.won, run.status, issue.execution_run_id) == (True, "succeeded", None)
    assert WakeupRequest.objects.get(pk=present(run.wakeup_id)).status == WakeupStatus.COMPLETED
    assert present(run.events.get().payload)["fault"] == "ValueError"


@pytest.mark.django_db(transaction=True)
def test_a_common_end_takes_at_most_27_statements() -> None:
    run, issue = at_work(wake_reason="heartbeat_timer")
    comment_of_agent(issue, run.agent, created_by_run=run)
    with counted() as statements:
        finalise_run(run.pk, epoch=1, result=DONE, now=NOW)
    assert len(statements) <= 27, statements.report()
