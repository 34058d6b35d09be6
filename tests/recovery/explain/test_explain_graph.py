"""What the graph sweep sees is in the explanation of an issue, also while that sweep only looks (spec/3 J, K.13)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from heartbeats.vocabulary import WakeupStatus
from issues.models import Issue
from issues.vocabulary import IssueStatus
from recovery.explain.answer import Explanation, Standing
from recovery.explain.gather import explain_issue_now
from recovery.graph.classify import classify_graph, classify_issue
from recovery.graph.loading import load_graph, load_graph_below
from tests.factories.agents import AgentFactory
from tests.factories.heartbeats import WakeupRequestFactory
from tests.factories.issues import IssueFactory, IssueRelationFactory, assigned_to

pytestmark = pytest.mark.django_db


def waits_for(blocked: Issue, **blocker: object) -> Issue:
    """A blocker of that issue."""
    made: Issue = IssueFactory(company=blocked.company, **blocker)
    IssueRelationFactory(blocked=blocked, blocker=made)
    return made


def explained(issue: Issue) -> Explanation:
    return explain_issue_now(Issue.objects.get(pk=issue.pk), now=timezone.now())


def test_an_issue_whose_chain_ends_at_nobodys_issue_needs_a_person_who_is_told_which() -> None:
    source = assigned_to(AgentFactory(), status=IssueStatus.BLOCKED)
    between = waits_for(source, status=IssueStatus.BLOCKED, assignee_agent=source.assignee_agent)
    leaf = waits_for(between)
    answer = explained(source)
    assert (answer.standing, answer.code) == (Standing.NEEDS_PERSON, "blocked_by_unassigned_issue")
    assert leaf.identifier in answer.text


def test_an_issue_whose_chain_ends_at_work_that_moves_waits() -> None:
    source = assigned_to(AgentFactory(), status=IssueStatus.BLOCKED)
    leaf = waits_for(source, status=IssueStatus.TODO, assignee_agent=source.assignee_agent)
    WakeupRequestFactory(agent=source.assignee_agent, issue=leaf, status=WakeupStatus.QUEUED)
    assert (explained(source).standing, explained(source).code) == (Standing.WAITING, "blocked")


def test_a_review_that_nobody_is_asked_for_needs_a_person() -> None:
    issue = assigned_to(AgentFactory(), status=IssueStatus.IN_REVIEW)
    assert explained(issue).code == "in_review_without_action_path"


def test_the_part_below_an_issue_has_the_findings_that_the_whole_graph_has_for_it() -> None:
    agent = AgentFactory()
    source = assigned_to(agent, status=IssueStatus.BLOCKED)
    for status in (IssueStatus.CANCELLED, IssueStatus.BACKLOG, IssueStatus.DONE):
        waits_for(waits_for(source, status=IssueStatus.TODO, assignee_agent=agent), status=status)
    waits_for(assigned_to(agent, status=IssueStatus.BLOCKED))
    whole = [one for one in classify_graph(load_graph(agent.company_id)) if one.source.issue_id == source.pk]
    below = classify_issue(load_graph_below(agent.company_id, source.pk), source.pk)
    assert {one.incident_key for one in below} == {one.incident_key for one in whole}
    assert len(below) == 2


def test_a_chain_that_bites_its_tail_ends() -> None:
    first = assigned_to(AgentFactory(), status=IssueStatus.BLOCKED)
    second = waits_for(first, status=IssueStatus.BLOCKED, assignee_agent=first.assignee_agent)
    IssueRelationFactory(blocked=second, blocker=first)
    assert explained(first).code == "blocked"
