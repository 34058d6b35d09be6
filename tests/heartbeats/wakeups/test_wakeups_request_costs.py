"""What a wakeup costs: the hot path of the whole system."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from heartbeats.vocabulary import WakeReason, WakeupSource, WakeupStatus
from heartbeats.wakeups.request import WakeupAsk, WakeupConflict, request_wakeup
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import running_run
from tests.factories.issues import IssueCommentFactory, TreeHoldFactory, assigned_to
from tests.statements import counted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_queued_wakeup_takes_five_statements_and_a_coalesced_one_six() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    ask = WakeupAsk(
        agent_id=agent.pk,
        source=WakeupSource.ASSIGNMENT,
        reason=WakeReason.ISSUE_ASSIGNED,
        payload={"issueId": str(issue.pk)},
    )
    with counted() as queued:
        assert request_wakeup(ask, now=NOW).status == WakeupStatus.QUEUED
    assert len(queued) <= 5, queued.report()
    request_wakeup(ask, now=NOW)  # the first one to meet the run also stamps the issue's lock
    with counted() as coalesced:
        assert request_wakeup(ask, now=NOW).status == WakeupStatus.COALESCED
    assert len(coalesced) <= 6, coalesced.report()


def test_a_deferred_wakeup_takes_five_statements() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    run = running_run(agent=agent, issue=issue)
    type(issue).objects.filter(pk=issue.pk).update(execution_run=run)
    ask = WakeupAsk(
        agent_id=agent.pk,
        source=WakeupSource.AUTOMATION,
        reason=WakeReason.ISSUE_COMMENTED,
        payload={"issueId": str(issue.pk), "commentId": str(IssueCommentFactory(issue=issue).pk)},
    )
    with counted() as deferred:
        assert request_wakeup(ask, now=NOW).status == WakeupStatus.DEFERRED
    assert len(deferred) <= 5, deferred.report()
    with counted() as merged:
        request_wakeup(ask, now=NOW)
    assert len(merged) <= 5, merged.report()


def test_skipped_refused_and_repeated_wakeups_take_at_most_seven_statements() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    hold = TreeHoldFactory(root_issue=issue)
    ask = WakeupAsk(
        agent_id=agent.pk,
        source=WakeupSource.ASSIGNMENT,
        reason=WakeReason.ISSUE_ASSIGNED,
        payload={"issueId": str(issue.pk)},
    )
    with counted() as held:  # with its activity and what tells of it
        assert request_wakeup(ask, now=NOW).reason == "issue_tree_hold_active"
    assert len(held) <= 7, held.report()
    type(hold).objects.update(status="released", released_at=NOW)
    once = replace(ask, idempotency_key="once")
    request_wakeup(once, now=NOW)
    with counted() as repeated:
        assert request_wakeup(once, now=NOW).repeated
    assert len(repeated) <= 4, repeated.report()
    type(agent).objects.update(wake_on_demand=False)
    with counted() as skipped:
        assert request_wakeup(ask, now=NOW).status == WakeupStatus.SKIPPED
    assert len(skipped) <= 6, skipped.report()  # it also stamps the lock of the run that it met
    type(agent).objects.update(pause_reason="budget", status="paused")
    with counted() as refused, pytest.raises(WakeupConflict):
        request_wakeup(ask, now=NOW)
    assert len(refused) <= 5, refused.report()
