"""Issues and what is said on them. `assigned_to(agent)` gives an agent something to do."""

from __future__ import annotations

from typing import Any

import factory
from django.utils import timezone

from agents.models import Agent
from issues.models import Issue, IssueComment, IssueRelation, Project, ProjectWorkspace, TreeHold
from issues.vocabulary import HoldMode, IssueStatus
from tests.factories.agents import CompanyFactory, UserFactory


class ProjectFactory(factory.django.DjangoModelFactory[Project]):
    """A project under way."""

    class Meta:
        model = Project

    company = factory.SubFactory(CompanyFactory)
    name = factory.Sequence(lambda n: f"Project {n}")


class ProjectWorkspaceFactory(factory.django.DjangoModelFactory[ProjectWorkspace]):
    """A folder of a project."""

    class Meta:
        model = ProjectWorkspace

    project = factory.SubFactory(ProjectFactory)
    company = factory.SelfAttribute("project.company")
    name = "main"
    cwd = "/srv/main"


class IssueFactory(factory.django.DjangoModelFactory[Issue]):
    """An unassigned `todo`. Times that a status demands are filled in."""

    class Meta:
        model = Issue

    company = factory.SubFactory(CompanyFactory)
    number = factory.Sequence(lambda n: n + 1)
    identifier = factory.LazyAttribute(lambda issue: f"{issue.company.issue_prefix}-{issue.number}")
    title = factory.LazyAttribute(lambda issue: f"Work on {issue.identifier}")
    status = IssueStatus.TODO
    completed_at = factory.LazyAttribute(lambda issue: timezone.now() if issue.status == IssueStatus.DONE else None)
    cancelled_at = factory.LazyAttribute(
        lambda issue: timezone.now() if issue.status == IssueStatus.CANCELLED else None
    )


class IssueCommentFactory(factory.django.DjangoModelFactory[IssueComment]):
    """A comment by a person."""

    class Meta:
        model = IssueComment

    issue = factory.SubFactory(IssueFactory)
    company = factory.SelfAttribute("issue.company")
    author_user = factory.SubFactory(UserFactory)
    body = "Please have a look."


class IssueRelationFactory(factory.django.DjangoModelFactory[IssueRelation]):
    """`blocker` must be done before `blocked`."""

    class Meta:
        model = IssueRelation

    blocked = factory.SubFactory(IssueFactory)
    blocker = factory.SubFactory(IssueFactory, company=factory.SelfAttribute("..blocked.company"))
    company = factory.SelfAttribute("blocked.company")


class TreeHoldFactory(factory.django.DjangoModelFactory[TreeHold]):
    """An active pause of everything below an issue."""

    class Meta:
        model = TreeHold

    root_issue = factory.SubFactory(IssueFactory)
    company = factory.SelfAttribute("root_issue.company")
    mode = HoldMode.PAUSE


def assigned_to(agent: Agent, **columns: Any) -> Issue:
    """An issue of the agent's company, assigned to it."""
    issue: Issue = IssueFactory(company=agent.company, assignee_agent=agent, **columns)
    return issue


def comment_of_agent(issue: Issue, agent: Agent, **columns: Any) -> IssueComment:
    """A comment that an agent wrote."""
    comment: IssueComment = IssueCommentFactory(issue=issue, author_user=None, author_agent=agent, **columns)
    return comment
