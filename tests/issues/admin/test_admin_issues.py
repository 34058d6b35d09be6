"""Issues in the admin: create and assign, find what is stuck, release a lock."""

from __future__ import annotations

import pytest
from django.test import Client

from agents.models import ActivityEvent
from issues.models import Issue
from tests.config.admin.admin_site import add_to, confirm, list_of, page_of, said
from tests.factories.agents import AgentFactory, CompanyFactory, UserFactory
from tests.factories.heartbeats import HeartbeatRunFactory, WakeupRequestFactory, running_run
from tests.factories.issues import IssueFactory, assigned_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def stuck(site: Client, how: str) -> list[Issue]:
    return list(site.get(f"{list_of(Issue)}?stuck={how}").context["cl"].result_list)


def test_an_operator_creates_an_issue_and_assigns_it(site: Client) -> None:
    agent = AgentFactory()
    form = {"company": agent.company_id, "title": "Mend the bellows", "priority": "high", "assignee_agent": agent.pk}
    response = site.post(add_to(Issue), form)
    issue = Issue.objects.get()
    assert said(response) == [f"{issue.identifier} Mend the bellows was added."]
    assert (issue.status, issue.assignee_agent) == ("todo", agent)
    assert ActivityEvent.objects.filter(action="issue.created", issue=issue).exists()


def test_an_agent_of_another_company_is_refused(site: Client) -> None:
    form = {"company": CompanyFactory().pk, "title": "No", "priority": "low", "assignee_agent": AgentFactory().pk}
    response = site.post(add_to(Issue), form)
    assert response.status_code == 200
    assert not Issue.objects.exists()


def test_issues_that_nothing_moves_are_those_without_run_and_wakeup(site: Client) -> None:
    lost = assigned_to(AgentFactory(), status="in_progress")
    HeartbeatRunFactory(agent=(agent := AgentFactory()), issue=assigned_to(agent))
    waits = assigned_to(AgentFactory())
    WakeupRequestFactory(agent=waits.assignee_agent, issue=waits, status="deferred_issue_execution")
    IssueFactory()
    assert stuck(site, "unmoved") == [lost]


def test_recovery_issues_without_owner_are_found(site: Client) -> None:
    orphan = IssueFactory(origin_kind="stranded_issue_recovery", origin_id="1")
    owned = IssueFactory(origin_kind="stale_active_run_evaluation", assignee_user=UserFactory())
    IssueFactory(origin_kind="stranded_issue_recovery", status="done", origin_id="2")
    assert stuck(site, "ownerless") == [orphan]
    assert set(stuck(site, "recovery")) == {orphan, owned}


def test_releasing_a_lock_keeps_status_and_assignee_and_is_audited(site: Client) -> None:
    agent = AgentFactory()
    issue = assigned_to(agent, status="in_progress")
    run = running_run(agent=agent, issue=issue)
    Issue.objects.filter(pk=issue.pk).update(execution_run=run, checkout_run=run)
    free = IssueFactory()
    assert confirm(site, "release_lock", issue, free) == ["1 released, 1 skipped because not locked."]
    issue.refresh_from_db()
    assert (issue.execution_run, issue.checkout_run, issue.status) == (None, None, "in_progress")
    assert issue.assignee_agent == agent
    assert ActivityEvent.objects.filter(action="issue.admin_force_release").exists()


def test_a_status_is_no_field_to_type_into(site: Client) -> None:
    issue = IssueFactory()
    site.post(page_of(issue), {"status": "done", "title": "Changed"})
    issue.refresh_from_db()
    assert (issue.status, issue.title) != ("done", "Changed")
    assert 'name="status"' not in site.get(page_of(issue)).content.decode()
