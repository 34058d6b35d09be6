"""An answered question is a follow-up like a comment: no run that cannot see it swallows it (spec/3 K.8)."""

from __future__ import annotations

import pytest

from agents.actors import Actor, ActorSource
from config.common.clock import utc_now
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.runs.finalising import ExecutionResult, finalise_run
from heartbeats.vocabulary import RunStatus, WakeupStatus
from issues.interactions.answering import accept
from issues.models import Interaction, Issue
from issues.vocabulary import IssueStatus
from tests.factories.agents import AgentFactory, UserFactory
from tests.factories.heartbeats import parked_retry, running_run
from tests.factories.issues import assigned_to

pytestmark = pytest.mark.django_db(transaction=True)


def answer_a_question_on(issue: Issue) -> Interaction:
    question = Interaction.objects.create(
        company_id=issue.company_id,
        issue=issue,
        kind="request_confirmation",
        continuation_policy="wake_assignee",
        payload={"version": 1, "prompt": "Ship it?"},
        author_agent=issue.assignee_agent,
    )
    person = Actor(source=ActorSource.SESSION, user_id=UserFactory().pk, is_instance_admin=True)
    accept(person, issue.pk, question.pk, selected=None, now=utc_now())
    return question


def test_an_answer_waits_behind_the_run_that_cannot_see_it_and_is_the_next_run() -> None:
    issue = assigned_to(AgentFactory(), status=IssueStatus.IN_PROGRESS)
    run = running_run(agent=issue.assignee_agent, issue=issue)
    Issue.objects.filter(pk=issue.pk).update(execution_run=run, checkout_run=run)

    question = answer_a_question_on(issue)

    assert WakeupRequest.objects.get(issue=issue, status=WakeupStatus.DEFERRED).agent == run.agent
    finalise_run(run.pk, epoch=run.epoch, result=ExecutionResult(exit_code=0, summary="Asked."), now=utc_now())
    following = HeartbeatRun.objects.get(issue=issue, status=RunStatus.QUEUED)
    assert following.context["interactionId"] == str(question.pk)


def test_an_answer_calls_a_parked_retry_forward() -> None:
    issue = assigned_to(AgentFactory(), status=IssueStatus.IN_PROGRESS)
    parked = parked_retry(agent=issue.assignee_agent, issue=issue)

    question = answer_a_question_on(issue)

    parked.refresh_from_db()
    assert (parked.status, parked.context["interactionId"]) == (RunStatus.QUEUED, str(question.pk))
