"""Requested wakeups on real rows: every gate leaves what the table of spec/2 B says."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.actors import Actor, ActorSource
from agents.models import ActivityEvent, Agent, BudgetIncident, LiveEvent
from agents.vocabulary import AgentStatus, BudgetScope, PauseReason
from config.common.after_commit import pending
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.vocabulary import RunStatus, TriggerDetail, WakeReason, WakeupSource, WakeupStatus
from heartbeats.wakeups.request import AgentNotFound, WakeupAsk, WakeupConflict, WakeupOutcome, request_wakeup
from issues.models import Issue
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory, BudgetPolicyFactory, UserFactory
from tests.factories.heartbeats import (
    HeartbeatRunFactory,
    RuntimeStateFactory,
    TaskSessionFactory,
    finished_run,
    parked_retry,
    running_run,
)
from tests.factories.issues import (
    IssueCommentFactory,
    IssueFactory,
    IssueRelationFactory,
    TreeHoldFactory,
    assigned_to,
    comment_of_agent,
)
from tests.present import present

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def person(user_id: uuid.UUID) -> Actor:
    return Actor(source=ActorSource.SESSION, user_id=user_id)


def assign(agent: Agent, issue: Issue, **more: Any) -> WakeupOutcome:
    return ask(agent, WakeReason.ISSUE_ASSIGNED, {"issueId": str(issue.pk)}, source=WakeupSource.ASSIGNMENT, **more)


def ask(agent: Agent, reason: str | None, payload: dict[str, Any] | None = None, **more: Any) -> WakeupOutcome:
    fields: dict[str, Any] = {"source": WakeupSource.AUTOMATION, "trigger_detail": TriggerDetail.SYSTEM, **more}
    return request_wakeup(WakeupAsk(agent_id=agent.pk, reason=reason, payload=payload, **fields), now=NOW)


def comment_wake(agent: Agent, issue: Issue, comment: Any, **more: Any) -> WakeupOutcome:
    payload = {"issueId": str(issue.pk), "commentId": str(comment.pk)}
    return ask(agent, WakeReason.ISSUE_COMMENTED, payload, context={"source": "issue.comment"}, **more)


def row_of(outcome: WakeupOutcome) -> WakeupRequest:
    return WakeupRequest.objects.get(pk=outcome.wakeup_id)


def test_gate_12_queues_a_run_with_its_wakeup_its_event_and_a_ring() -> None:
    agent = AgentFactory(host_label="gpu")
    issue = assigned_to(agent)
    outcome = assign(agent, issue)
    run = HeartbeatRun.objects.get()
    row = row_of(outcome)
    assert (outcome.status, outcome.reason, outcome.run_id) == (WakeupStatus.QUEUED, "issue_assigned", run.pk)
    assert (run.status, run.issue_id, run.task_key, run.wakeup_id) == ("queued", issue.pk, str(issue.pk), row.pk)
    assert (row.run_id, row.issue_id, row.wake_reason, row.requested_at) == (run.pk, issue.pk, "issue_assigned", NOW)
    assert run.context["wakeReason"] == "issue_assigned"
    event = LiveEvent.objects.get()
    assert event.type == "heartbeat.run.queued"
    assert event.payload == {
        "runId": str(run.pk),
        "agentId": str(agent.pk),
        "invocationSource": "assignment",
        "triggerDetail": "system",
        "wakeupRequestId": str(row.pk),
    }
    assert [(message.name, message.args, message.queue) for message in pending()] == [
        ("heartbeats.tasks.start_runs", (str(agent.pk),), "runs.gpu")
    ]


def test_queueing_does_not_stamp_the_issues_lock() -> None:
    issue = assigned_to(agent := AgentFactory())
    assign(agent, issue)
    issue.refresh_from_db()
    assert issue.execution_run_id is None


def test_gate_0_the_earlier_row_answers_a_repeated_key() -> None:
    issue = assigned_to(agent := AgentFactory())
    first = assign(agent, issue, idempotency_key="once")
    second = assign(agent, issue, idempotency_key="once")
    assert second == WakeupOutcome(first.wakeup_id, first.status, first.reason, first.run_id, repeated=True)
    assert WakeupRequest.objects.count() == 1


def test_gate_0_the_same_key_of_another_company_is_another_request() -> None:
    first = ask(AgentFactory(), None, idempotency_key="once")
    second = ask(AgentFactory(), None, idempotency_key="once")
    assert not second.repeated
    assert first.wakeup_id != second.wakeup_id


def test_gate_1_an_unknown_agent_leaves_no_row() -> None:
    with pytest.raises(AgentNotFound):
        request_wakeup(WakeupAsk(agent_id=uuid.uuid4(), source=WakeupSource.ON_DEMAND), now=NOW)
    agent = AgentFactory()
    with pytest.raises(AgentNotFound):
        ask(agent, None, company_id=AgentFactory().company_id)
    assert not WakeupRequest.objects.exists()


def test_gate_2_a_budget_hard_stop_conflicts_and_keeps_a_row() -> None:
    agent = AgentFactory()
    agent.company.status, agent.company.pause_reason = "paused", PauseReason.BUDGET
    agent.company.save(update_fields=["status", "pause_reason"])
    with pytest.raises(WakeupConflict) as conflict:
        ask(agent, None)
    assert conflict.value.details == {"scopeType": "company", "scopeId": str(agent.company_id)}
    row = WakeupRequest.objects.get()
    assert (row.status, row.reason, row.finished_at) == ("skipped", "budget.blocked", NOW)


def test_gate_2_an_open_hard_incident_stops_an_agent_that_somebody_resumed() -> None:
    agent = AgentFactory()
    policy = BudgetPolicyFactory(company=agent.company, scope_type=BudgetScope.AGENT, scope_id=agent.pk)
    BudgetIncident.objects.create(
        company=agent.company,
        policy=policy,
        scope_type=BudgetScope.AGENT,
        scope_id=agent.pk,
        window_kind=policy.window_kind,
        window_start=NOW,
        threshold_type="hard",
        amount_limit=1,
        amount_observed=2,
    )
    with pytest.raises(WakeupConflict) as conflict:
        ask(agent, None)
    assert conflict.value.details == {"scopeType": "agent", "scopeId": str(agent.pk)}


@pytest.mark.parametrize("status", [AgentStatus.PAUSED, AgentStatus.PENDING_APPROVAL, AgentStatus.TERMINATED])
def test_gate_3_an_agent_that_is_not_invokable_conflicts_without_a_row(status: AgentStatus) -> None:
    with pytest.raises(WakeupConflict) as conflict:
        ask(AgentFactory(status=status), None)
    assert conflict.value.details == {"status": status}
    assert not WakeupRequest.objects.exists()


def test_gates_4_and_5_the_agents_policy_skips() -> None:
    agent = AgentFactory(heartbeat_enabled=False, wake_on_demand=False)
    assert ask(agent, None, source=WakeupSource.TIMER).reason == "heartbeat.disabled"
    assert ask(agent, None).reason == "heartbeat.wakeOnDemand.disabled"
    assert set(WakeupRequest.objects.values_list("status", flat=True)) == {"skipped"}


def test_gate_6_a_pause_hold_on_an_ancestor_skips_and_is_logged() -> None:
    agent = AgentFactory()
    root = IssueFactory(company=agent.company)
    middle = IssueFactory(company=agent.company, parent=root)
    issue = assigned_to(agent, parent=middle)
    hold = TreeHoldFactory(root_issue=root)
    outcome = assign(agent, issue)
    assert (outcome.status, outcome.reason) == (WakeupStatus.SKIPPED, "issue_tree_hold_active")
    logged = ActivityEvent.objects.get()
    assert (logged.action, logged.entity_id) == ("issue.tree_hold_wakeup_deferred", str(issue.pk))
    assert logged.details is not None
    assert logged.details["holdId"] == str(hold.pk)
    assert not HeartbeatRun.objects.exists()


def test_gate_6_a_verified_comment_passes_the_hold_and_names_it() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    hold = TreeHoldFactory(root_issue=issue)
    comment = IssueCommentFactory(issue=issue)
    outcome = comment_wake(agent, issue, comment, requested_by=person(comment.author_user_id))
    run = HeartbeatRun.objects.get(pk=present(outcome.run_id))
    assert run.context["treeHoldInteraction"] is True
    assert run.context["activeTreeHold"]["holdId"] == str(hold.pk)
    assert run.wake_comment_id == comment.pk


def test_gate_6_somebody_elses_comment_does_not_pass_the_hold() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    TreeHoldFactory(root_issue=issue)
    comment = IssueCommentFactory(issue=issue)
    outcome = comment_wake(agent, issue, comment, requested_by=person(UserFactory().pk))
    assert outcome.reason == "issue_tree_hold_active"


@pytest.mark.parametrize("named", ["no uuid", "00000000-0000-7000-8000-000000000000"])
def test_gate_7_a_missing_issue_skips(named: str) -> None:
    outcome = ask(AgentFactory(), WakeReason.ISSUE_ASSIGNED, {"issueId": named})
    assert (outcome.status, outcome.reason) == (WakeupStatus.SKIPPED, "issue_execution_issue_not_found")


def test_gate_7_an_issue_of_another_company_does_not_exist() -> None:
    outcome = ask(AgentFactory(), WakeReason.ISSUE_ASSIGNED, {"issueId": str(IssueFactory().pk)})
    assert outcome.reason == "issue_execution_issue_not_found"
    assert row_of(outcome).issue_id is None


def test_gate_8_unresolved_blockers_skip_and_are_named() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    done = IssueFactory(company=agent.company, status=IssueStatus.DONE)
    cancelled = IssueFactory(company=agent.company, status=IssueStatus.CANCELLED)
    for blocker in (done, cancelled):
        IssueRelationFactory(blocked=issue, blocker=blocker)
    outcome = assign(agent, issue)
    assert outcome.reason == "issue_dependencies_blocked"
    assert row_of(outcome).payload == {
        "issueId": str(issue.pk),
        "unresolvedBlockerIssueIds": [str(cancelled.pk)],
    }


def test_gate_8_a_comment_may_start_on_a_blocked_issue_and_says_so() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    blocker = IssueFactory(company=agent.company)
    IssueRelationFactory(blocked=issue, blocker=blocker)
    comment = IssueCommentFactory(issue=issue)
    outcome = comment_wake(agent, issue, comment, requested_by=person(comment.author_user_id))
    context = HeartbeatRun.objects.get(pk=present(outcome.run_id)).context
    assert context["dependencyBlockedInteraction"] is True
    assert context["unresolvedBlockerIssueIds"] == [str(blocker.pk)]
    assert context["unresolvedBlockerSummaries"][0]["identifier"] == blocker.identifier


def test_gate_9_coalesces_into_the_agents_live_run_and_keeps_its_first_reason() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    run = HeartbeatRunFactory(agent=agent, issue=issue, wake_reason="issue_assigned")
    comment = IssueCommentFactory(issue=issue)
    outcome = comment_wake(agent, issue, comment, requested_by=person(comment.author_user_id))
    row = row_of(outcome)
    assert (row.status, row.reason, row.coalesced_count) == ("coalesced", "issue_execution_same_name", 1)
    assert outcome.run_id == row.run_id == run.pk
    run.refresh_from_db()
    assert run.context["wakeReason"] == "issue_assigned"
    assert run.context["coalescedReasons"] == ["issue_commented"]
    assert run.context["wakeCommentIds"] == [str(comment.pk)]
    assert run.wake_comment_id == comment.pk
    assert HeartbeatRun.objects.count() == 1


def test_gate_10_a_comment_that_the_running_process_cannot_see_waits() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    running_run(agent=agent, issue=issue)
    comments = [IssueCommentFactory(issue=issue) for _ in range(3)]
    outcomes = [comment_wake(agent, issue, one, requested_by=person(one.author_user_id)) for one in comments]
    row = WakeupRequest.objects.get(status=WakeupStatus.DEFERRED)
    assert {outcome.wakeup_id for outcome in outcomes} == {row.pk}
    assert (row.reason, row.coalesced_count) == ("issue_execution_deferred", 2)
    assert row.context is not None
    assert row.context["wakeCommentIds"] == [str(comment.pk) for comment in comments]
    assert row.wake_comment_id == comments[-1].pk


def test_gate_10_another_agent_waits_behind_the_live_run() -> None:
    agent, other = AgentFactory(), None
    issue = assigned_to(agent)
    other = AgentFactory(company=agent.company)
    HeartbeatRunFactory(agent=other, issue=issue)
    assert assign(agent, issue).status == WakeupStatus.DEFERRED


def test_gate_10_a_person_who_joins_a_deferred_wake_becomes_its_requester() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    running_run(agent=agent, issue=issue)
    comment_wake(agent, issue, IssueCommentFactory(issue=issue))
    spoken = IssueCommentFactory(issue=issue)
    comment_wake(agent, issue, spoken, requested_by=person(spoken.author_user_id))
    row = WakeupRequest.objects.get(status=WakeupStatus.DEFERRED)
    assert (row.requested_by_type, row.requested_by_id) == ("user", str(spoken.author_user_id))


def test_gate_10_a_key_that_joined_a_deferred_wake_is_remembered() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    running_run(agent=agent, issue=issue)
    spoken = IssueCommentFactory(issue=issue)
    comment_wake(agent, issue, spoken)
    comment_wake(agent, issue, spoken, idempotency_key="once")
    assert comment_wake(agent, issue, spoken, idempotency_key="once").repeated
    assert WakeupRequest.objects.get(status=WakeupStatus.DEFERRED).coalesced_count == 1


@pytest.mark.parametrize(
    ("status", "joins"), [(RunStatus.QUEUED, True), (RunStatus.SCHEDULED_RETRY, True), (RunStatus.RUNNING, True)]
)
def test_gate_11_without_issue_the_same_task_scope_coalesces(status: RunStatus, joins: bool) -> None:
    agent = AgentFactory()
    makers = {RunStatus.RUNNING: running_run, RunStatus.SCHEDULED_RETRY: parked_retry}
    run = makers.get(status, HeartbeatRunFactory)(agent=agent, task_key="chores")
    outcome = ask(agent, "chores", context={"taskKey": "chores"})
    assert (outcome.run_id == run.pk) is joins
    assert row_of(outcome).reason == "chores"


def test_gate_11_another_task_scope_gets_its_own_run() -> None:
    agent = AgentFactory()
    HeartbeatRunFactory(agent=agent, task_key="chores")
    outcome = ask(agent, None)
    assert outcome.status == WakeupStatus.QUEUED
    assert HeartbeatRun.objects.count() == 2


def test_gate_11_no_key_and_the_timers_key_are_one_scope() -> None:
    agent = AgentFactory(heartbeat_enabled=True)
    first = ask(agent, WakeReason.HEARTBEAT_TIMER, source=WakeupSource.TIMER)
    assert HeartbeatRun.objects.get().task_key == "__heartbeat__"
    assert ask(agent, None).run_id == first.run_id


def test_an_own_comment_never_wakes_its_author_but_reopening_does() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    own = comment_of_agent(issue, agent)
    myself = Actor(source=ActorSource.AGENT_KEY, agent_id=agent.pk)
    outcome = comment_wake(agent, issue, own, requested_by=myself)
    assert (outcome.status, outcome.reason, outcome.run_id) == (WakeupStatus.SKIPPED, "issue_comment_own", None)
    payload = {"issueId": str(issue.pk), "commentId": str(own.pk)}
    reopened = ask(agent, WakeReason.ISSUE_REOPENED_VIA_COMMENT, payload, context={"source": "issue.comment.reopen"})
    assert reopened.status == WakeupStatus.QUEUED


def test_a_lock_on_a_dead_run_is_cleared() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    dead = finished_run(agent=agent, issue=issue)
    Issue.objects.filter(pk=issue.pk).update(execution_run=dead)
    assert assign(agent, issue).status == WakeupStatus.QUEUED
    issue.refresh_from_db()
    assert issue.execution_run_id is None


def test_a_live_run_without_lock_is_adopted() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    run = running_run(agent=agent, issue=issue)
    assert assign(agent, issue).run_id == run.pk
    issue.refresh_from_db()
    assert issue.execution_run_id == run.pk


def test_a_new_assignee_is_not_deferred_behind_the_previous_ones_retry() -> None:
    previous = AgentFactory()
    agent = AgentFactory(company=previous.company)
    issue = assigned_to(agent)
    retry = parked_retry(agent=previous, issue=issue)
    Issue.objects.filter(pk=issue.pk).update(execution_run=retry)
    outcome = assign(agent, issue)
    assert outcome.status == WakeupStatus.QUEUED
    retry.refresh_from_db()
    assert (retry.status, retry.error_code) == ("cancelled", "issue_reassigned")
    assert WakeupRequest.objects.get(pk=present(retry.wakeup_id)).status == "cancelled"
    warning = retry.events.get()
    assert (warning.level, present(warning.payload)["previousRetryAgentId"]) == ("warn", str(previous.pk))
    issue.refresh_from_db()
    assert issue.execution_run_id is None


def test_a_persons_comment_calls_a_parked_retry_forward() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    retry = parked_retry(agent=agent, issue=issue)
    comment = IssueCommentFactory(issue=issue)
    outcome = comment_wake(agent, issue, comment, requested_by=person(comment.author_user_id))
    retry.refresh_from_db()
    assert (outcome.run_id, retry.status) == (retry.pk, "queued")
    assert pending()[0].name == "heartbeats.tasks.start_runs"
    assert retry.events.get().seq == 1


def test_an_operators_run_now_calls_a_parked_retry_forward() -> None:
    agent = AgentFactory()
    retry = parked_retry(agent=agent)
    by_hand: dict[str, Any] = {"source": WakeupSource.ON_DEMAND, "trigger_detail": TriggerDetail.MANUAL}
    ask(agent, None, requested_by=person(UserFactory().pk), **by_hand)
    retry.refresh_from_db()
    assert retry.status == "queued"


def test_the_system_joins_a_parked_retry_and_lets_it_wait() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    retry = parked_retry(agent=agent, issue=issue)
    assert assign(agent, issue).run_id == retry.pk
    retry.refresh_from_db()
    assert retry.status == "scheduled_retry"


def test_the_session_before_is_the_tasks_else_the_agents() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    TaskSessionFactory(agent=agent, task_key=str(issue.pk), session_display_id="of-the-task")
    RuntimeStateFactory(agent=agent, session_id="of-the-agent")
    with_issue, without = assign(agent, issue), ask(agent, None)
    assert HeartbeatRun.objects.get(pk=present(with_issue.run_id)).session_id_before == "of-the-task"
    assert HeartbeatRun.objects.get(pk=present(without.run_id)).session_id_before == "of-the-agent"


def test_an_explicit_resume_beats_both_and_fills_in_the_issue() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    earlier = finished_run(agent=agent, issue=issue, session_id_after="wanted")
    outcome = ask(agent, None, {"resumeFromRunId": str(earlier.pk)})
    run = HeartbeatRun.objects.get(pk=present(outcome.run_id))
    assert (run.issue_id, run.session_id_before) == (issue.pk, "wanted")
    assert run.context["resumeSessionParams"] == {"sessionId": "wanted"}


def test_a_run_of_another_agent_cannot_be_resumed() -> None:
    agent = AgentFactory()
    foreign = finished_run(agent=AgentFactory(company=agent.company), session_id_after="secret")
    outcome = ask(agent, None, {"resumeFromRunId": str(foreign.pk)})
    assert HeartbeatRun.objects.get(pk=present(outcome.run_id)).session_id_before is None


def test_a_comment_id_that_does_not_exist_harms_nothing() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    payload = {"issueId": str(issue.pk), "commentId": str(uuid.uuid4())}
    run = HeartbeatRun.objects.get(pk=present(ask(agent, WakeReason.ISSUE_COMMENTED, payload).run_id))
    assert run.wake_comment_id is None
    assert run.context["wakeCommentIds"] == [payload["commentId"]]
