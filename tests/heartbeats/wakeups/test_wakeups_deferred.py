"""Wakeups that wait, and nobody is going to release them (spec/3 K.10)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from heartbeats.models import HeartbeatRun
from heartbeats.vocabulary import WakeupStatus
from heartbeats.wakeups.deferred import promote_orphaned_deferred
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import WakeupRequestFactory, running_run
from tests.factories.issues import IssueCommentFactory, TreeHoldFactory, assigned_to

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def test_the_oldest_waiting_wakeup_gets_a_run() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    other = AgentFactory(company=agent.company)
    WakeupRequestFactory(agent=other, issue=issue, status=WakeupStatus.DEFERRED, context={}, requested_at=NOW)
    oldest = WakeupRequestFactory(
        agent=agent, issue=issue, status=WakeupStatus.DEFERRED, context={}, requested_at=NOW - timedelta(hours=1)
    )
    run = promote_orphaned_deferred(issue.pk, now=NOW)
    oldest.refresh_from_db()
    issue.refresh_from_db()
    assert run is not None
    assert (oldest.status, oldest.run_id, issue.execution_run_id) == ("queued", run.pk, run.pk)
    assert promote_orphaned_deferred(issue.pk, now=NOW) is None


def test_a_live_run_releases_them_itself() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    running_run(agent=agent, issue=issue)
    WakeupRequestFactory(agent=agent, issue=issue, status=WakeupStatus.DEFERRED, context={})
    assert promote_orphaned_deferred(issue.pk, now=NOW) is None
    assert HeartbeatRun.objects.count() == 1


def test_a_hold_cancels_them_but_a_verified_comment_passes() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    hold = TreeHoldFactory(root_issue=issue)
    held = WakeupRequestFactory(
        agent=agent, issue=issue, status=WakeupStatus.DEFERRED, context={}, requested_at=NOW - timedelta(hours=1)
    )
    comment = IssueCommentFactory(issue=issue)
    WakeupRequestFactory(
        agent=AgentFactory(company=agent.company),
        issue=issue,
        status=WakeupStatus.DEFERRED,
        context={
            "issueId": str(issue.pk),
            "wakeReason": "issue_commented",
            "source": "issue.comment",
            "wakeCommentIds": [str(comment.pk)],
        },
        requested_by_type="user",
        requested_by_id=str(comment.author_user_id),
        requested_at=NOW,
    )
    run = promote_orphaned_deferred(issue.pk, now=NOW)
    held.refresh_from_db()
    assert held.status == WakeupStatus.CANCELLED
    assert run is not None
    assert run.context["activeTreeHold"]["holdId"] == str(hold.pk)


def test_an_unknown_issue_has_nothing_to_promote() -> None:
    assert promote_orphaned_deferred(uuid.uuid4(), now=NOW) is None
