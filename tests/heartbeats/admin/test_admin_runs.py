"""Runs in the admin: cancel, retry, and what the list says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from agents.models import ActivityEvent
from agents.vocabulary import AgentStatus
from heartbeats.models import HeartbeatRun, WakeupRequest
from heartbeats.vocabulary import RunStatus
from tests.config.admin.admin_site import ask, confirm, list_of, page_of
from tests.factories.agents import AgentFactory, UserFactory
from tests.factories.heartbeats import HeartbeatRunFactory, finished_run, parked_retry, running_run
from tests.factories.issues import assigned_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def test_live_runs_are_cancelled_and_finished_ones_skipped(site: Client) -> None:
    running, queued, waiting = running_run(), HeartbeatRunFactory(), parked_retry()
    done = finished_run()
    told = confirm(site, "cancel", running, queued, waiting, done)
    assert told == ["3 cancelled, 1 skipped because already succeeded."]
    assert HeartbeatRun.objects.filter(status=RunStatus.CANCELLED).count() == 3
    assert ActivityEvent.objects.filter(action="heartbeat.cancelled").count() == 3


def test_a_failed_run_is_asked_for_again_with_its_issue(site: Client) -> None:
    agent = AgentFactory()
    failed = finished_run(RunStatus.FAILED, agent=agent, issue=assigned_to(agent, status="in_progress"))
    assert confirm(site, "retry", failed) == ["1 requested again."]
    again = HeartbeatRun.objects.get(status=RunStatus.QUEUED)
    assert (again.agent, again.issue) == (agent, failed.issue)
    assert again.context["retryOfRunId"] == str(failed.pk)
    assert ActivityEvent.objects.get(action="heartbeat.invoked").details == {
        "agentId": str(agent.pk),
        "issueId": str(failed.issue_id),
        "retryOfRunId": str(failed.pk),
        "newRunId": str(again.pk),
    }


def test_a_retry_that_waits_is_run_now(site: Client) -> None:
    parked, running = parked_retry(), running_run()
    assert confirm(site, "run_now", parked, running) == ["1 queued, 1 skipped because running."]
    parked.refresh_from_db()
    assert parked.status == RunStatus.QUEUED
    assert ActivityEvent.objects.filter(action="heartbeat.invoked", entity_id=str(parked.pk)).count() == 1


def test_a_retry_passes_every_gate(site: Client) -> None:
    paused = finished_run(RunStatus.FAILED, agent=AgentFactory(status=AgentStatus.PAUSED))
    [told] = confirm(site, "retry", paused)
    assert told.startswith("none requested again, 1 skipped because")
    assert not HeartbeatRun.objects.live().exists()


def test_only_unsuccessful_runs_are_retried(site: Client) -> None:
    assert confirm(site, "retry", finished_run()) == ["none requested again, 1 skipped because it succeeded."]
    assert confirm(site, "retry", running_run()) == ["none requested again, 1 skipped because running."]


def test_the_actions_of_a_page_are_those_that_are_possible_now(site: Client) -> None:
    running, failed = running_run(), finished_run(RunStatus.FAILED)
    assert ">Cancel…<" in site.get(page_of(running)).content.decode()
    page = site.get(page_of(failed)).content.decode()
    assert ">Retry…<" in page
    assert ">Cancel…<" not in page


def test_after_an_action_from_its_page_one_is_back_on_that_page(site: Client) -> None:
    run = running_run()
    response = ask(site, "cancel", run, confirmed="yes", next=page_of(run))
    assert response.headers["Location"] == page_of(run)
    other = ask(site, "cancel", running_run(), confirmed="yes", next="https://elsewhere.example/")
    assert other.headers["Location"].startswith(list_of(HeartbeatRun))


def test_a_run_whose_lease_is_over_is_found(site: Client) -> None:
    late = running_run(lease_expires_at=timezone.now() - timedelta(seconds=5))
    running_run()
    rows = site.get(f"{list_of(HeartbeatRun)}?trouble=lease").context["cl"].result_list
    assert [row.pk for row in rows] == [late.pk]


def test_search_takes_an_id_an_identifier_or_the_beginning_of_an_agent_s_name(site: Client) -> None:
    agent = AgentFactory(name="Anvil")
    run = HeartbeatRunFactory(agent=agent, issue=assigned_to(agent))
    HeartbeatRunFactory()
    for term in (str(run.pk), run.issue.identifier.lower(), "anv"):
        rows = site.get(list_of(HeartbeatRun), {"q": term}).context["cl"].result_list
        assert [row.pk for row in rows] == [run.pk], term


def test_a_wakeup_that_was_skipped_says_why(site: Client) -> None:
    finished = finished_run()
    WakeupRequest.objects.filter(run=finished).update(status="skipped", reason="issue_dependencies_blocked")
    page = site.get(f"{list_of(WakeupRequest)}?refused=dependencies_blocked").content.decode()
    assert "issue dependencies blocked" in page
