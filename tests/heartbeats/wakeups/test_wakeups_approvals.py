"""W11: an approved approval wakes who asked for it, once, and is approved whatever becomes of the wake."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from agents import approvals
from agents.actors import Actor, ActorSource
from agents.models import ActivityEvent, Agent, Approval
from agents.vocabulary import AgentStatus, ApprovalStatus
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.wakeups import approval_wakes
from heartbeats.wakeups.approval_wakes import FAILED, QUEUED
from issues.models import IssueApproval
from tests.factories.agents import AgentFactory, ApprovalFactory, UserFactory
from tests.factories.heartbeats import running_run
from tests.factories.issues import assigned_to

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def asked_by(agent: Agent | None) -> Approval:
    approval: Approval = ApprovalFactory(requested_by_agent=agent, **({"company": agent.company} if agent else {}))
    return approval


def approve(approval: Approval) -> None:
    board = Actor(source=ActorSource.SESSION, user_id=UserFactory().id, is_instance_admin=True)
    approvals.approve(board, str(approval.id), None, now=NOW)


def test_the_requester_is_woken_about_the_first_linked_issue() -> None:
    agent = AgentFactory()
    approval, issues = asked_by(agent), [assigned_to(agent), assigned_to(agent)]
    for issue in issues:
        IssueApproval.objects.create(company=agent.company, issue=issue, approval=approval)
    approve(approval)
    wakeup, run = WakeupRequest.objects.get(), HeartbeatRun.objects.get()
    issue_ids = [str(issue.id) for issue in issues]
    facts = {
        "approvalId": str(approval.id),
        "approvalStatus": "approved",
        "issueId": issue_ids[0],
        "issueIds": issue_ids,
    }
    assert (wakeup.source, wakeup.trigger_detail, wakeup.reason) == ("automation", "system", "approval_approved")
    assert wakeup.payload == facts
    assert run.agent_id == agent.id
    told = {"source": "approval.approved", "taskId": issue_ids[0], "wakeReason": "approval_approved"}
    assert {**facts, **told}.items() <= run.context.items()
    logged = ActivityEvent.objects.get(action=QUEUED)
    assert logged.details is not None
    assert (logged.entity_id, logged.details["wakeRunId"]) == (str(approval.id), str(run.id))


def test_an_approval_without_issue_wakes_about_nothing_in_particular() -> None:
    agent = AgentFactory()
    approve(asked_by(agent))
    run = HeartbeatRun.objects.get()
    assert (run.issue_id, run.task_key, run.wake_reason) == (None, None, "approval_approved")
    wakeup = WakeupRequest.objects.get()
    assert wakeup.payload is not None
    assert wakeup.payload["issueId"] is None


def test_only_the_first_approval_wakes() -> None:
    approval = asked_by(AgentFactory())
    approve(approval)
    approve(approval)
    assert WakeupRequest.objects.count() == 1
    assert ActivityEvent.objects.filter(action=QUEUED).count() == 1


def test_a_running_run_cannot_see_an_approval_so_the_wake_waits() -> None:
    agent = AgentFactory()
    approval, issue = asked_by(agent), assigned_to(agent)
    run = running_run(agent=agent, issue=issue)
    type(issue).objects.filter(id=issue.id).update(execution_run=run)
    IssueApproval.objects.create(company=agent.company, issue=issue, approval=approval)
    approve(approval)
    assert WakeupRequest.objects.filter(status="deferred_issue_execution").count() == 1
    logged = ActivityEvent.objects.get(action=QUEUED)
    assert logged.details is not None
    assert logged.details["wakeRunId"] is None


def test_rejections_and_approvals_of_people_wake_nobody() -> None:
    rejected = asked_by(AgentFactory())
    board = Actor(source=ActorSource.SESSION, user_id=UserFactory().id, is_instance_admin=True)
    approvals.reject(board, str(rejected.id), None, now=NOW)
    approve(asked_by(None))
    assert not WakeupRequest.objects.exists()


def test_an_agent_that_cannot_be_woken_does_not_fail_its_approval() -> None:
    approval = asked_by(AgentFactory(status=AgentStatus.PAUSED))
    approve(approval)
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.APPROVED
    assert ActivityEvent.objects.get(action=FAILED).details


def test_a_wake_that_breaks_in_the_database_does_not_fail_the_approval(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = SimpleNamespace(SYSTEM="x" * 300)  # the database itself refuses
    monkeypatch.setattr(approval_wakes, "TriggerDetail", unknown)
    approval = asked_by(AgentFactory())
    approve(approval)
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.APPROVED
    assert ActivityEvent.objects.get(action=FAILED).details == {
        "requesterAgentId": str(approval.requested_by_agent_id),
        "error": "DataError",
    }
    assert not WakeupRequest.objects.exists()
