"""Exactly-once decisions under real concurrency: threads, each on its own connection to PostgreSQL (spec/3 K.5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from agents.actors import Actor, ActorSource
from agents.models import Agent
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.cancelling import cancel_run, cancel_runs_of_agent
from heartbeats.runs.claiming import Claimed, claim_runs
from heartbeats.runs.finalising import ExecutionResult, finalise_run
from heartbeats.runs.losing import Loss, lose_run
from heartbeats.vocabulary import RunStatus, TriggerDetail, WakeReason, WakeupSource, WakeupStatus
from heartbeats.wakeups.request import WakeupAsk, WakeupOutcome, request_wakeup
from issues.models import Issue, IssueComment
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory, UserFactory
from tests.factories.heartbeats import HeartbeatRunFactory, running_run
from tests.factories.issues import IssueCommentFactory, assigned_to
from tests.racing import race

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DONE = ExecutionResult(exit_code=0, summary="Fixed the parser; all tests pass.")

pytestmark = pytest.mark.django_db(transaction=True)


def speak(agent: Agent, issue: Issue, comment: IssueComment) -> WakeupOutcome:
    ask = WakeupAsk(
        agent_id=agent.pk,
        source=WakeupSource.AUTOMATION,
        trigger_detail=TriggerDetail.SYSTEM,
        reason=WakeReason.ISSUE_COMMENTED,
        payload={"issueId": str(issue.pk), "commentId": str(comment.pk)},
        context={"source": "issue.comment"},
        requested_by=Actor(source=ActorSource.SESSION, user_id=comment.author_user_id),
    )
    return request_wakeup(ask, now=NOW)


def claim(agent: Agent) -> Claimed:
    return claim_runs(agent.pk, host="host-a", boot_id="boot-1", capacity=10, lease_seconds=60, now=NOW)


def comments_on(issue: Issue, count: int) -> list[IssueComment]:
    author = UserFactory()
    return [IssueCommentFactory(issue=issue, author_user=author) for _ in range(count)]


def ids_that_arrived(issue: Issue) -> set[str]:
    """Every comment id that a run of the issue, or a wakeup that still waits, carries."""
    contexts = list(HeartbeatRun.objects.filter(issue=issue).values_list("context", flat=True))
    contexts += list(WakeupRequest.objects.deferred().filter(issue=issue).values_list("context", flat=True))
    return {comment_id for context in contexts for comment_id in context.get("wakeCommentIds", [])}


def test_sixteen_wakeups_for_one_issue_make_one_run_and_lose_no_comment() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent)
    comments = comments_on(issue, 16)
    outcomes = race([partial(speak, agent, issue, comment) for comment in comments])
    run = HeartbeatRun.objects.get()
    assert sorted(outcome.status for outcome in outcomes) == ["coalesced"] * 15 + ["queued"]
    assert {outcome.run_id for outcome in outcomes} == {run.pk}
    assert ids_that_arrived(issue) == {str(comment.pk) for comment in comments}


def test_sixteen_comments_on_a_running_issue_make_one_deferred_wakeup_with_all_of_them() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    running_run(agent=agent, issue=issue)
    comments = comments_on(issue, 16)
    race([partial(speak, agent, issue, comment) for comment in comments])
    row = WakeupRequest.objects.get(status=WakeupStatus.DEFERRED)
    assert row.coalesced_count == 15
    assert ids_that_arrived(issue) == {str(comment.pk) for comment in comments}


def test_eight_requests_with_one_key_leave_one_row_and_get_one_answer() -> None:
    agent = AgentFactory()
    ask = WakeupAsk(agent_id=agent.pk, source=WakeupSource.ON_DEMAND, idempotency_key="once")
    outcomes = race([partial(request_wakeup, ask, now=NOW)] * 8)
    assert len({outcome.run_id for outcome in outcomes}) == 1
    assert sum(not outcome.repeated for outcome in outcomes) == 1
    assert WakeupRequest.objects.count() == 1


def test_one_key_for_eight_issues_at_once_is_decided_by_the_database() -> None:
    agent = AgentFactory()
    asks = [
        WakeupAsk(
            agent_id=agent.pk,
            source=WakeupSource.ASSIGNMENT,
            payload={"issueId": str(assigned_to(agent).pk)},
            idempotency_key="once",
        )
        for _ in range(8)
    ]
    outcomes = race([partial(request_wakeup, ask, now=NOW) for ask in asks])
    assert len({outcome.wakeup_id for outcome in outcomes}) == 1
    assert HeartbeatRun.objects.count() == 1


def test_eight_dispatchers_never_exceed_the_slots_nor_claim_twice() -> None:
    agent = AgentFactory(max_concurrent_runs=3)
    for _ in range(12):
        HeartbeatRunFactory(agent=agent, issue=assigned_to(agent))
    claims = race([partial(claim, agent)] * 8)
    claimed = [run.run_id for one in claims for run in one.runs]
    assert len(claimed) == len(set(claimed)) == 3
    assert HeartbeatRun.objects.filter(status=RunStatus.RUNNING).count() == 3
    assert set(HeartbeatRun.objects.filter(status=RunStatus.RUNNING).values_list("epoch", flat=True)) == {1}


def test_a_comment_that_races_a_claim_is_in_the_run_or_waits_behind_it() -> None:
    for _ in range(6):
        agent = AgentFactory()
        issue = assigned_to(agent)
        run = HeartbeatRunFactory(agent=agent, issue=issue)
        comment = comments_on(issue, 1)[0]
        racers: list[Callable[[], object]] = [partial(claim, agent), partial(speak, agent, issue, comment)]
        race(racers)
        run.refresh_from_db()
        waiting = WakeupRequest.objects.deferred().filter(issue=issue).exists()
        in_time = "wakeCommentIds" in run.context
        assert run.status == RunStatus.RUNNING
        assert in_time is not waiting


@pytest.mark.parametrize("result", [DONE, ExecutionResult(exit_code=1, error_message="broke")])
def test_comments_that_race_a_finalisation_are_never_served_by_nobody(result: ExecutionResult) -> None:
    for _ in range(4):
        agent = AgentFactory()
        issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
        run = running_run(agent=agent, issue=issue, wake_reason="heartbeat_timer")
        Issue.objects.filter(pk=issue.pk).update(execution_run=run)
        comments = comments_on(issue, 5)
        racers: list[Callable[[], object]] = [partial(speak, agent, issue, comment) for comment in comments]
        racers.append(partial(finalise_run, run.pk, epoch=1, result=result, now=NOW))
        race(racers)
        successor = HeartbeatRun.objects.live().get(issue=issue)
        waiting = WakeupRequest.objects.deferred().filter(issue=issue)
        served = set(successor.context.get("wakeCommentIds", []))
        for row in waiting:
            served |= set((row.context or {}).get("wakeCommentIds", []))
        assert served == {str(comment.pk) for comment in comments}


def test_another_agent_whose_wake_races_a_finalisation_gets_its_run_or_waits_behind_one() -> None:
    for _ in range(4):
        agent = AgentFactory()
        other = AgentFactory(company=agent.company)
        issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
        run = running_run(agent=agent, issue=issue, wake_reason="heartbeat_timer")
        Issue.objects.filter(pk=issue.pk).update(execution_run=run)
        comment = comments_on(issue, 1)[0]
        racers: list[Callable[[], object]] = [
            partial(speak, other, issue, comment),
            partial(finalise_run, run.pk, epoch=1, result=DONE, now=NOW),
        ]
        race(racers)
        successor = HeartbeatRun.objects.live().get(issue=issue)
        waits = WakeupRequest.objects.deferred().filter(issue=issue, agent=other).exists()
        assert (successor.agent_id == other.pk) is not waits
        assert ids_that_arrived(issue) == {str(comment.pk)}


def test_two_finalisations_of_one_run_end_it_once() -> None:
    agent = AgentFactory()
    issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
    run = running_run(agent=agent, issue=issue)
    answers = race([partial(finalise_run, run.pk, epoch=1, result=DONE, now=NOW)] * 4)
    assert sorted(answer.won for answer in answers) == [False, False, False, True]
    assert run.events.filter(message="run succeeded").count() == 1
    assert IssueComment.objects.filter(issue=issue).count() == 1


def four_ends(run: HeartbeatRun) -> list[Callable[[], bool]]:
    """Ways to end the run; each tells whether it did."""
    return [
        lambda: finalise_run(run.pk, epoch=1, result=DONE, now=NOW).won,
        lambda: lose_run(Loss(run_id=run.pk, epoch=1, message="gone", evidence={}, may_retry=True), now=NOW).won,
        lambda: cancel_run(run.pk, now=NOW).won,
        lambda: run.pk in cancel_runs_of_agent(run.agent_id, now=NOW).run_ids,
    ]


def test_finishing_losing_and_cancelling_at_once_have_one_winner() -> None:
    for _ in range(4):
        agent = AgentFactory()
        issue = assigned_to(agent, status=IssueStatus.IN_PROGRESS)
        run = running_run(agent=agent, issue=issue, wake_reason="heartbeat_timer")
        Issue.objects.filter(pk=issue.pk).update(execution_run=run)
        answers = race(four_ends(run))
        run.refresh_from_db()
        assert run.status in RunStatus.TERMINAL
        assert answers.count(True) == 1
        assert HeartbeatRun.objects.live().filter(issue=issue).count() <= 1


def test_verbs_in_every_order_never_deadlock() -> None:
    agents = [AgentFactory(max_concurrent_runs=2) for _ in range(2)]
    issues = [assigned_to(agent, status=IssueStatus.IN_PROGRESS) for agent in agents for _ in range(3)]

    def work(seed: int) -> int:
        done = 0
        for step in range(12):
            issue = issues[(seed + step) % len(issues)]
            agent = issue.assignee_agent
            assert agent is not None
            request_wakeup(
                WakeupAsk(
                    agent_id=agent.pk,
                    source=WakeupSource.ASSIGNMENT,
                    reason=WakeReason.ISSUE_STATUS_CHANGED,
                    payload={"issueId": str(issue.pk)},
                ),
                now=NOW,
            )
            for run in claim(agent).runs:
                done += finalise_run(run.run_id, epoch=run.epoch, result=DONE, now=NOW).won
            if step % 4 == seed % 4:
                cancel_runs_of_agent(agent.pk, now=NOW)
        return done

    assert sum(race([partial(work, seed) for seed in range(6)])) > 0
    for issue in issues:
        assert HeartbeatRun.objects.live().filter(issue=issue).count() <= 1
