"""How many statements the end of a run takes, BEGIN and COMMIT included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from agents.models import Agent
from heartbeats.models import HeartbeatRun
from heartbeats.runs.cancelling import cancel_run
from heartbeats.runs.finalising import ExecutionResult, finalise_run
from heartbeats.vocabulary import WakeReason, WakeupSource
from heartbeats.wakeups.request import WakeupAsk, request_wakeup
from issues.models import Issue
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import running_run
from tests.factories.issues import IssueCommentFactory, assigned_to, comment_of_agent
from tests.present import present
from tests.statements import counted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DONE = ExecutionResult(exit_code=0, summary="Fixed the parser; all tests pass.")
BROKEN = ExecutionResult(exit_code=1, error_message="boom")

pytestmark = pytest.mark.django_db(transaction=True)


def at_work(agent: Agent, **columns: object) -> HeartbeatRun:
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    run = running_run(agent=agent, issue=issue, wake_reason="heartbeat_timer", **columns)
    Issue.objects.filter(pk=issue.pk).update(execution_run=run)
    return run


def without_issue(agent: Agent) -> HeartbeatRun:
    return running_run(agent=agent)


def with_comment(agent: Agent) -> HeartbeatRun:
    run = at_work(agent)
    comment_of_agent(present(run.issue), agent, created_by_run=run)
    return run


def with_somebody_waiting(agent: Agent) -> HeartbeatRun:
    run = with_comment(agent)
    payload = {"issueId": str(run.issue_id), "commentId": str(IssueCommentFactory(issue=run.issue).pk)}
    ask = WakeupAsk(
        agent_id=agent.pk, source=WakeupSource.AUTOMATION, reason=WakeReason.ISSUE_COMMENTED, payload=payload
    )
    request_wakeup(ask, now=NOW)
    return run


@pytest.mark.parametrize(
    ("prepare", "result", "most"),
    [
        (without_issue, DONE, 13),
        (with_comment, DONE, 20),
        (at_work, DONE, 22),
        (with_somebody_waiting, DONE, 25),
        (at_work, BROKEN, 25),
    ],
)
def test_an_end_takes_at_most_so_many_statements(
    prepare: Callable[[Agent], HeartbeatRun], result: ExecutionResult, most: int
) -> None:
    run = prepare(AgentFactory())
    with counted() as statements:
        assert finalise_run(run.pk, epoch=run.epoch, result=result, now=NOW).won
    assert len(statements) <= most, statements.report()


def test_a_cancel_takes_at_most_22_statements() -> None:
    run = at_work(AgentFactory())
    with counted() as statements:
        assert cancel_run(run.pk, now=NOW).won
    assert len(statements) <= 22, statements.report()
