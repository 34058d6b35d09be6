"""The first page: is anything stuck?"""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.errors import ReportedError, record_error
from agents.models import ErrorGroup
from agents.vocabulary import ErrorSeverity
from heartbeats.vocabulary import RunStatus
from tests.config.admin.admin_rows import row_of
from tests.factories.agents import AgentFactory, UserFactory
from tests.factories.heartbeats import finished_run
from tests.factories.issues import assigned_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def counts(site: Client) -> dict[str, str]:
    groups = site.get(reverse("admin:index")).context["groups"]
    return {answer.title: answer.count for _, answers in groups for answer in answers}


def test_the_first_page_counts_what_is_stuck(site: Client) -> None:
    finished = finished_run(RunStatus.FAILED)
    finished_run(RunStatus.TIMED_OUT)
    error = ReportedError(ErrorSeverity.FATAL, "Disk is full")
    record_error(error, company_id=finished.company_id, agent_id=finished.agent_id, source="errors", now=timezone.now())
    assigned_to(AgentFactory())
    found = counts(site)
    assert found["Error groups, open"] == "1"
    assert found["Issues that nothing moves"] == "1"
    assert found["Runs failed or timed out"] == "2"


def test_every_count_leads_to_a_list_with_as_many_rows(site: Client) -> None:
    row_of(ErrorGroup)
    assigned_to(AgentFactory())
    finished_run(RunStatus.FAILED, error_code="process_lost")
    for _, answers in site.get(reverse("admin:index")).context["groups"]:
        for answer in answers:
            page = site.get(answer.page)
            assert page.status_code == 200, answer.title
            assert len(page.context["cl"].result_list) == int(answer.count), answer.title


def test_failing_checks_are_a_banner_that_says_what_to_do(site: Client) -> None:
    page = site.get(reverse("admin:index")).content.decode()
    assert 'role="alert"' in page
    assert "start `manage.py supervise`" in page


def test_nobody_unknown_sees_anything(client: Client) -> None:
    assert client.get(reverse("admin:index")).status_code == 302
    client.force_login(UserFactory())
    assert client.get(reverse("admin:index")).status_code == 302
